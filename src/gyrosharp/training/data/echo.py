"""Data echoing: samples that are dear to make are used several times, in other company each time.

Choi et al., Faster Neural Network Training with Data Echoing, arXiv 1907.05550, 2019: example echoing with a shuffle
buffer. Here the buffer is a round of batches: the steps of a round draw from all of its samples, each as often as any
other, so that a step's batch is a function of seed and step alone, and a resumed run makes one round again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch

from gyrosharp.training.data.batch import Arriving, Batch
from gyrosharp.training.data.order import ECHO

ROUND = 16
"""Batches of a round: samples enough for a step's to be unlike those of the step before."""


@dataclass(eq=False)
class _Round:
    """The batches of a round, made when the first sample of each is asked for."""

    arriving: list[Arriving]
    made: dict[int, Batch] = field(default_factory=dict)

    def batch(self, number: int, device: "torch.device | str") -> Batch:
        if number not in self.made:
            self.made[number] = self.arriving[number].to(device)
        return self.made[number]


@dataclass(frozen=True, eq=False)
class EchoedBatch:
    """A step's samples out of a round.

    Attributes
    ----------
    source : _Round
        The round.
    places : tuple of (int, int)
        Batch of the round and place in it, for each sample.
    """

    source: _Round
    places: tuple[tuple[int, int], ...]

    def to(self, device: "torch.device | str") -> Batch:
        """Return the samples on a device, where they are made if they are not there."""
        found = [(self.source.batch(number, device), place) for number, place in self.places]
        planes = [batch.planes[place] for batch, place in found if batch.planes is not None]
        return Batch(
            torch.stack([batch.image[place] for batch, place in found]),
            torch.stack([batch.target[place] for batch, place in found]),
            torch.stack(planes) if planes else None,
            tuple(batch.names[place] for batch, place in found),
        )


def echoed(
    arriving: Iterator[Arriving], first_step: int, batch: int, uses: int, seed: int, rank: int
) -> Iterator[EchoedBatch]:
    """Yield the batches of steps `first_step`, `first_step` + 1, ..., in which every sample is used so many times.

    Parameters
    ----------
    arriving : iterator of Arriving
        The batches that are made, from number `first_source` on.
    first_step, batch, uses : int
        Where the run goes on, samples per step, and uses of a sample.
    seed, rank : int
        Of the order.
    """
    length = ROUND * uses
    number, begin = divmod(first_step, length)
    while True:
        source = _Round(list(islice(arriving, ROUND)))
        rng = np.random.default_rng([seed, ECHO, number, rank])
        order = np.concatenate([rng.permutation(ROUND * batch) for _ in range(uses)])
        for step in range(begin, length):
            yield EchoedBatch(source, tuple(divmod(int(i), batch) for i in order[step * batch : (step + 1) * batch]))
        number, begin = number + 1, 0


def first_source(first_step: int, uses: int) -> int:
    """Return the number of the first batch of the round that a step belongs to."""
    return first_step // (ROUND * uses) * ROUND
