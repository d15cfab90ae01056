"""TrainConfig: all that decides a training run but for its data's folder, as pydantic models; unknown keys are refused.

Needs no torch. A run saves its config in every checkpoint.
"""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gyrosharp.config_files import config_of, key_table, read_config_file

DOCS = "docs/training.md"


def _rising(levels: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if not levels or any(a[0] >= b[0] for a, b in pairwise(levels)):
        raise ValueError(f"expected points [progress, alpha] with rising progress, got {[list(p) for p in levels]}")
    return levels


Levels = Annotated[tuple[tuple[float, float], ...], AfterValidator(_rising)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Decay = Annotated[float, Field(ge=0, lt=1)]


class NetPart(_Strict):
    """Which network."""

    name: str = Field(description="network (gyrosharp.nets)")
    size: str = Field(default="full", description="named size of it: full, tiny, ...")
    changes: dict[str, Any] = Field(default_factory=dict, description="fields of its Config that differ")
    start: str | None = Field(
        default=None, description="run, checkpoint or model whose weights it starts from; none: drawn from the seed"
    )


class DataPart(_Strict):
    """How samples become batches."""

    crop: int = Field(default=256, ge=8, description="side of a crop, px")
    batch: int = Field(default=16, ge=1, description="crops per step and process, gradient accumulation included")
    border: int = Field(default=0, ge=0, description="crops stay this far from the edges of their sample, px")
    flip: bool = Field(default=True, description="mirror and turn crops at random")
    workers: int = Field(default=0, ge=0, description="loader processes; 0 loads in the training process")
    synth: dict[str, Any] | Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] | None = Field(
        default=None,
        description="synthesis on the device: a SynthConfig, or several, which batches take in turn; then the data's "
        "folder holds sharp photos",
    )
    echo: int = Field(default=1, ge=1, description="of synthesis on the device: how many steps use each sample")

    @model_validator(mode="after")
    def _echoes_what_is_made(self) -> "DataPart":
        if self.echo > 1 and self.synth is None:
            raise ValueError(f"expected echo 1 without synth, got {self.echo}; shards are gone through again anyway")
        return self


class LossPart(_Strict):
    """One term of the loss."""

    kind: str = Field(description="loss (gyrosharp.training.losses)")
    weight: float = Field(default=1.0, description="factor of the term")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the loss")


class OptimiserPart(_Strict):
    """Optimiser."""

    kind: Literal["adam", "adamw"] = Field(default="adam", description="adam or adamw")
    rate: float = Field(default=1e-4, gt=0, description="learning rate at its highest")
    betas: tuple[Decay, Decay] = Field(default=(0.9, 0.999), description="decay of the running moments")
    weight_decay: float = Field(default=0.0, ge=0, description="weight decay")
    clip_norm: float | None = Field(default=None, gt=0, description="gradients are scaled down to this norm")
    accumulate: int = Field(default=1, ge=1, description="parts that a batch is computed in")


class SchedulePart(_Strict):
    """Length of the run and learning rate over it."""

    steps: int = Field(default=200_000, ge=1, description="optimiser steps")
    kind: Literal["cosine", "step", "constant"] = Field(default="cosine", description="cosine, step or constant")
    warmup: int = Field(default=0, ge=0, description="steps of linear warm-up")
    final_rate: float = Field(default=1e-7, ge=0, description="of cosine: learning rate at the end")
    milestones: tuple[float, ...] = Field(default=(), description="of step: shares of the run at which it drops")
    factor: float = Field(default=0.5, gt=0, description="of step: what the rate is multiplied by at each")


class CurriculumPart(_Strict):
    """Share alpha of gyro errors in the motion, V = (1 - alpha) V_exact + alpha V_erroneous, over the run."""

    kind: Literal["stairs", "linear"] = Field(
        default="stairs", description="stairs hold each point's alpha to the next"
    )
    # GyroDeblurNet: alpha = 0.1 floor(epoch / 10) of 300 epochs, 1 from epoch 100 on.
    points: Levels = Field(
        default=tuple((k / 30, k / 10) for k in range(11)), description="points [share of the run, alpha]"
    )


class ValidationPart(_Strict):
    """Validation on fixed samples, which training never sees."""

    every: int = Field(default=1000, ge=1, description="steps between validations")
    samples: int = Field(default=32, ge=1, description="samples, the last ones of the data")
    alpha: float = Field(default=1.0, ge=0, le=1, description="share of gyro errors in the validation's motion")
    pictures: int = Field(default=4, ge=0, description="samples that are drawn")


class TrainConfig(_Strict):
    """A training run."""

    description: str = ""
    net: NetPart
    data: DataPart = DataPart()
    losses: tuple[LossPart, ...] = Field(default=(LossPart(kind="psnr"),), min_length=1, description="see below")
    optimiser: OptimiserPart = OptimiserPart()
    schedule: SchedulePart = SchedulePart()
    curriculum: CurriculumPart = CurriculumPart()
    validation: ValidationPart = ValidationPart()
    ema: float = Field(default=0.0, ge=0, lt=1, description="decay of the averaged weights; 0 keeps none")
    precision: Literal["float32", "bfloat16"] = Field(default="float32", description="of forward and backward passes")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of weights, order and augmentation")
    checkpoint_every: int = Field(default=1000, ge=1, description="steps between checkpoints")
    log_every: int = Field(default=50, ge=1, description="steps between lines of the log")


def train_config(content: object, changes: tuple[str, ...] = (), name: str = "config") -> TrainConfig:
    """Return a config from its raw form, with values replaced ("part.key=value", the value in YAML).

    Raises
    ------
    UsageError
        If a key is unknown, or a value is out of range.
    """
    return config_of(TrainConfig, content, changes, name, DOCS)


def read_train_config(path: Path, changes: tuple[str, ...] = ()) -> TrainConfig:
    """Read a config from a YAML file; see `train_config`.

    Raises
    ------
    UsageError
        If it cannot be read, is no YAML mapping, a key is unknown, or a value is out of range.
    """
    return read_config_file(TrainConfig, path, changes, DOCS)


def train_config_reference() -> str:
    """Return all keys, their defaults and meanings as a Markdown table; docs/training.md shows it."""
    return key_table(TrainConfig, {"losses[].": LossPart})
