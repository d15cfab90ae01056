"""Sharp pictures to blur: crops of photos and RGB-D frames, each seen by a virtual camera."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.datasets.formats import DatasetItem
from gyrosharp.datasets.synthesis.config import CameraPart, PicturePart
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.media.transfer import SRGB, decode_codes

Image = NDArray[np.float32]

# Decoded photos kept: consecutive samples share a photo, and a photo's samples lie in one or two shards.
KEPT_PHOTOS = 3


@dataclass(frozen=True, eq=False)
class CodedPicture:
    """A picture kept as 8-bit sRGB codes, a quarter of the memory: ``picture[rows, columns]`` is linear light.

    Attributes
    ----------
    codes : (H, W, 3) uint8 array
        The codes.
    """

    codes: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and 3."""
        return self.codes.shape

    def __getitem__(self, part: slice | tuple[slice, slice]) -> Image:
        return decode_codes(self.codes[part], SRGB)


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes
    ----------
    sharp_linear : (H, W, 3) float32 array or CodedPicture
        Linear light.
    depth_m : (H, W) float32 array or None
        Metres, NaN unknown.
    camera : CameraModel or None
        Its camera, where the data set tells.
    facts : dict
        Name and hash, as JSON.
    """

    sharp_linear: Image | CodedPicture
    depth_m: Image | None
    camera: CameraModel | None
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Scene:
    """What a virtual camera has in front of it: the sample and a margin around it that moves into view.

    Attributes
    ----------
    sharp_linear : (H, W, 3) float32 array
        Window, linear light, at the sample's scale.
    depth_m : (H, W) float32 array or None
        Depth of the window.
    whole : CameraModel
        Camera of the whole photo, at the photo's scale.
    cut_px : (int, int, int, int)
        x, y, width and height of the window in the whole photo, at the photo's scale.
    sample_px : (int, int, int, int)
        x, y, width and height of the sample in the window, at the sample's scale.
    facts : dict
        Everything drawn, as JSON.
    """

    sharp_linear: Image
    depth_m: Image | None
    whole: CameraModel
    cut_px: tuple[int, int, int, int]
    sample_px: tuple[int, int, int, int]
    facts: dict[str, Any]

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the window, at the sample's scale."""
        return self.sharp_linear.shape[1], self.sharp_linear.shape[0]

    @property
    def whole_px(self) -> tuple[float, float]:
        """Width and height of the whole photo, at the sample's scale."""
        scale = self.size_px[0] / self.cut_px[2]
        return self.whole.width * scale, self.whole.height * scale


@dataclass(eq=False)
class PhotoLibrary:
    """Decodes photos, and keeps the last few.

    Parameters
    ----------
    items : sequence of DatasetItem
        Where the photos are.
    """

    items: Sequence[DatasetItem]
    _kept: OrderedDict[int, Photo] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self.items)

    def photo(self, index: int) -> Photo:
        """Return a photo.

        Raises
        ------
        ImageError
            If it cannot be read.
        CaptureError
            If its depth map cannot be read or has another size.
        """
        if index not in self._kept:
            self._kept[index] = _decoded(self.items[index])
            while len(self._kept) > KEPT_PHOTOS:
                self._kept.popitem(last=False)
        return self._kept[index]


def draw_scene(
    photo: Photo, rng: np.random.Generator, picture: PicturePart, camera: CameraPart, margin_px: int
) -> Scene:
    """Cut a window out of a photo, at a random place and scale.

    Parameters
    ----------
    photo : Photo
        The photo.
    rng : numpy.random.Generator
        Source of randomness.
    picture, camera : PicturePart, CameraPart
        Ranges.
    margin_px : int
        Wanted border around the sample; less where the photo ends.

    Raises
    ------
    ImageError
        If the photo is smaller than a sample.
    """
    height, width = photo.sharp_linear.shape[:2]
    wanted_width, wanted_height = picture.size
    smallest = max(wanted_width / width, wanted_height / height)
    if smallest > 1.0:
        raise ImageError(
            f"{photo.facts['name']}: expected at least {wanted_width} x {wanted_height} px, got {width} x {height}; "
            "use larger photos or a smaller picture.size"
        )
    scale = max(float(rng.uniform(*picture.scale)), smallest)
    across = _span(rng, width, wanted_width, scale, margin_px)
    down = _span(rng, height, wanted_height, scale, margin_px)
    whole = _camera_of(photo, rng, camera)
    size = (across.size, down.size)
    part = (slice(down.start, down.start + down.length), slice(across.start, across.start + across.length))
    sharp = _resized(photo.sharp_linear[part], size, "area")
    depth_m = None if photo.depth_m is None else _resized(photo.depth_m[part], size, "nearest")
    if depth_m is not None and picture.fill_depth:
        depth_m = filled_depth(depth_m)
    cut = (across.start, down.start, across.length, down.length)
    facts = {**photo.facts, "window_px": list(cut), "scale": across.size / across.length}
    scene = Scene(sharp, depth_m, whole, cut, (across.margin, down.margin, *picture.size), facts)
    return _mirrored(scene) if picture.flip and rng.integers(2) else scene


