"""Checkpoints: all that a run needs to go on bit for bit, in one file that is replaced as a whole."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from gyrosharp.errors import InputError, UsageError
from gyrosharp.media.atomic import atomic_write
from gyrosharp.nets import DeblurNet, build_net
from gyrosharp.training.config import TrainConfig, train_config
from gyrosharp.version import __version__

FORMAT = "gyrosharp.run/1"
LAST, BEST = "last.pt", "best.pt"
# What may change between a run and its continuation: none of it changes what is learnt.
FREE = (
    "description",
    "data.workers",
    "validation.every",
    "validation.pictures",
    "checkpoint_every",
    "log_every",
)


@dataclass
class RunState:
    """Where a run stands.

    Attributes
    ----------
    step, steps : int
        Steps done, and in all.
    seconds : float
        Time spent, all sessions together.
    skipped, skipped_in_a_row : int
        Batches whose loss or gradient was not finite.
    psnr_db, blurred_db, best_db : float or None
        Last validation (results, blurred pictures), and its highest PSNR so far.
    sums : dict
        Sums over the steps since the last line of the log.
    summed : int
        How many steps those are.
    """

    step: int
    steps: int
    seconds: float = 0.0
    skipped: int = 0
    skipped_in_a_row: int = 0
    psnr_db: float | None = None
    blurred_db: float | None = None
    best_db: float | None = None
    sums: dict[str, float] = field(default_factory=dict)
    summed: int = 0


def save_checkpoint(path: Path, config: TrainConfig, facts: Mapping[str, Any], state: RunState, parts: Any) -> None:  # noqa: ANN401
    """Write a checkpoint; the earlier one stays whole until the new one is.

    Parameters
    ----------
    path : Path
        ``last.pt`` or ``best.pt`` in the run's folder.
    config, facts, state : TrainConfig, mapping, RunState
        What is trained, on what data, and how far it is.
    parts : Step
        Networks and optimisers; see `gyrosharp.training.loop.Step`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    content = {
        "format": FORMAT,
        "gyrosharp_version": __version__,
        "config": config.model_dump(mode="json"),
        "data": dict(facts),
        "state": dataclasses.asdict(state),
        "modules": {name: module.state_dict() for name, module in parts.modules().items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in parts.optimisers().items()},
    }
    with atomic_write(path, overwrite=True) as temporary:
        torch.save(content, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint, on the CPU; nothing in it is executed.

    Raises
    ------
    InputError
        If there is none, or it is cut, or another program's.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(
            f"{path}: expected a checkpoint, got no such file; name the folder of a training run"
        ) from None
    except Exception as error:  # what torch raises on damaged files is not documented
        cause = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: expected a checkpoint, got a file that cannot be read ({cause})") from None
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise InputError(
            f"{path}: expected a checkpoint of format {FORMAT}, got {found!r}; train anew with this version"
        )
    return content


def restore(content: Mapping[str, Any], parts: Any) -> RunState:  # noqa: ANN401
    """Bring networks and optimisers to where a checkpoint was, and return how far that is."""
    for name, module in parts.modules().items():
        module.load_state_dict(content["modules"][name])
    for name, optimiser in parts.optimisers().items():
        optimiser.load_state_dict(content["optimisers"][name])
    return RunState(**content["state"])


def check_same_run(content: Mapping[str, Any], config: TrainConfig, facts: Mapping[str, Any], path: Path) -> None:
    """Check that a run goes on with the config and data that it began with.

    Raises
    ------
    UsageError
        If a value differs that changes what is learnt; it is named.
    """
    for kind, before, now in (
        ("config", content["config"], config.model_dump(mode="json")),
        ("data", content["data"], dict(facts)),
    ):
        old, new = _flat(before), _flat(now)
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key) and key not in FREE:
                raise UsageError(
                    f"{path}: expected the {kind} that this run began with, got {key} = {new.get(key)!r} instead of "
                    f"{old.get(key)!r}; choose another folder with -o for another run"
                )


def trained_net(path: Path) -> tuple[DeblurNet, TrainConfig, dict[str, Any]]:
    """Return the network of a checkpoint with its trained weights, averaged ones if there are any; config; content.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or its weights do not fit its network.
    UsageError
        If its network or config is not known to this version.
    """
    content = read_checkpoint(path)
    config = train_config(content["config"], name=str(path))
    net = build_net(config.net.name, config.net.size, config.net.changes)
    weights = content["modules"]
    try:
        net.load_state_dict(weights.get("average", weights["net"]))
    except RuntimeError as error:
        cause = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: expected weights of {config.net.name}, got others ({cause})") from None
    return net.eval(), config, content


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    """A nested mapping as one of dotted keys; lists are leaves."""
    if not isinstance(value, Mapping) or not value:
        return {prefix.rstrip("."): value}
    return {key: leaf for name, inner in value.items() for key, leaf in _flat(inner, f"{prefix}{name}.").items()}
