"""Batch and TrainingData: what the training loop sees of data, whatever it comes from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures and what is known of their motion.

    Attributes
    ----------
    image, target : (B, 3, H, W) float32 tensors
        Observation and truth, sRGB-encoded, [0, 1].
    planes : (B, C, h, w) float32 tensor or None
        As `gyrosharp.blur.network_input.input_planes` gives them; None for networks that see the picture alone.
    names : tuple of str
        Names of the samples.
    """

    image: "torch.Tensor"
    target: "torch.Tensor"
    planes: "torch.Tensor | None"
    names: tuple[str, ...]

    def to(self, device: "torch.device | str") -> "Batch":
        """Return the batch on a device; from pinned memory the copy runs beside the device's work."""
        moved = [None if part is None else part.to(device, non_blocking=True) for part in self._parts]
        return Batch(moved[0], moved[1], moved[2], self.names)

    def pin_memory(self) -> "Batch":
        """Return the batch in pinned memory; the loader calls this."""
        pinned = [None if part is None else part.pin_memory() for part in self._parts]
        return Batch(pinned[0], pinned[1], pinned[2], self.names)

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self.image, self.target, self.planes


class Arriving(Protocol):
    """A batch on its way to the training device: a `Batch`, or shots that are blurred when they get there."""

    def to(self, device: "torch.device | str") -> Batch:
        """Return the batch on a device."""


class TrainingData(Protocol):
    """Where batches come from."""

    @property
    def facts(self) -> dict[str, Any]:
        """What tells one data set from another, as JSON; a run is only resumed on data with the same facts."""

    def batches(
        self, first_step: int, alpha_of_step: Callable[[int], float], rank: int = 0, world: int = 1
    ) -> Iterator[Arriving]:
        """Yield the batches of steps `first_step`, `first_step` + 1, ... without end; move each to the device first.

        The batch of a step depends on the config's seed and the step alone, whatever the number of loader processes.
        A step's crops are shared out to `world` processes, of which this is number `rank`, one `data.batch` for each.
        """

    def validation(self, device: "torch.device") -> list[Batch]:
        """Return the fixed samples that training never sees, on a device."""