@dataclass(frozen=True)
class _Span:
    """One axis of a window: where it starts and how long it is in the photo, its size and margin in the sample's px."""

    start: int
    length: int
    size: int
    margin: int


def _span(rng: np.random.Generator, photo: int, sample: int, scale: float, margin_px: int) -> _Span:
    scaled = max(int(np.floor(photo * scale + 1e-6)), sample)
    # The sample stays a margin away from the photo's border where the photo is large enough.
    margin = min(margin_px, (scaled - sample) // 2)
    size = sample + 2 * margin
    length = min(round(size / scale), photo)
    return _Span(int(rng.integers(photo - length + 1)), length, size, margin)


def filled_depth(depth_m: Image) -> Image:
    """Return a depth map (H, W) whose gaps hold the farther of the nearest known depths to their left and right.

    Depth cameras see nothing beside the edges of near things, where the background begins; taken as infinitely far,
    such gaps would stay behind while the background around them moves. A row without any depth stays unknown.
    """
    known = np.isfinite(depth_m)
    columns = np.arange(depth_m.shape[1])
    left = np.maximum.accumulate(np.where(known, columns, 0), axis=1)
    right = np.minimum.accumulate(np.where(known, columns, columns[-1])[:, ::-1], axis=1)[:, ::-1]
    sides = [np.take_along_axis(depth_m, side, axis=1) for side in (left, right)]
    return np.asarray(np.where(known, depth_m, np.fmax(*sides)), dtype=np.float32)


def _decoded(item: DatasetItem) -> Photo:
    sharp = item.sharp_image()
    if sharp.shape[2] == 1:
        sharp = np.repeat(sharp, 3, axis=2)
    depth_m = item.depth_m()
    if depth_m is not None and depth_m.shape != sharp.shape[:2]:
        height, width = sharp.shape[:2]
        raise ImageError(
            f"{item.name}: expected a depth map of {width} x {height} px like its picture, "
            f"got {depth_m.shape[1]} x {depth_m.shape[0]}"
        )
    assert item.sharp is not None
    digest = hashlib.sha256(item.sharp.path.read_bytes()).hexdigest()
    return Photo(sharp, depth_m, item.camera, {"name": item.name, "sha256": digest})


def _camera_of(photo: Photo, rng: np.random.Generator, camera: CameraPart) -> CameraModel:
    """The camera of the whole photo: the data set's own, or a drawn one."""
    ratio, k1 = float(rng.uniform(*camera.focal_ratio)), float(rng.uniform(*camera.distortion_k1))
    if photo.camera is not None:
        return photo.camera
    height, width = photo.sharp_linear.shape[:2]
    focal = ratio * max(width, height)
    lens = {"distortion_model": "opencv", "distortion": (k1, 0.0, 0.0, 0.0)} if k1 else {}
    return CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2, **lens)  # type: ignore[arg-type]


def _mirrored(scene: Scene) -> Scene:
    """The scene as a mirror shows it. The lens must be symmetric: k1 is, and data sets' own cameras are pinholes."""
    whole, (x, y, width, height) = scene.whole, scene.cut_px
    return Scene(
        np.ascontiguousarray(scene.sharp_linear[:, ::-1]),
        None if scene.depth_m is None else np.ascontiguousarray(scene.depth_m[:, ::-1]),
        replace(whole, cx=whole.width - 1 - whole.cx),
        (whole.width - width - x, y, width, height),
        scene.sample_px,
        {**scene.facts, "mirrored": True},
    )


def _resized(image: Image, size: tuple[int, int], how: str) -> Image:
    """Resize by area; depth by nearest neighbour, as between two surfaces there is none."""
    import cv2

    if (image.shape[1], image.shape[0]) == size:
        return np.ascontiguousarray(image)
    interpolation = cv2.INTER_AREA if how == "area" else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.float32)
