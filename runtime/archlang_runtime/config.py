"""The settings of a run, and the schedule that follows from them. Imports no jax.

The defaults are those of Wang et al. 2025 (Table 2 and the released code). An environment's row in the table may replace
them with settings that suit it, and a flag replaces both.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from archlang import Diagnostic, Environment, did_you_mean
from archlang_runtime.envs import find_task
from archlang_runtime.errors import RunError, diagnostic

EnergyName = Literal["norm", "l2", "dot", "cosine", "mrn"]
LossName = Literal["forward_infonce", "backward_infonce", "symmetric_infonce", "binary_nce", "flatnce"]
OptimizerName = Literal["adam", "adamw", "sgd", "lion"]
DECAYING = ("adamw", "lion")  # optimizers that decay what they learn
EVALUATED_IN = "--eval-environment"
MAX_TIME = 2**31 - 2**20  # the buffer counts the steps of each environment in int32
MAX_COUNT = 2**31 - 1  # jax's own whole numbers are int32
COUNTS = (
    "num_envs",
    "episode_length",
    "unroll_length",
    "updates_per_unroll",
    "unrolls_per_epoch",
    "replay_rows",
    "prefill_rows",
)
COUNTS += ("batch_size", "explore_best_of", "eval_best_of", "num_eval_envs")


class TrainConfig(BaseModel):
    """Everything that decides what a run computes. Two runs with equal configurations and specifications are equal."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    environment: str = Field(description="environment to train in")
    steps: int = Field(default=100_000_000, ge=1, description="environment steps, rounded up to whole epochs")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of every random draw")

    num_envs: int = Field(default=512, ge=1, description="environments that run side by side")
    episode_length: int = Field(default=1_000, ge=1, description="control steps until an episode ends for lack of time")
    unroll_length: int = Field(default=62, ge=1, description="control steps of each environment between two rounds of updates")
    updates_per_unroll: int = Field(default=800, ge=1, description="updates after each unroll")
    unrolls_per_epoch: int = Field(default=32, ge=1, description="unrolls between two evaluations, each with a checkpoint")

    replay_rows: int = Field(default=10_000, ge=1, description="transitions kept for each environment")
    replay_dtype: Literal["float32", "bfloat16"] = Field(default="float32", description="what they are kept in")
    prefill_rows: int = Field(default=1_000, ge=1, description="transitions of each environment before the first update")
    batch_size: int = Field(default=512, ge=2, description="transitions in one update, each a negative for all others")

    discount: float = Field(default=0.99, gt=0, lt=1, description="goals k steps ahead are drawn in proportion to discount^k")
    energy: EnergyName = Field(default="norm", description="the critic's energy: norm, l2, dot, cosine or mrn")
    loss: LossName = Field(
        default="forward_infonce",
        description="the critic's loss: forward_infonce, backward_infonce, symmetric_infonce, binary_nce or flatnce",
    )
    logsumexp_penalty: float = Field(default=0.1, ge=0, description="weight of the penalty on the contrastive loss's partition")
    entropy: Literal["learned", "off"] = Field(
        default="learned", description="whether the policy is held at an entropy, at a weight that is learned, or not: off"
    )
    target_entropy: float = Field(default=-0.5, description="entropy that the policy is held at, per action dimension")
    actor_learning_rate: float = Field(default=3e-4, gt=0, description="step size for the actor")
    critic_learning_rate: float = Field(default=3e-4, gt=0, description="step size for both encoders")
    alpha_learning_rate: float = Field(default=3e-4, gt=0, description="Adam's step size for the entropy's weight")

    optimizer: OptimizerName = Field(
        default="adam", description="of the three networks: adam, adamw, sgd or lion; the entropy's weight keeps adam"
    )
    weight_decay: float | None = Field(
        default=None, ge=0, description="decay of all parameters by adamw (else 1e-4) and lion (else 1e-3), times the step size"
    )

    explore_best_of: int = Field(default=1, ge=1, description="actions drawn for each step of training; the critic picks one")
    eval_best_of: int = Field(default=1, ge=1, description="actions drawn in evaluation; 1 is the policy's mean, without noise")
    eval_environment: str | None = Field(default=None, description="environment of evaluations, if it is another")
    num_eval_envs: int = Field(default=128, ge=1, description="episodes in each evaluation")

    checkpoint_replay: Literal["yes", "no"] = Field(
        default="yes", description="whether checkpoints hold the replay buffer, or it is filled anew when the run goes on: no"
    )
    remat: str | None = Field(default=None, description="policy of every stack: none, dots, full or nested; else as planned")
    unroll: int | None = Field(default=None, ge=1, description="copies in each step of every stack's loop; else as planned")

    @model_validator(mode="after")
    def numbers_agree(self) -> TrainConfig:
        for name in COUNTS:
            if getattr(self, name) > MAX_COUNT:
                raise ValueError(f"{name} is at most {MAX_COUNT:,}; got {getattr(self, name):,}")
        if self.prefill_rows > self.replay_rows:
            raise ValueError(f"prefill_rows is at most replay_rows, {self.replay_rows}; got {self.prefill_rows}")
        if self.unroll_length > self.replay_rows:
            raise ValueError(f"unroll_length is at most replay_rows, {self.replay_rows}; got {self.unroll_length}")
        stored = self.num_envs * self.prefill_rows
        if self.batch_size > stored:
            raise ValueError(f"batch_size is at most num_envs x prefill_rows, {stored}; got {self.batch_size}")
        if self.total_steps // self.num_envs > MAX_TIME:
            raise ValueError(f"steps is at most {MAX_TIME:,} in each environment; got {self.steps:,}")
        return self

    @model_validator(mode="after")
    def environments_agree(self) -> TrainConfig:
        if self.eval_environment is None:
            return self
        trained, evaluated = find_task(self.environment).environment, find_task(self.eval_environment, EVALUATED_IN).environment
        if dimensions(trained) != dimensions(evaluated):
            wanted = f"an environment of {dimensions(trained)}, like {trained.name}"
            raise ValueError(f"eval_environment takes {wanted}; {evaluated.name} has {dimensions(evaluated)}")
        return self

    @model_validator(mode="after")
    def entropy_agrees(self) -> TrainConfig:
        for name in ("target_entropy", "alpha_learning_rate"):
            value, default = getattr(self, name), TrainConfig.model_fields[name].default
            if self.entropy == "off" and value != default:
                raise ValueError(f"{name} has no effect where entropy is off; got {value!r}")
        return self

    @model_validator(mode="after")
    def optimizer_agrees(self) -> TrainConfig:
        if self.weight_decay is not None and self.optimizer not in DECAYING:
            takes = " and ".join(DECAYING)
            raise ValueError(f"weight_decay has no effect with {self.optimizer}, only with {takes}; got {self.weight_decay!r}")
        return self

    @property
    def evaluated_in(self) -> str:
        """The environment of the evaluations."""
        return self.eval_environment or self.environment

    # --- the schedule that follows -----------------------------------------------------------------------------------

    @property
    def steps_per_unroll(self) -> int:
        """Environment steps of one unroll, over all environments."""
        return self.num_envs * self.unroll_length

    @property
    def steps_per_epoch(self) -> int:
        """Environment steps of one epoch."""
        return self.steps_per_unroll * self.unrolls_per_epoch

    @property
    def updates_per_epoch(self) -> int:
        """Updates of one epoch."""
        return self.updates_per_unroll * self.unrolls_per_epoch

    @property
    def prefill_unrolls(self) -> int:
        """Unrolls before the first update: `prefill_rows`, rounded up."""
        return ceil_div(self.prefill_rows, self.unroll_length)

    @property
    def prefill_steps(self) -> int:
        """Environment steps before the first update."""
        return self.prefill_unrolls * self.steps_per_unroll

    @property
    def epochs(self) -> int:
        """Epochs: as many as `steps` asks for, rounded up, at least one."""
        return max(1, ceil_div(self.steps - self.prefill_steps, self.steps_per_epoch))

    @property
    def total_steps(self) -> int:
        """Environment steps that the run really takes."""
        return self.steps_after(self.epochs)

    @property
    def total_updates(self) -> int:
        """Updates that the run really makes."""
        return self.epochs * self.updates_per_epoch

    @property
    def env_steps_per_update(self) -> float:
        """The update-to-data ratio, as the paper writes it: 1 update to this many environment steps."""
        return self.steps_per_unroll / self.updates_per_unroll

    def steps_after(self, epoch: int) -> int:
        """Environment steps taken when `epoch` is over; epoch 0 is before the first step."""
        return self.prefill_steps + epoch * self.steps_per_epoch if epoch else 0


