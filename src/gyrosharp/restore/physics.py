"""What physics makes of a photo, as planes for a network that goes on from there.

All planes lie in [0, 1], and training stores them with 8 bit. Pictures are sRGB-encoded, as networks see them:

- ``estimate``: where the network begins: the solution of ``rl`` (`gyrosharp.restore.solvers`) in the first pass, and in
  every further pass what the network itself made of the photo;
- ``consistent``: the estimate after a few more steps of ``rl``, which pull it back to the photo and hardly hold back
  what is fine, nor the noise; to a photo that the camera has smoothed only so far, for it was changed after the blur;
- ``residual``: where the motion does not explain the photo, 1/2 + G (s(A u) - s(B)) with u the estimate, sRGB's s,
  G = 4;
- ``noise``: that of the encoded photo, over the most that solvers are made for;
- ``extent``: the median trail of the photo over 64 px;
- ``saturation``: 1 where a pixel cannot be trusted for its brightness;
- ``outside``: the share of a pixel's exposure in which it saw what lies outside the photo.

A network that starts from a solution need not learn to deconvolve; it learns what solutions look like where noise,
saturation or a wrong motion spoil them. Physics, network, physics, network is an unrolled iteration, as in
Zhang et al., Deep Unfolding Network for Image Super-Resolution, CVPR 2020, arXiv 2003.10428, with the same weights in
every pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.network_input import ESTIMATE, PHYSICS, require_physics
from gyrosharp.media.transfer import SRGB, encode_light
from gyrosharp.restore.classical import Scene, part_of, solve_scene
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.solvers import Method, find_method
from gyrosharp.restore.solvers.richardson_lucy import MOST_NOISE, plan_consistent, solve, visible_noise

Image = NDArray[np.float32]
Box = tuple[int, int, int, int]

SOLVER = "rl"
"""What makes the first estimate."""
CONSISTENT, RESIDUAL = "consistent", "residual"
FROM_SOLUTION = (ESTIMATE, CONSISTENT, RESIDUAL)
"""Planes that take a solution; the others follow from photo and motion alone."""
PULL = Method(CONSISTENT, "a few steps from an estimate back to the photo", plan_consistent, solve, framed=True)
"""What pulls an estimate back to the photo."""
# Share of the progress bar that the first estimate takes, before it is pulled back to the photo.
SOLVED = 0.85
# A residual of an eighth of full scale is the largest that is told apart; the noise of a dim photo is a tenth of that.
RESIDUAL_GAIN = 4.0
# Trails beyond this are rare, and look alike to a network of this reach.
LONGEST_PX = 64.0


@dataclass(frozen=True, eq=False)
class Physics:
    """Estimates of a whole photo, and the planes of any part of it.

    Attributes
    ----------
    scene : Scene
        The photo with its motion.
    names : tuple of str
        What is wanted, names of `gyrosharp.blur.network_input.PHYSICS`.
    pictures : dict of (H, W, C) float32 arrays
        Linear light, by name: the estimate, and the consistent one, where they are needed.
    """

    scene: Scene
    names: tuple[str, ...]
    pictures: dict[str, Image]

    @property
    def margin_px(self) -> int:
        """How far from the edge of a box its planes differ from those of the whole photo, px."""
        if not {RESIDUAL, "outside"} & {*self.names}:
            return 0
        return int(np.ceil(self.scene.operator.reach_px))

    def planes(self, box: Box, problem: Problem | None = None, out: Planes | None = None) -> Planes:
        """Return the planes (P, height, width) float32 of a box (x0, y0, width, height) of the photo.

        Parameters
        ----------
        box : (int, int, int, int)
            The part.
        problem : Problem or None
            ``scene.problem(box)`` where that is at hand.
        out : (P, height, width) float32 array or None
            Where to write them.
        """
        x0, y0, width, height = box
        part = slice(y0, y0 + height), slice(x0, x0 + width)
        if out is None:
            out = np.empty((sum(PHYSICS[name] for name in self.names), height, width), np.float32)
        rest = iter(out)
        for name in self.names:
            pictured = self._plane(name, part, lambda: problem or self.scene.problem(box))
            for channel in range(PHYSICS[name]):
                # One at a time: NumPy is slow to turn channels into planes.
                next(rest)[:] = pictured[..., channel]
        return out

    def _plane(self, name: str, part: tuple[slice, slice], problem: Callable[[], Problem]) -> Image:
        if name in self.pictures:
            return encoded(self.pictures[name][part])
        return _MAKERS[name](self, part, problem)


def solve_physics(
    scene: Scene,
    names: tuple[str, ...],
    tile: int | str = "auto",
    progress: Progress | None = None,
) -> Physics:
    """Return the physics of a first pass: the solver makes the estimate, where one is needed.

    Parameters
    ----------
    scene : Scene
        A surveyed photo (`gyrosharp.restore.classical.survey`).
    names : tuple of str
        What is wanted, names of `gyrosharp.blur.network_input.PHYSICS`.
    tile : int or {"auto", "off"}
        Tile size of the solvers, px.
    progress : callable or None
        Told (done, total).

    Raises
    ------
    UsageError
        If a name is not known or comes twice, or the tile size is none.
    """
    require_physics(names)
    if not {*FROM_SOLUTION} & {*names}:
        return Physics(scene, names, {})
    solution = solve_scene(scene, find_method(SOLVER), tile, progress=part_of(progress, 0.0, SOLVED))
    return physics_of(scene, names, solution.image, tile, part_of(progress, SOLVED, 1.0))


def physics_of(
    scene: Scene, names: tuple[str, ...], estimate: Image, tile: int | str = "auto", progress: Progress | None = None
) -> Physics:
    """Return the physics of a pass that begins with an estimate (H, W, C), linear light; see `solve_physics`."""
    pictures = {ESTIMATE: estimate}
    if CONSISTENT in names:
        pictures[CONSISTENT] = solve_scene(scene, PULL, tile, estimate, progress).image
    return Physics(scene, names, pictures)


def encoded(linear: Image) -> Image:
    """Return a part (h, w, C) of a picture as networks see it: (h, w, 3), sRGB-encoded, [0, 1]; grey three times."""
    codes = encode_light(np.ascontiguousarray(linear, dtype=np.float32), SRGB)
    return codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)


def _residual(physics: Physics, part: tuple[slice, slice], problem: Callable[[], Problem]) -> Image:
    predicted = problem().operator.forward(np.ascontiguousarray(physics.pictures[ESTIMATE][part]))
    difference = encoded(predicted) - encoded(physics.scene.picture[part])
    return np.asarray(np.clip(0.5 + RESIDUAL_GAIN * difference, 0, 1), dtype=np.float32)


def _noise(physics: Physics, part: tuple[slice, slice], _problem: object) -> Image:
    return _flat(physics, part, visible_noise(physics.scene.facts) / MOST_NOISE)


def _extent(physics: Physics, part: tuple[slice, slice], _problem: object) -> Image:
    return _flat(physics, part, min(physics.scene.facts.trail_px / LONGEST_PX, 1.0))


def _saturation(physics: Physics, part: tuple[slice, slice], _problem: object) -> Image:
    return np.asarray(1 - physics.scene.confidence[part][..., None], dtype=np.float32)


def _outside(_physics: Physics, _part: tuple[slice, slice], problem: Callable[[], Problem]) -> Image:
    return np.asarray(1 - np.clip(problem().operator.coverage[..., None], 0, 1), dtype=np.float32)


def _flat(physics: Physics, part: tuple[slice, slice], value: float) -> Image:
    return np.full((*physics.scene.confidence[part].shape, 1), value, np.float32)


_MAKERS = MappingProxyType(
    {RESIDUAL: _residual, "noise": _noise, "extent": _extent, "saturation": _saturation, "outside": _outside}
)
