"""A system's training config: the recipe of its paper, then what size, variant and user change."""

import copy
from collections.abc import Mapping
from typing import Any

from gyrosharp.systems._spec import SystemSpec
from gyrosharp.training.config import TrainConfig, train_config

TINY = "tiny"


def training_config(
    spec: SystemSpec, size: str = "full", variant: str | None = None, changes: tuple[str, ...] = ()
) -> TrainConfig:
    """Return the training config of a system; later parts win.

    Parameters
    ----------
    spec : SystemSpec
        The system: its ``training``, and for the size ``tiny`` its ``tiny``, are merged key by key; lists are replaced.
        Its name, and that of the variant, become the config's description.
    size : str
        Named size of the network.
    variant : str or None
        One of the system's ablations.
    changes : tuple of str
        What the user changes: "part.key=value".

    Raises
    ------
    UsageError
        If the variant is not known, a key is unknown, or a value is out of range.
    """
    name = spec.name if variant is None else f"{spec.name} {variant}"
    content = merged({"description": name, "net": {"name": spec.net, "size": size}}, spec.training)
    if size == TINY:
        content = merged(content, spec.tiny)
    ablation = () if variant is None else spec.find_ablation(variant).changes
    return train_config(content, (*ablation, *changes), spec.name)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `base` with the values of `over`; mappings within are merged too.

    Examples
    --------
    >>> merged({"net": {"name": "a", "size": "full"}, "ema": 0.0}, {"net": {"size": "tiny"}})
    {'net': {'name': 'a', 'size': 'tiny'}, 'ema': 0.0}
    """
    result = {
        key: copy.deepcopy(value) if not isinstance(value, Mapping) else dict(value) for key, value in base.items()
    }
    for key, value in over.items():
        inner = result.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            result[key] = merged(inner, value)
        else:
            result[key] = _plain(value)
    return result


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A copy without read-only mappings, which pydantic does not take for dicts."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
