"""Method: one entry of the solver registry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.restore.problem import Problem, Progress

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """What is measured on the whole photo, once, before anything is solved.

    Attributes
    ----------
    noise_std : float
        Typical noise, linear, full scale 1.
    brightness : float
        Mean of the photo, linear.
    trail_px : float
        Median length of the trails.
    taken : float
        Share of its noise that a photo from a lossy file lacks; see `gyrosharp.media.noise.PhotoNoise`.
    """

    noise_std: float
    brightness: float
    trail_px: float
    taken: float = 0.0


@dataclass(frozen=True)
class Method:
    """A named solver.

    Attributes
    ----------
    name : str
        What a user calls it.
    description : str
        One line.
    plan : callable
        From the facts of a photo, and whether a start from half size is at hand, to the solver's settings.
    solve : callable
        From problem, progress, settings and start (or None) to the image.
    takes_start : bool
        Whether the solver gains from starting at the solution of the half-size photo.
    images_held : float
        Peak memory in float32 images of the problem's size, the observed one included.
    tiles : bool
        Whether the photo may be solved in tiles, with the same result.
    framed : bool
        Whether the solver gains from pixels around the photo that nothing was seen of.
    """

    name: str
    description: str
    plan: Callable[[Facts, bool], Any]
    solve: Callable[[Problem, Progress | None, Any, Image | None], Image]
    takes_start: bool = False
    images_held: float = 7.0
    tiles: bool = True
    framed: bool = False
