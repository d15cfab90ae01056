"""NetworkDeblurrer: a photo through a trained network, in tiles where memory asks for it, without PyTorch.

Networks see pictures sRGB-encoded in [0, 1], as they were trained on: the linear photo is clipped and encoded, the
result is clipped and decoded. Light above 1, which only floating-point files hold, is put back unchanged where it was.

Tiles start at multiples of what the network subsamples by, and get planes that are those of the whole picture, so a
network that sees no further than its tile margin gives the same pixels in tiles and without. One that pools over the
whole picture does not: there the ramp of `gyrosharp.restore.tiling` hides the seams.
"""

import math
import time
from dataclasses import dataclass, replace
from functools import reduce
from itertools import cycle, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.field_transforms import Orientation
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.network_input import (
    COARSE_STRIDE,
    ORIENTATIONS,
    NetworkInput,
    input_field,
    input_planes,
    laid_planes,
)
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import InputError, UsageError
from gyrosharp.media.noise import estimate_noise, saturation_confidence
from gyrosharp.media.transfer import SRGB, decode_light
from gyrosharp.restore import tiling
from gyrosharp.restore.backends import open_session
from gyrosharp.restore.classical import Scene, checked_picture, part_of, survey
from gyrosharp.restore.models import Model
from gyrosharp.restore.onnx_session import Session
from gyrosharp.restore.physics import Physics, encoded, physics_of, solve_physics
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.reblur import ReblurSums
from gyrosharp.restore.restoration import BlurExtent, Diagnostics, ReblurResidual, Restoration

Image = NDArray[np.float32]
Box = tuple[int, int, int, int]

# Pixels that a network is run on for one photo, passes and orientations together: on two cores 0.6 s for each million.
# Fewer passes than the network asks for are at least two. Of four that is two up to 12 MP, three up to 8 MP and four up
# to 6 MP in one orientation, three up to 4 MP and four up to 3 MP in two, and four up to 1.5 MP in four.
MOST_RUN_PX, LEAST_PASSES = 24_000_000, 2
# Share of the progress bar that physics takes, where a network goes on from there.
PHYSICS_SHARE = 0.4
# Encoding and decoding hold about four float64 copies of a picture of three channels.
CODING_BYTES = 4 * 3 * 8
# A blurred photo, blurred once more, is off by many times the noise; a deblurred one by about once. Where the network
# takes less than a third of that away, the result is still blurred.
HARDLY_LESS, FAR_OFF = 2 / 3, 2.0
HARDLY = (
    "the network has hardly undone this blur: blurred again, its result fits the photo little better than the photo "
    "itself; try the method auto"
)
NO_DEPTH = "there is no depth map: the network is told that depth is unknown everywhere"


Orientations = tuple[Orientation, ...]
AS_IT_IS: Orientations = (Orientation(),)


@dataclass(frozen=True, eq=False)
class _Solved:
    image: Image
    sums: ReblurSums
    tiles: int


