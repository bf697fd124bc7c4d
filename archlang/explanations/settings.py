"""E06xx: environments and training options."""

from __future__ import annotations

from archlang.explanations.form import Commands, Explanation

SETTINGS = {
    "E0501": Explanation(
        meaning="""The program that `archlang train` would run needs more of the GPU's memory than there is, less the margin
        (`--margin`, a tenth if not given) that CUDA's context, kernels and the allocator take. What costs the most is
        underlined, and each change that the help names was tried: it makes the program fit. `--exact` asks XLA for its own
        plan; the closed form adds a few per cent to what it says where it judges, since it may be wrong by as much.""",
        why="""A run that does not fit ends after minutes of compiling, or after an hour in a queue, with a message of the
        allocator's that names none of the layers.""",
        example=Commands(
            wrong="archlang estimate wang2025/base --env ant --set depth=4096 --gpu t4-16gb",
            message="""error[E0501]: does not fit t4-16gb: needs 15.9 GiB, has 13.1 GiB
8 │ trunk = unit, res(4x unit)*{depth/4}
  │               ^^^^^^^^^^^^^^^^^^^^^^ optimizer: 6.1 GiB, saved activations: 5.0 GiB of it
note: of 14.6 GiB a margin of 10% stays free, for CUDA's own and what the allocator wastes: `--margin`""",
            right="archlang estimate wang2025/base --env ant --set depth=4096 --gpu t4-16gb --remat nested",
        ),
        see=("E0502", "E0709"),
    ),
    "E0502": Explanation(
        meaning="""There is no GPU of that name among those that `archlang gpus` lists. Of any other the memory alone can be
        given, `custom:24GB` or `custom:23.5GiB`: enough for a plan, not for XLA to compile a program.""",
        why="""Two GPUs of nearly one name can differ in their memory by half, and a plan for the wrong one fits nowhere.""",
        example=Commands(
            wrong="archlang emit plan '(dense8)*4' --in 8 --gpu h100",
            message="error[E0502]: there is no GPU `h100`\n1 │ h100\n  │ ^^^^",
            right="archlang emit plan '(dense8)*4' --in 8 --gpu h100-80gb",
        ),
    ),
    "E0601": Explanation(
        meaning="No installed runtime has an environment of that name; `archlang envs` lists those that there are.",
        why="""The nearest name is another task, with other widths, goals and radius: a result under the wrong name is worse
        than none.""",
        example=Commands(
            wrong="archlang check reacher --env reachr",
            message="error[E0601]: there is no environment `reachr`\n1 │ reachr\n  │ ^^^^^^",
            right="archlang check reacher --env reacher",
        ),
        see=("E0602",),
    ),
    "E0602": Explanation(
        meaning="""A package offers a runtime through the entry-point group `archlang.runtime`, and to load it raised an
        error. What needs no runtime still works.""",
        why="""Without it the environments and commands of that package would be unknown one by one, and not one of those
        messages would give the reason.""",
        example=Commands(
            wrong="archlang check reacher --env maze",
            message="error[E0602]: the runtime `maze` (maze:runtime) cannot be loaded: ImportError: libGL.so.1",
            right="archlang check reacher --in 13 --action 2",
            given="the package maze needs a library that is not installed",
        ),
        see=("E0601",),
    ),
    "E0603": Explanation(
        meaning="""A setting of the training lies outside of its range, or two of them contradict each other; or `--set` or
        `--action` gives what no network needs. The message says what the setting takes.""",
        why="""The code of Wang et al. 2025 (scaling-crl 8516075) leaves out the batches that it cannot fill: with its other
        settings as they are, a batch size of 1024 gets 499 updates where 512 gets 800, and nothing says so. A sweep of the
        batch size is then one of the number of updates, too.""",
        example=Commands(
            wrong="archlang train reacher --env reacher --out runs/mine --num-envs 8 --batch-size 4096",
            message="error[E0603]: batch_size is at most num_envs x prefill_rows, 1600; got 4096",
            right="archlang train reacher --env reacher --out runs/mine --num-envs 8 --batch-size 512",
        ),
    ),
    "E0604": Explanation(
        meaning="""What is asked for depends on the width of a network's input, and nothing gives it: `--in N` gives it to
        every network, `--env E` to each role its own.""",
        why="""The first layer's parameters depend on it, and so do the program and what it needs; a width that is guessed
        gives a program that nobody runs.""",
        example=Commands(
            wrong="archlang emit jaxpr dense8",
            message="error[E0604]: the input width of network is not known",
            right="archlang emit jaxpr dense8 --in 4",
        ),
        see=("E0305",),
    ),
}
