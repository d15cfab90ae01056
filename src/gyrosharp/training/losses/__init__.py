"""Losses, one module each, found by looking into this package. Needs torch (the extra `train`).

A loss is a module with

- ``NAME``, ``DESCRIPTION`` (one line) and ``PAPER`` (where it comes from);
- ``Loss``: a frozen dataclass whose fields are the loss's options, checked when it is made, and whose
  ``__call__(outputs, target)`` returns a scalar.

*Scales.* ``outputs`` are a network's pictures, finest first: (B, 3, H, W), (B, 3, ceil(H / 2), ceil(W / 2)), ...; the
target is (B, 3, H, W). The loss is the sum of its values at all scales, where the target at scale k is the mean of
2^k x 2^k pixels, borders repeated up to whole blocks. MIMO-UNet's code interpolates its targets bilinearly: the same at
half size; at a quarter that takes the middle 2 x 2 of the 4 x 4 pixels, which aliases.

*Precision.* Losses are computed in float32 whatever the network's precision: squares of small differences vanish in
bfloat16.

*Batches.* A batch's loss is the mean of its pictures' losses.

Adding a loss is adding such a file; contract tests then check it. Modules whose name starts with an underscore are not
losses.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol

from torch import Tensor

from gyrosharp.errors import UsageError
from gyrosharp.registry import modules_by_name
from gyrosharp.training.config import LossPart

__all__ = ["LossModule", "TotalLoss", "find_loss", "losses", "make_loss", "total_loss"]


class Term(Protocol):
    """A loss with its options."""

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss, a scalar."""


class LossModule(Protocol):
    """What a module of this package offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    PAPER: str
    Loss: type[Any]


@cache
def losses() -> MappingProxyType[str, LossModule]:
    """Return the losses by name, sorted."""
    return modules_by_name(__name__)


def find_loss(name: str) -> LossModule:
    """Return a loss's module.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in losses():
        raise UsageError(f"loss: expected one of {', '.join(losses())}, got {name!r}")
    return losses()[name]


def make_loss(part: LossPart) -> Term:
    """Return a loss with the options that a part of a training config names; its weight is not applied.

    Raises
    ------
    UsageError
        If the loss or an option is not known, or a value is refused.
    """
    module = find_loss(part.kind)
    known = [option.name for option in dataclasses.fields(module.Loss)]
    for name in part.options:
        if name not in known:
            raise UsageError(f"loss {part.kind}: expected options out of {', '.join(known) or 'none'}, got {name!r}")
    loss: Term = module.Loss(**part.options)
    return loss


@dataclass(frozen=True)
class TotalLoss:
    """L = sum_i w_i L_i.

    Attributes
    ----------
    terms : tuple of (str, float, loss)
        Name, weight w_i and loss L_i of each term.
    """

    terms: tuple[tuple[str, float, Term], ...]

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum, and each term by name: before weighting, detached, on the device.

        Terms of one name are added up.

        Raises
        ------
        ImageError
            If outputs and target do not have the shapes that the package's docstring states.
        """
        total, values = target.new_zeros(()).float(), dict[str, Tensor]()
        for name, weight, loss in self.terms:
            value = loss(outputs, target)
            total = total + weight * value
            values[name] = values[name] + value.detach() if name in values else value.detach()
        return total, values


def total_loss(parts: tuple[LossPart, ...]) -> TotalLoss:
    """Return the loss that a training config describes.

    Raises
    ------
    UsageError
        If there is no part, a loss or an option is not known, or a value is refused.
    MissingComponentError
        If a loss needs weights that are not given.
    """
    if not parts:
        raise UsageError("losses: expected at least one, got none; the usual one is {kind: psnr}")
    return TotalLoss(tuple((part.kind, part.weight, make_loss(part)) for part in parts))
