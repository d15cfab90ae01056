"""Depth maps in the units, marks and geometries that RGB-D sets use; `gyrosharp.capture.depth` reads the files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.depth import CODES_PER_M, known, read_map
from gyrosharp.geometry.camera import CameraModel

Depth = NDArray[np.float32]


@dataclass(frozen=True)
class StereoRig:
    """Calibration that turns a disparity into depth: Z = f b / (d + offset).

    Attributes
    ----------
    focal_px : float
        Focal length, px of the disparity map.
    baseline_m : float
        Distance of the two cameras, m.
    offset_px : float
        Difference of the principal points, cx of the right camera minus cx of the left one, px.
    """

    focal_px: float
    baseline_m: float
    offset_px: float = 0.0


@dataclass(frozen=True)
class OtherView:
    """A depth camera beside the picture's camera, with parallel axes.

    Attributes
    ----------
    camera : CameraModel
        The depth camera.
    picture_camera : CameraModel
        The camera of the picture.
    offset_m : (float, float, float)
        Position of the depth camera in the picture camera's frame, m.
    """

    camera: CameraModel
    picture_camera: CameraModel
    offset_m: tuple[float, float, float]


@dataclass(frozen=True)
class DepthSource:
    """A depth map on disk, and how its numbers become metres along the camera's z axis.

    Attributes
    ----------
    path : Path
        PNG, TIFF, EXR, NPY, NPZ or PFM.
    units_per_m : float
        Integer codes per metre: 1000 for millimetres, 5000 for TUM RGB-D. Float files hold metres.
    unknown_code : int or None
        Integer code that means "unknown", beside 0.
    rig : StereoRig or None
        Given where the file holds disparities, px.
    rays : CameraModel or None
        Given where the file holds distances along the pixel's ray, rather than along the z axis.
    view : OtherView or None
        Given where the map was seen by another camera than the picture: its points are projected into the picture, the
        nearest one counts, and pixels that none falls on are unknown.
    """

    path: Path
    units_per_m: float = CODES_PER_M
    unknown_code: int | None = None
    rig: StereoRig | None = None
    rays: CameraModel | None = None
    view: OtherView | None = None

    def read(self, width: int, height: int) -> Depth:
        """Return the depth (H, W) along the z axis in metres; unknown is NaN.

        Raises
        ------
        CaptureError
            If the file cannot be read, is no depth map, or has another size than the picture.
        """
        values = self._values(width, height)
        if self.rig is not None:
            distance = values + np.float32(self.rig.offset_px)
            positive = np.where(distance > 0, distance, np.float32(np.nan))
            values = np.asarray(self.rig.focal_px * self.rig.baseline_m / positive, dtype=np.float32)
        if self.rays is not None:
            values = values / _ray_lengths(self.rays.scaled(width, height))
        if self.view is not None:
            values = _registered(np.asarray(values, dtype=np.float32), self.view)
        return np.asarray(values, dtype=np.float32)

    def _values(self, width: int, height: int) -> Depth:
        values = read_map(self.path, width, height)
        if values.dtype.kind == "f":
            return known(values.astype(np.float32))
        unknown = np.zeros_like(values, dtype=bool) if self.unknown_code is None else values == self.unknown_code
        return known(np.where(unknown, np.float32(0.0), values.astype(np.float32) / np.float32(self.units_per_m)))


def _ray_lengths(camera: CameraModel) -> NDArray[np.float32]:
    """Length (H, W) of the vector from the camera's centre to the plane z = 1 through each pixel."""
    pixels = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
    rays, _ = camera.unproject(pixels)
    return np.asarray(np.linalg.norm(rays, axis=-1), dtype=np.float32)


def _registered(depth_m: Depth, view: OtherView) -> Depth:
    """Depth as the picture's camera sees it: points are splatted to the nearest pixel with a z-buffer."""
    height, width = depth_m.shape
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    rays, _ = view.camera.unproject(pixels)
    known = np.isfinite(depth_m)
    points = rays[known] * depth_m[known][:, None] + view.offset_m
    target, in_front = view.picture_camera.project(points)
    column, row = np.rint(target).astype(np.int64).T
    inside = in_front & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    nearest = np.full(height * width, np.inf)
    np.minimum.at(nearest, (row * width + column)[inside], points[inside, 2])
    nearest[np.isinf(nearest)] = np.nan
    return nearest.reshape(height, width).astype(np.float32)
