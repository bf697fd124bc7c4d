"""E07xx: runs and their folders."""

from __future__ import annotations

from archlang.explanations.form import Commands, Explanation

TRAIN = "archlang train reacher --env reacher --out runs/mine"
ANOTHER = "archlang train reacher --env reacher --out runs/other"

RUNS = {
    "E0701": Explanation(
        meaning="""A run is a folder that `archlang train` made, with a `config.json`. This is a file, or a folder that holds
        something else, or it is not there.""",
        why="""A run writes into its folder, and removes what it has outlived there. It begins in no folder that holds the
        work of somebody else.""",
        example=Commands(
            wrong="archlang train reacher --env reacher --out thesis",
            message="error[E0701]: thesis is not empty and not a run",
            right="archlang train reacher --env reacher --out thesis/runs/mine",
            given="the folder thesis holds thesis.tex",
        ),
        see=("E0702",),
    ),
    "E0702": Explanation(
        meaning="""The folder has a `config.json`, but it cannot be read: it is damaged, was edited by hand, or is of another
        version of archlang.""",
        why="""A setting that is guessed would go on with the run as another one. The two halves of the learning curve would
        come from two experiments.""",
        example=Commands(
            wrong=TRAIN,
            message="error[E0702]: cannot read runs/mine/config.json: format 0, this version of archlang reads 4",
            right=ANOTHER,
            given="runs/mine is of a version with another format",
        ),
        see=("E0701",),
    ),
    "E0703": Explanation(
        meaning="""The folder holds a run with other settings or other networks than those asked for; the notes say which.
        Only `--steps` may differ: a run can go on for longer. To write the specification in other words makes no
        difference.""",
        why="""To go on would join two experiments in one learning curve, and to begin again would overwrite the first.""",
        example=Commands(
            wrong=f"{TRAIN} --seed 1",
            message="error[E0703]: runs/mine is a run with other settings\nnote: seed: 0 in the run, 1 asked for",
            right=f"{ANOTHER} --seed 1",
            given="runs/mine was begun with seed 0",
        ),
    ),
    "E0704": Explanation(
        meaning="""A checkpoint lacks a file, has a file that changed since it was written, or holds arrays of other shapes
        than this run's.""",
        why="""One wrong bit in the state of an optimizer stops nothing. It changes every number after it, and the promise that
        a run which was stopped gives the numbers of one that was not is gone.""",
        example=Commands(
            wrong="archlang eval runs/mine",
            message="error[E0704]: cannot read the checkpoint runs/mine/checkpoints/12: "
            "arrays/manifest.ocdbt has changed since it was written",
            right=f"rm -r runs/mine/checkpoints/12\n{TRAIN}",
            given="a file of the newest checkpoint was damaged; the one before it is whole",
        ),
        see=("E0707",),
    ),
    "E0705": Explanation(
        meaning="""The file system refused what a run needs: a path leads through a file, a folder may not be written to, the
        disk is full. The message has its reason.""",
        why="""A run that goes on without a place for its checkpoints and metrics is lost with the process.""",
        example=Commands(
            wrong="archlang train reacher --env reacher --out notes.txt/mine",
            message="error[E0705]: cannot use notes.txt/mine: Not a directory",
            right=TRAIN,
            given="notes.txt is a file",
        ),
    ),
    "E0706": Explanation(
        meaning="""Another process trains in this folder. The lock goes with that process, however it ends; there is no file
        to remove.""",
        why="""Two processes that write one `metrics.jsonl` and remove each other's checkpoints leave neither run whole.""",
        example=Commands(
            wrong=TRAIN,
            message="error[E0706]: another process is training in runs/mine",
            right=ANOTHER,
            given="the same command runs in another terminal",
        ),
    ),
    "E0707": Explanation(
        meaning="""The run has no checkpoint yet, or not the one asked for. The first is written when the first epoch is over;
        kept are the newest, as many as `--keep` says, and the best. To train on starts it or takes it further.""",
        why="""Networks as they were initialized also reach a goal now and then. Their score would look like a result.""",
        example=Commands(
            wrong="archlang eval runs/mine",
            message="error[E0707]: runs/mine has no checkpoint yet",
            right=TRAIN,
            given="runs/mine was stopped in its first epoch",
        ),
        see=("E0704",),
    ),
    "E0708": Explanation(
        meaning="""A loss, a gradient or a parameter became infinite or NaN. The run ends before any of it reaches the
        disk; the last checkpoint is from before. The update is that where it first happened.""",
        why="""Once a parameter is not finite, every later number is not. An actor of such parameters still acts, and the rest
        of a long run would be spent on a flat line that looks like a result.""",
        example=Commands(
            wrong=f"{TRAIN} --critic-learning-rate 1e30",
            message="error[E0708]: update 1,004, after 64,000 environment steps, gave numbers that are not finite: critic_loss",
            right=ANOTHER,
        ),
    ),
    "E0709": Explanation(
        meaning="""The device has less free memory than the run needs for its networks, the replay buffer and the
        activations of an update, or the host less than the copy that checkpoints are written from. What is kept throughout is
        known before the run starts; the rest shows while it runs.""",
        why="""A smaller batch or buffer in the place of those asked for would be another experiment. Fewer `--replay-rows` or
        `--num-envs` make the buffer smaller, a smaller `--batch-size` the updates.""",
        example=Commands(
            wrong=f"{TRAIN} --replay-rows 1000000000",
            message="error[E0709]: not enough memory: what is kept takes 8,106.2 GiB, there are 16.0",
            right=f"{TRAIN} --replay-rows 1000",
        ),
    ),
    "E0710": Explanation(
        meaning="""The physics of an environment gave numbers that are not finite, or beyond all measure. It was reset, as
        always (the metric `blown_up` counts this), but did so again at its first step, several times in a row. The run ends
        before any of it reaches the disk; the last checkpoint is from before.""",
        why="""A reset now and then is no harm: what blew up never enters the buffer. An environment that does nothing else has
        no step to learn from, and would stand still in silence.""",
        example=Commands(
            wrong=TRAIN,
            message="error[E0710]: 128 of 128 environments of reacher blew up 4 times in a row",
            right=ANOTHER,
        ),
        see=("E0708",),
    ),
    "E0711": Explanation(
        meaning="""Weights are imported from an `.npz` file with one array for each that the networks have, layer by layer:
        the names are those of `archlang.lower.unstack` behind the role, such as `actor.dense.kernel`, shapes and data types
        are those of the networks, all numbers are finite. The notes say what is not so. Pickled objects are never read: they
        can run any program.""",
        why="""An array that is left away, cut or converted gives a network that acts, and not as the one that was trained.""",
        example=Commands(
            wrong="archlang import-checkpoint final.pkl reacher --env reacher --out runs/mine",
            message="error[E0711]: cannot read final.pkl as an .npz of arrays: File is not a zip file",
            right="archlang import-checkpoint weights.npz reacher --env reacher --out runs/mine",
            given="weights.npz holds what final.pkl does, as docs/import.md describes",
        ),
    ),
    "E0712": Explanation(
        meaning="""None of the runs has a line in its `metrics.jsonl` yet. The first comes before the first epoch, with the
        networks as they were initialized; runs that have lines are drawn without those that have none.""",
        why="""An empty picture looks like a run that learns nothing.""",
        example=Commands(
            wrong="archlang plot runs/mine",
            message="error[E0712]: runs/mine: no metrics yet",
            right=TRAIN,
            given="runs/mine was stopped before its first line",
        ),
        see=("E0707",),
    ),
    "E0713": Explanation(
        meaning="""A logger that `--log` names cannot be opened: its package is not installed, its server cannot be reached, or
        it does not know who you are. The message has its reason. Without `WANDB_MODE`, W&B goes offline where there is no
        network: the metrics stay in the run's folder, and `wandb sync` sends them.""",
        why="""Who names a logger looks for the run there. That nothing arrives would show hours later, if at all.""",
        example=Commands(
            wrong=f"{TRAIN} --log wandb",
            message="error[E0713]: `--log wandb` needs the package wandb, which is not installed",
            right=f"{TRAIN} --log tensorboard",
            given="the package wandb is not installed, tensorboardX is; `pip install 'archlang[wandb]'` changes it",
        ),
    ),
}
