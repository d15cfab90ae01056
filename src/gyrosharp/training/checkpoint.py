"""Checkpoints: all that a run needs to go on bit for bit, in one file that is replaced as a whole."""

import dataclasses
import io
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
# What a checkpoint holds besides its format.
PARTS = ("config", "data", "state", "modules", "optimisers")
LAST, BEST = "last.pt", "best.pt"
DAMAGED = "it is damaged, or another program's; take another one, or begin anew with train -f"
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
    # In memory first: torch reports a full disk as a RuntimeError without a cause, Python as what it is.
    whole = io.BytesIO()
    torch.save(content, whole)
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_bytes(whole.getbuffer())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint, on the CPU; nothing in it is executed.

    Raises
    ------
    InputError
        If there is none, or it is cut, or another program's, or a part of it is missing.
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
    for part in PARTS:
        if not isinstance(content.get(part), dict):
            raise InputError(f"{path}: expected a checkpoint with the part {part}, got none: {DAMAGED}")
    _state_of(content, path)
    return content


def restore(content: Mapping[str, Any], parts: Any, path: Path) -> RunState:  # noqa: ANN401
    """Bring networks and optimisers to where a checkpoint was, and return how far that is.

    Raises
    ------
    InputError
        If its weights or moments are not those of these networks and optimisers; `path` is named.
    """
    for kind, holders in (("modules", parts.modules()), ("optimisers", parts.optimisers())):
        for name, holder in holders.items():
            try:
                holder.load_state_dict(content[kind][name])
            except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
                raise InputError(
                    f"{path}: expected {kind} of this run, got others for {name} ({_cause(error)}); {DAMAGED}"
                ) from None
    return _state_of(content, path)


def _state_of(content: Mapping[str, Any], path: Path) -> RunState:
    try:
        state = RunState(**content["state"])
        sound = isinstance(state.step, int) and isinstance(state.steps, int) and isinstance(state.seconds, float)
    except TypeError:
        sound = False
    if not sound:
        raise InputError(f"{path}: expected a checkpoint with steps and seconds, got others: {DAMAGED}")
    return state


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
        # In the config's own order: the network is named before what comes with it.
        for key in old | new:
            if old.get(key) != new.get(key) and key not in FREE:
                raise UsageError(
                    f"{path}: expected the {kind} that this run began with, got {key} = {_short(new.get(key))} instead "
                    f"of {_short(old.get(key))}; choose another folder with -o for another run"
                )


def checkpoint_of(source: Path) -> Path:
    """Return the checkpoint of a run's folder, the best one if there is one, or the one that is named.

    Raises
    ------
    InputError
        If there is none.
    """
    if not source.is_dir():
        return source
    for name in (BEST, LAST):
        if (source / name).is_file():
            return source / name
    raise InputError(
        f"{source}: expected a training run with {BEST} or {LAST}, got none; name its folder or a checkpoint"
    )


def trained_net(path: Path) -> tuple[DeblurNet, TrainConfig, dict[str, Any]]:
    """Return the network of a checkpoint with its trained weights, averaged ones if there are any; config; content.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or its weights do not fit its network or are not finite.
    UsageError
        If its network or config is not known to this version.
    """
    content = read_checkpoint(path)
    config = train_config(content["config"], name=str(path))
    net = build_net(config.net.name, config.net.size, config.net.changes)
    weights = content["modules"]
    try:
        net.load_state_dict(weights["average"] if "average" in weights else weights["net"])
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise InputError(f"{path}: expected weights of {config.net.name}, got others ({_cause(error)})") from None
    _require_finite(net, path)
    return net.eval(), config, content


def _require_finite(net: DeblurNet, path: Path) -> None:
    for name, value in net.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            raise InputError(f"{path}: expected finite weights, got NaN or infinity in {name}; take another checkpoint")


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    """A nested mapping as one of dotted keys; lists are leaves."""
    if not isinstance(value, Mapping) or not value:
        return {prefix.rstrip("."): value}
    return {key: leaf for name, inner in value.items() for key, leaf in _flat(inner, f"{prefix}{name}.").items()}


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