class NetworkDeblurrer:
    """Deblurs with a trained network.

    Parameters
    ----------
    model : Model
        Card and files.
    tile : int or {"auto", "off"}
        Tile size, px; see `gyrosharp.restore.tiling.tile_size`.
    session : Session or None
        The loaded graph; None loads it.

    Raises
    ------
    UsageError
        If the tile size is none.
    InputError, MissingComponentError
        If the model cannot be used; see `gyrosharp.restore.backends.open_session`.
    """

    def __init__(self, model: Model, tile: int | str = "auto", session: Session | None = None) -> None:
        self.name = model.card.name
        self._card = model.card
        self._wanted = model.card.network_input()
        self._tile = tiling.require_tile(tile)
        self._session = session or open_session(model)

    @property
    def needs_motion(self) -> bool:
        """Whether the network sees the camera's motion; others take any photo."""
        return self._wanted.needs_motion

    @property
    def remarks(self) -> tuple[str, ...]:
        """What holds for every photo: which weights, and what runs them."""
        weights = f"weights {self._card.files['onnx'].sha256[:12]}"
        return (f"{self.name}: {self._card.description} ({weights}); run by {self._session.backend}",)

    def deblur(
        self, capture: Capture, picture_linear: Image, progress: Progress | None = None, *, lossy: bool = False
    ) -> Restoration:
        """Deblur a photo whose motion is known.

        Parameters
        ----------
        capture : Capture
            Camera, exposure and motion.
        picture_linear : (H, W, C) float32 array
            The photo, linear light, C = 1 or 3; a grey one is shown three times, and the outputs are averaged.
        progress : callable or None
            Told (done, total), in tiles.
        lossy : bool
            Whether a lossy encoder has left its traces in the photo.

        Raises
        ------
        ImageError
            If the picture's size is not the camera's, it has other channels, or holds NaN or infinity.
        ImuError, CaptureError
            If the motion does not cover the exposure.
        InputError
            If the network returns NaN or infinity.
        """
        picture = checked_picture(picture_linear, (capture.camera.height, capture.camera.width))
        return self.restore(*survey(capture, picture, lossy=lossy), progress)

    def restore(self, scene: Scene, extent: BlurExtent, progress: Progress | None = None) -> Restoration:
        """Deblur a surveyed photo."""
        begun = time.perf_counter()
        seen = passes_of(self._wanted, scene.confidence.size)
        solved = self._passes(scene, seen, progress)
        residual = solved.sums.residual(scene.facts.noise_std, scene.picture.shape[2])
        said = [NO_DEPTH] if self._wanted.depth and scene.capture.depth() is None else []
        said += [f"{self.name}: {_in_words(seen)}"] if sum(map(len, seen)) > 1 else []
        said += [HARDLY] if _hardly_undone(residual) else []
        diagnostics = Diagnostics(
            method=self.name,
            decision="deblurred",
            reason="as asked",
            blur_extent_px=extent,
            noise_std=scene.facts.noise_std,
            poses=scene.poses,
            saturated_share=float((scene.confidence < 0.5).mean()),
            reblur_residual=residual,
            tiles=solved.tiles,
            seconds=time.perf_counter() - begun,
            notes=(*self.remarks, *said),
        )
        return Restoration(solved.image, diagnostics, scene.capture)

    def deblur_unknown(
        self, picture_linear: Image, progress: Progress | None = None, *, lossy: bool = False
    ) -> Restoration:
        """Deblur a photo (H, W, C) whose motion is not known; see `deblur`.

        Raises
        ------
        UsageError
            If the network needs the motion.
        ImageError
            If the picture has other channels, or holds NaN or infinity.
        InputError
            If the network returns NaN or infinity.
        """
        if self.needs_motion:
            raise UsageError(
                f"{self.name}: expected a gyro log, got none: this network sees the camera's motion; give the log, or "
                "take a network that sees the photo alone"
            )
        begun = time.perf_counter()
        picture = checked_picture(picture_linear, picture_linear.shape[:2])
        solved = self._solved(picture, None, progress)
        diagnostics = Diagnostics(
            method=self.name,
            decision="deblurred",
            reason="from the photo alone",
            blur_extent_px=None,
            noise_std=estimate_noise(picture, lossy=lossy),
            poses=0,
            saturated_share=float((saturation_confidence(picture) < 0.5).mean()),
            tiles=solved.tiles,
            seconds=time.perf_counter() - begun,
            notes=self.remarks,
        )
        return Restoration(solved.image, diagnostics)

    def _passes(self, scene: Scene, seen: tuple[Orientations, ...], progress: Progress | None) -> _Solved:
        """Run the network for these passes, each time from physics of what is there."""
        names = self._wanted.physics
        if not names:
            return self._solved(scene.picture, scene, progress, None, seen[0])
        physics = solve_physics(scene, names, self._tile, part_of(progress, 0.0, PHYSICS_SHARE))
        ends = np.linspace(PHYSICS_SHARE, 1.0, len(seen) + 1)
        for ways, (begin, end) in zip(seen[:-1], pairwise(ends), strict=False):
            solved = self._solved(scene.picture, scene, part_of(progress, begin, end), physics, ways, checked=False)
            del physics  # its pictures make room for the next ones
            physics = physics_of(scene, names, solved.image, self._tile)
        return self._solved(scene.picture, scene, part_of(progress, ends[-2], 1.0), physics, seen[-1])

    def _solved(
        self,
        picture: Image,
        scene: Scene | None,
        progress: Progress | None,
        physics: Physics | None = None,
        ways: Orientations = AS_IT_IS,
        *,
        checked: bool = True,
    ) -> _Solved:
        """Run the network for one pass; `checked` results are compared with the photo."""
        parts = self._parts(picture.shape[:2], 0 if physics is None else physics.margin_px)
        total, sums = np.zeros_like(picture), ReblurSums()
        for done, part in enumerate(parts, 1):
            capture = None if scene is None else scene.capture
            problem = None if scene is None else scene.problem(part.box)
            planes = tile_planes(self._wanted, capture, part.box, physics, problem)
            sharp = self._sharp(picture[part.solved], planes, ways)
            part.add_to(total, sharp)
            if problem is not None and checked:
                sums.add(problem, sharp, part.used)
            if progress is not None:
                progress(done, len(parts))
        return _Solved(total, sums, len(parts))

    def _parts(self, shape: tuple[int, int], physics_px: int) -> list[tiling.Tile]:
        multiple = math.lcm(self._card.size_multiple, grid_step(self._wanted))
        margin = self._card.tile_margin_px + physics_px
        needed = self._card.bytes_per_pixel + CODING_BYTES
        size = tiling.tile_size(self._tile, shape, needed, margin)
        return tiling.tiles(shape, size or max(shape), margin, multiple)

    def _sharp(self, part: Image, planes: Planes | None, ways: Orientations) -> Image:
        """Run the network on one tile (h, w, C), linear light, in some orientations; return the mean."""
        height, width, channels = part.shape
        rows, columns = (-(-side // self._card.size_multiple) * self._card.size_multiple for side in (height, width))
        image = _extended(encoded(part).transpose(2, 0, 1), rows, columns)
        if planes is not None:
            planes = _extended(planes, rows // self._wanted.stride, columns // self._wanted.stride)
        output = reduce(np.add, (self._run(image, planes, way) for way in ways))[:, :height, :width]
        if len(ways) > 1:
            output /= np.float32(len(ways))
        if not np.isfinite([output.min(), output.max()]).all():
            raise InputError(
                f"{self.name}: expected finite pixels from the network, got NaN or infinity; do not use it"
            )
        if channels == 1:
            output = output.mean(axis=0, keepdims=True)
        sharp = np.maximum(part, np.float32(1))
        sharp -= np.float32(1)
        for channel, plane in enumerate(decode_light(output, SRGB)):
            # One at a time: NumPy is slow to turn planes into channels.
            sharp[..., channel] += plane
        return sharp

    def _run(self, image: Planes, planes: Planes | None, way: Orientation) -> Planes:
        """Show the network a picture (3, h, w) another way round, and turn back what it makes of it."""
        laid = None if planes is None else _batch(laid_planes(self._wanted, planes, way))
        return way.undone(self._session.run(_batch(way.laid(image)), laid)[0])


def passes_of(wanted: NetworkInput, pixels: int) -> tuple[Orientations, ...]:
    """Return in which orientations each pass shows a network a photo of so many pixels; see `MOST_RUN_PX`.

    A network errs in one direction more than in another. Further passes begin with what it made before, and would err
    the same way again: turned, its mistakes take turns, and their mean is smaller. Orientations of a pass and of the
    next ones follow one another in the list of all.
    """
    runs = MOST_RUN_PX // pixels
    passes = min(wanted.passes, max(runs, LEAST_PASSES))
    if passes > LEAST_PASSES and runs // passes == 1 < min(runs // (passes - 1), wanted.orientations):
        # A second orientation in all others is worth more than the last pass.
        passes -= 1
    count = min(wanted.orientations, max(runs // passes, 1))
    ways = cycle(ORIENTATIONS if wanted.orientations > 1 else AS_IT_IS)
    return tuple(tuple(islice(ways, count)) for _ in range(passes))


def _in_words(seen: tuple[Orientations, ...]) -> str:
    passes, ways = len(seen), len(seen[0])
    repeated = f"{passes} passes" if passes > 1 else "one pass"
    return repeated if ways == 1 else f"{repeated} over the photo, each in {ways} orientations"


def _hardly_undone(residual: ReblurResidual | None) -> bool:
    return residual is not None and residual.after > max(HARDLY_LESS * residual.before, FAR_OFF)


def tile_planes(
    wanted: NetworkInput,
    capture: Capture | None,
    box: Box,
    physics: Physics | None = None,
    problem: Problem | None = None,
) -> Planes | None:
    """Return the planes (C, h, w) of a box of the picture: those of the whole picture, cut there.

    Parameters
    ----------
    wanted : NetworkInput
        What planes.
    capture : Capture or None
        The whole shot; None where nothing is known of the motion, and none is wanted.
    box : (int, int, int, int)
        x0, y0, width, height; x0 and y0 multiples of `grid_step`, the sides too unless they end with the picture.
    physics : Physics or None
        What physics makes of the whole picture; None where nothing of it is wanted.
    problem : Problem or None
        ``physics.scene.problem(box)`` where that is at hand.

    Returns
    -------
    (C, h, w) float32 array or None
        None for networks that see the picture alone.
    """
    if not wanted.channels:
        return None
    if physics is None:
        return _moved_planes(wanted, capture, box)
    # Made in place: there are many of them.
    own = wanted.channels - wanted.physics_channels
    planes = np.empty((wanted.channels, box[3], box[2]), np.float32)
    physics.planes(box, problem, planes[own:])
    if own:
        planes[:own] = _moved_planes(replace(wanted, physics=(), passes=1), capture, box)
    return planes


def _moved_planes(wanted: NetworkInput, capture: Capture | None, box: Box) -> Planes:
    """Return the planes (C, h, w) of a box that show motion and depth."""
    x0, y0, width, height = box
    if capture is None:
        return input_planes(wanted, None, (height, width))
    # Planes between grid points need the next one beyond the tile's edge.
    step = grid_step(wanted)
    left, top = max(x0 - step, 0), max(y0 - step, 0)
    right = min(x0 + width + step, capture.camera.width)
    bottom = min(y0 + height + step, capture.camera.height)
    part = capture.cropped(left, top, right - left, bottom - top)
    field = None if wanted.encoding is None else input_field(CameraMotion.from_capture(part), wanted)
    planes = input_planes(wanted, field, (bottom - top, right - left), part.depth())
    return planes[:, _cells(y0 - top, height, wanted.stride), _cells(x0 - left, width, wanted.stride)]


def grid_step(wanted: NetworkInput) -> int:
    """Return what the corners of a tile are multiples of, px: the planes' stride and that of the field behind them."""
    return math.lcm(wanted.stride, COARSE_STRIDE) if wanted.encoding is not None else wanted.stride


def _cells(start: int, length: int, stride: int) -> slice:
    return slice(start // stride, start // stride - (-length // stride))


def _extended(values: Planes, rows: int, columns: int) -> Planes:
    """Return values (C, h, w) as (C, rows, columns), their last row and column repeated, as in training."""
    pads = ((0, 0), (0, rows - values.shape[1]), (0, columns - values.shape[2]))
    return np.pad(values, pads, mode="edge") if np.any(pads) else values


def _batch(values: Planes) -> Planes:
    """Return values (C, h, w) as a network takes them, (1, C, h, w)."""
    return np.ascontiguousarray(values[None], dtype=np.float32)
