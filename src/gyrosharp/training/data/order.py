"""Which sample and which chance belong to which place of a run: pure functions of seed and number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

# Random streams of what is drawn. Synthesis on the device numbers its stages likewise; the draws are of other things.
ORDER, AUGMENTATION, ECHO = 0, 1, 2


@dataclass(frozen=True)
class Request:
    """One batch of one process: `size` crops from number `first` on, counted over the whole run."""

    first: int
    size: int
    alpha: float


def requests(
    first_step: int, batch: int, alpha_of_step: Callable[[int], float], rank: int = 0, world: int = 1
) -> Iterator[Request]:
    """Yield the requests of steps `first_step`, `first_step` + 1, ... without end.

    Step n has the crops n B world to (n + 1) B world - 1, of which process `rank` takes B.
    """
    for step in count(first_step):
        yield Request((step * world + rank) * batch, batch, float(alpha_of_step(step)))


def sample_at(seed: int, number: int, samples: int) -> int:
    """Return which of the samples crop `number` of a run shows: every sample once before any comes again."""
    epoch, place = divmod(number, samples)
    return int(_permutation(seed, epoch, samples)[place])


def chance_at(seed: int, number: int) -> np.random.Generator:
    """Return the random numbers of crop `number` of a run."""
    return np.random.default_rng([seed, AUGMENTATION, number])


# A batch may reach from one epoch into the next.
@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, ORDER, epoch]).permutation(samples)
