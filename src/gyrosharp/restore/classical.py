"""ClassicalDeblurrer: a photo, its motion and a solver, coarse to fine and in tiles where memory asks for it.

Noise, poses, iterations and the strength of the prior are decided once, on the whole photo. Long trails are solved at
half size first, and recursively so: there they are half as long, and a step costs an eighth (a quarter of the pixels,
half the poses). From that start the full size needs two thirds of the steps and ends up to 0.3 dB higher.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.field import blur_field
from gyrosharp.blur.operator import blur_operator, pose_count
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError, ImageError, ImuError, UsageError
from gyrosharp.media.noise import measure_noise, saturation_confidence
from gyrosharp.restore import tiling
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.reblur import ReblurSums
from gyrosharp.restore.restoration import BlurExtent, Diagnostics, Restoration
from gyrosharp.restore.solvers import Facts, Method, find_method, richardson_lucy

Image = NDArray[np.float32]

# Trails above this are solved at half size first: at 12 px it costs what it saves, at 32 px it saves a third.
COARSE_TRAIL_PX = 16.0
# With its frame a photo has at most so many times its pixels; only trails as long as a photo ask for more.
MOST_FRAMED = 3.0
# Share of the progress bar that half size takes.
COARSE_SHARE = 0.2
# Photos are not halved below this side.
LEAST_SIDE_PX = 96
# An upsampled start is kept above zero: a step multiplies, and would never leave it.
LEAST_START = 1e-4
# Grid of the blur field that is surveyed, over the shorter side.
SURVEY_LINES = 16
# A pixel that saw a disoccluded place for a share 1 - c of the exposure counts c^6. On a box before a wall that wins
# 0.1 to 0.3 dB for Richardson-Lucy (2 to 8 do) and 2 dB for the MAP solver, whose squares weigh such places more.
DISOCCLUDED_POWER = 6
PROGRESS_STEPS = 1000
FLOAT_BYTES = 4


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo with its motion, at one size, and what was measured of it.

    Attributes
    ----------
    capture : Capture
        Motion.
    picture : (H, W, C) float32 array
        Linear light, finite, >= 0.
    confidence : (H, W) float32 array
        1 where the pixel can be trusted, 0 where it is saturated.
    facts : Facts
        Noise, brightness, trails.
    poses : int
        Poses over the exposure.
    """

    capture: Capture
    picture: Image
    confidence: Image
    facts: Facts
    poses: int

    def halved(self) -> "Scene":
        """Return the scene at half size; noise that neighbours do not share is halved by their average."""
        import cv2

        height, width = self.picture.shape[:2]
        size = (width // 2, height // 2)
        picture = cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA)
        return Scene(
            self.capture.scaled(*size),
            picture.reshape(size[1], size[0], -1),
            cv2.resize(self.confidence, size, interpolation=cv2.INTER_AREA),
            replace(self.facts, noise_std=self.facts.noise_std / 2, trail_px=self.facts.trail_px / 2),
            max(self.poses // 2, 1),
        )

    @cached_property
    def operator(self) -> ExactOperator | DepthOperator:
        """The blur of the whole photo."""
        return blur_operator(self.capture, self.poses)

    def framed(self, multiple: int = 1) -> "Scene":
        """Return the scene with a frame around it, as wide as the blur reaches, of which no pixel can be trusted.

        The frame repeats the border. A solver may put light there that came from outside the photo, instead of
        explaining border pixels without it (Bertero and Boccacci, A simple method for the reduction of boundary effects
        in the Richardson-Lucy approach to image deconvolution, A&A 437, 2005). The scene stays as it is where motion or
        lens are not known beyond the border, where near points move more than far ones, and where the frame would be
        more than twice as large as the photo. Its width is rounded up to a `multiple` of so many px. One that is not
        rounded is kept: several solvers may take turns.
        """
        wide = self._wide if multiple == 1 else self._framed(multiple)
        return self if wide is None else wide

    @cached_property
    def _wide(self) -> "Scene | None":
        return self._framed(1)

    def _framed(self, multiple: int) -> "Scene | None":
        frame_px = multiple * math.ceil((math.ceil(self.operator.reach_px) + 1) / multiple)
        camera = self.capture.camera
        width, height = camera.width + 2 * frame_px, camera.height + 2 * frame_px
        if self.capture.depth() is not None or width * height > MOST_FRAMED * camera.width * camera.height:
            return None
        capture = self.capture.cropped(-frame_px, -frame_px, width, height)
        if not _known(capture, self.poses):
            return None
        pads = ((frame_px, frame_px), (frame_px, frame_px))
        picture = np.pad(self.picture, (*pads, (0, 0)), mode="edge")
        return replace(self, capture=capture, picture=picture, confidence=np.pad(self.confidence, pads))

    def problem(self, box: tuple[int, int, int, int] | None) -> Problem:
        """Return the problem of a box (x0, y0, width, height) of the photo, or of all of it, which is kept."""
        if box is None:
            return self._whole
        x0, y0, width, height = box
        part = slice(y0, y0 + height), slice(x0, x0 + width)
        operator = blur_operator(self.capture.cropped(*box), self.poses)
        observed, confidence = (np.ascontiguousarray(array[part]) for array in (self.picture, self.confidence))
        return Problem(observed, operator, self.facts.noise_std, _confidence(confidence, operator))

    @cached_property
    def _whole(self) -> Problem:
        confidence = _confidence(self.confidence, self.operator)
        return Problem(self.picture, self.operator, self.facts.noise_std, confidence)


def _known(capture: Capture, poses: int) -> bool:
    """Whether the lens is known in the corners, and log or poses reach as far as all lines."""
    right, bottom = capture.camera.width - 1, capture.camera.height - 1
    if not capture.camera.unproject([[0, 0], [right, 0], [0, bottom], [right, bottom]])[1].all():
        return False
    try:
        operator = blur_operator(capture, poses)
        # Where a log is held on beyond its end, the motion may have a kink that no grid of nodes follows.
        return isinstance(operator, ExactOperator) and operator.nodes is not None
    except (ImuError, CaptureError):
        return False


def _confidence(confidence: Image, operator: ExactOperator | DepthOperator) -> Image:
    """Take away trust where a near object stood before what the pixel saw: what the model puts there is a guess."""
    if not isinstance(operator, DepthOperator):
        return confidence
    return np.asarray(confidence * operator.coverage**DISOCCLUDED_POWER, dtype=np.float32)


class ClassicalDeblurrer:
    """Deblurs with one of the solvers of `gyrosharp.restore.solvers`.

    Parameters
    ----------
    method : str
        Name of the solver.
    tile : int or {"auto", "off"}
        Tile size, px; see `gyrosharp.restore.tiling.tile_size`.
    poses : int or None
        Poses over the exposure; None takes as many as the longest trail needs.

    Raises
    ------
    UsageError
        If the method is unknown, or the tile size is none, or the method solves the photo as a whole.
    """

    def __init__(self, method: str, tile: int | str = "auto", poses: int | None = None) -> None:
        self.name = method
        self.remarks: tuple[str, ...] = ()
        self.needs_motion = True
        self._method = find_method(method)
        self._tile = tiling.require_tile(tile)
        if isinstance(self._tile, int) and not self._method.tiles:
            raise UsageError(f"tile: expected auto or off, got {tile}; {method} solves the photo as a whole")
        self._poses = poses

    def deblur(
        self, capture: Capture, picture_linear: Image, progress: Progress | None = None, *, lossy: bool = False
    ) -> Restoration:
        """Deblur a photo.

        Parameters
        ----------
        capture : Capture
            Camera, exposure and motion.
        picture_linear : (H, W, C) float32 array
            The photo, linear light, C = 1 or 3.
        progress : callable or None
            Told (done, total).
        lossy : bool
            Whether a lossy encoder has left its traces in the photo.

        Raises
        ------
        ImageError
            If the picture's size is not the camera's, it has other channels, or holds NaN or infinity.
        ImuError, CaptureError
            If the motion does not cover the exposure.
        """
        picture = checked_picture(picture_linear, (capture.camera.height, capture.camera.width))
        return self.restore(*survey(capture, picture, self._poses, lossy=lossy), progress)

    def restore(self, scene: Scene, extent: BlurExtent, progress: Progress | None = None) -> Restoration:
        """Deblur a surveyed photo."""
        begun = time.perf_counter()
        sums = ReblurSums()
        solution = solve_scene(scene, self._method, self._tile, progress=progress, sums=sums)
        diagnostics = Diagnostics(
            method=self.name,
            decision="deblurred",
            reason="as asked",
            blur_extent_px=extent,
            noise_std=scene.facts.noise_std,
            poses=scene.poses,
            saturated_share=float((scene.confidence < 0.5).mean()),
            reblur_residual=sums.residual(scene.facts.noise_std, scene.picture.shape[2]),
            tiles=solution.tiles,
            seconds=time.perf_counter() - begun,
        )
        return Restoration(solution.image, with_steps(diagnostics, solution.settings), scene.capture)


def checked_picture(picture_linear: Image, shape: tuple[int, int]) -> Image:
    """Return the picture as contiguous float32, >= 0.

    Raises
    ------
    ImageError
        If its size differs from `shape` (H, W), it does not have 1 or 3 channels, or it holds NaN or infinity.
    """
    picture = np.ascontiguousarray(picture_linear, dtype=np.float32)
    if picture.ndim != 3 or picture.shape[:2] != shape or picture.shape[2] not in (1, 3):
        raise ImageError(f"image: expected {(*shape, '1 or 3')} as the camera says, got {picture.shape}")
    # min and max carry NaN along; neither makes a mask of the whole photo.
    low, high = float(picture.min()), float(picture.max())
    if not np.isfinite([low, high]).all():
        raise ImageError("image: expected finite pixels, got NaN or infinity; repair the file")
    return np.maximum(picture, 0) if low < 0 else picture


def survey(
    capture: Capture, picture: Image, poses: int | None = None, *, lossy: bool = False
) -> tuple[Scene, BlurExtent]:
    """Measure a photo: noise, saturation, trails."""
    noise = measure_noise(picture, lossy=lossy)
    facts = Facts(noise.std, float(picture.mean(dtype=np.float64)), 0.0, noise.taken)
    # Read once: tiles and half sizes are cut from it.
    capture = replace(capture, depth_m=capture.depth())
    return moved(Scene(capture, picture, saturation_confidence(picture), facts, 1), capture, poses)


def moved(scene: Scene, capture: Capture, poses: int | None = None) -> tuple[Scene, BlurExtent]:
    """Return a scene with another motion, and that motion's trails.

    Raises
    ------
    CaptureError
        If a trail is longer than the picture: nothing could come of it, at a great price in time and memory.
    """
    stride = max(min(capture.camera.width, capture.camera.height) // SURVEY_LINES, 1)
    field = blur_field(capture, stride=stride)
    extent = BlurExtent(float(np.median(field.extent_px)), float(field.extent_px.max()))
    if extent.max > max(capture.camera.width, capture.camera.height, LEAST_SIDE_PX):
        raise CaptureError(
            f"{capture.name}: expected trails shorter than the picture, got {extent.max:.0f} px in "
            f"{capture.camera.width} x {capture.camera.height}; check focal length, exposure time and unit of the gyro"
        )
    facts = replace(scene.facts, trail_px=extent.median)
    return replace(scene, capture=capture, facts=facts, poses=poses or pose_count(field)), extent


def with_steps(diagnostics: Diagnostics, settings: object) -> Diagnostics:
    """Return diagnostics with what they say of a solver's settings."""
    if not isinstance(settings, richardson_lucy.Settings):
        return diagnostics
    return replace(diagnostics, iterations=settings.iterations, tv_strength=settings.tv_strength)


def part_of(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """Return a progress callback that fills the part [begin, end] of the whole."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(round(PROGRESS_STEPS * (begin + (end - begin) * done / max(total, 1))), PROGRESS_STEPS)

    return report


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver made of a scene.

    Attributes
    ----------
    image : (H, W, C) float32 array
        Linear light.
    settings : object
        The solver's settings.
    tiles : int
        In how many tiles it was solved.
    """

    image: Image
    settings: object
    tiles: int


def solve_scene(
    scene: Scene,
    method: Method,
    tile: int | str,
    start: Image | None = None,
    progress: Progress | None = None,
    sums: ReblurSums | None = None,
) -> Solution:
    """Return what a solver makes of a surveyed photo.

    Parameters
    ----------
    scene : Scene
        The photo.
    method : Method
        The solver.
    tile : int or {"auto", "off"}
        Tile size, px.
    start : (H, W, C) float32 array or None
        First estimate, linear light, which stays as it is; None takes the solution of half size where that pays.
    progress : callable or None
        Told (done, total).
    sums : ReblurSums or None
        Filled with what is left of the photo, where wanted.
    """
    wide = scene.framed() if method.framed else scene
    frame = (wide.picture.shape[0] - scene.picture.shape[0]) // 2
    if start is None:
        begin = _coarse_solution(wide, method, tile, part_of(progress, 0.0, COARSE_SHARE))
        share = 0.0 if begin is None else COARSE_SHARE
    else:
        padded = np.pad(start, ((frame, frame), (frame, frame), (0, 0)), mode="edge")
        begin, share = np.maximum(padded, np.float32(LEAST_START), out=padded), 0.0
    settings = method.plan(scene.facts, begin is not None)
    image, tiles = _solve(wide, method, settings, tile, begin, part_of(progress, share, 1.0), sums)
    height, width = scene.picture.shape[:2]
    inside = image[frame : frame + height, frame : frame + width]
    return Solution(np.ascontiguousarray(inside), settings, tiles)


def pyramid(scene: Scene, method: Method) -> Iterator[Scene]:
    """Yield the scene at the sizes that a solver without a start goes through, each half the one before.

    Long trails are solved at half size first, where the solver takes a start and there is enough of the photo left.
    """
    yield scene
    while (
        method.takes_start
        and scene.facts.trail_px > COARSE_TRAIL_PX
        and min(scene.picture.shape[:2]) >= 2 * LEAST_SIDE_PX
    ):
        scene = scene.halved()
        yield scene


def _coarse_solution(scene: Scene, method: Method, tile: int | str, progress: Progress | None) -> Image | None:
    """Solve the smaller sizes of a scene and enlarge what comes of it; None where that would not pay."""
    import cv2

    start: Image | None = None
    for small, larger in pairwise(reversed(list(pyramid(scene, method)))):
        settings = method.plan(small.facts, start is not None)
        # The last of them takes nearly all of the time.
        told = progress if larger is scene else None
        solution, _ = _solve(small, method, settings, tile, start, told, None)
        height, width = larger.picture.shape[:2]
        enlarged = cv2.resize(solution, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
        start = np.maximum(enlarged, np.float32(LEAST_START), out=enlarged)
    return start


def _solve(
    scene: Scene,
    method: Method,
    settings: object,
    tile: int | str,
    start: Image | None,
    progress: Progress | None,
    sums: ReblurSums | None,
) -> tuple[Image, int]:
    """Return the solution of a scene, and in how many tiles; the start is overwritten."""
    height, width, channels = scene.picture.shape
    margin = tiling.margin_px(scene.operator.reach_px)
    # Besides images, the solvers keep a few maps of one channel.
    bytes_per_pixel = FLOAT_BYTES * (method.images_held * channels + 4)
    size = tiling.tile_size(tile, (height, width), bytes_per_pixel, margin) if method.tiles else None
    if size is None:
        problem = scene.problem(None)
        image = method.solve(problem, progress, settings, start)
        if sums is not None:
            sums.add(problem, image)
        return image, 1
    parts = tiling.tiles((height, width), size, margin)
    total = np.zeros_like(scene.picture)
    for done, part in enumerate(parts):
        problem = scene.problem(part.box)
        begin = None if start is None else start[part.solved].copy()
        image = method.solve(problem, part_of(progress, done / len(parts), (done + 1) / len(parts)), settings, begin)
        part.add_to(total, image)
        if sums is not None:
            sums.add(problem, image, part.used)
    return total, len(parts)
