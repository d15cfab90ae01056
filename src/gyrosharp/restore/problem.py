"""Problem: what a classical solver gets to see."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.operator import BlurOperator

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Problem:
    """Find the sharp image u with A u + noise = observed.

    Attributes
    ----------
    observed : (H, W, C) float32 array
        Blurred image, linear light, [0, 1].
    operator : BlurOperator
        A.
    noise_std : float
        Standard deviation of the noise, linear, full scale 1.
    confidence : (H, W) float32 array
        1 where the pixel can be trusted, 0 where it is saturated.
    """

    observed: NDArray[np.float32]
    operator: BlurOperator
    noise_std: float
    confidence: NDArray[np.float32]

    @cached_property
    def seen(self) -> NDArray[np.float32]:
        """A^T 1 (H, W): for how much of the exposure each point of u was seen."""
        return np.ascontiguousarray(self.operator.adjoint(np.ones((*self.observed.shape[:2], 1), np.float32))[..., 0])