def dimensions(environment: Environment) -> str:
    """An environment's dimensions in words."""
    return f"state {environment.state_dim}, action {environment.action_dim}, goal {environment.goal_dim}"


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def make_config(environment: str, **chosen: Any) -> TrainConfig:
    """The environment's settings with those `chosen` in their place (None: not chosen). Wrong ones are E0603."""
    given = {name: value for name, value in chosen.items() if value is not None}
    settings = {"environment": environment, **find_task(environment).training, **given}
    try:
        return TrainConfig.model_validate(settings)
    except ValidationError as mistakes:
        raise RunError(explain(mistake) for mistake in mistakes.errors()) from None


BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def explain(mistake: Any) -> Diagnostic:
    """One of pydantic's errors in our words: the setting, what it takes, what it got."""
    if not mistake["loc"]:  # from `numbers_agree`
        message = mistake["msg"].removeprefix("Value error, ")
        return diagnostic("E0603", message, option(message.split()[0]))
    name = str(mistake["loc"][0])
    field = TrainConfig.model_fields.get(name)
    if field is None:
        similar = did_you_mean(name, TrainConfig.model_fields)
        help = f"did you mean `{similar}`?" if similar else None
        return diagnostic("E0603", f"there is no setting `{name}`", option(name), help)
    message = f"{name} takes {kind(field)}; got {mistake['input']!r}"
    similar = did_you_mean(str(mistake["input"]), words(field))
    help = f"did you mean `{similar}`?" if similar else f"{name}: {field.description}"
    return diagnostic("E0603", message, option(name), help)


def option(name: str) -> str:
    """The option of a setting: `batch_size` → `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def kind(field: FieldInfo) -> str:
    """What a setting takes, such as `a whole number ≥ 1` or `learned, off`."""
    if words(field):
        return ", ".join(words(field))
    kinds = {int: "a whole number", float: "a number", str: "a text"}
    taken = next(name for type, name in kinds.items() if field.annotation in (type, type | None))
    return taken + bounds(field)


def words(field: FieldInfo) -> tuple[str, ...]:
    """The words that a setting chooses from, if it takes words."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def bounds(field: FieldInfo) -> str:
    """The limits of a setting, such as ` > 0 and < 1`."""
    limits = [(sign, getattr(rule, name, None)) for rule in field.metadata for name, sign in BOUNDS.items()]
    return " and".join(f" {sign} {limit}" for sign, limit in limits if limit is not None)
