"""Depth maps: 16-bit PNG in millimetres, or float TIFF / EXR / NPY in metres; 0 and NaN mean unknown."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import CaptureError

FORMATS = (".png", ".tif", ".tiff", ".exr", ".npy")


def read_depth(path: Path, width: int, height: int) -> NDArray[np.float32]:
    """Return the depth along the camera's z axis (H, W) in metres; unknown is NaN.

    Raises
    ------
    CaptureError
        If the file cannot be read, is no depth map, or has another size than the image.
    """
    raw = _raw_depth(path)
    if raw.ndim == 3 and raw.shape[2] == 1:
        raw = raw[..., 0]
    if raw.shape != (height, width):
        raise CaptureError(f"{path}: expected a depth map of {width} x {height} px, got shape {raw.shape}")
    if raw.dtype == np.uint16:
        depth = raw.astype(np.float32) / 1000.0
    elif raw.dtype.kind == "f":
        depth = raw.astype(np.float32)
    else:
        raise CaptureError(f"{path}: expected 16-bit millimetres or float metres, got {raw.dtype}; convert the map")
    if (depth < 0).any():
        raise CaptureError(f"{path}: expected depths >= 0, got {np.nanmin(depth):g} m")
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan)).astype(np.float32)


def _raw_depth(path: Path) -> NDArray[np.generic]:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise CaptureError(f"{path}: expected a depth map as {', '.join(FORMATS)}, got {suffix or 'no suffix'}")
    if not path.is_file():
        raise CaptureError(f"{path}: expected a depth map, got no such file")
    try:
        return _decoded(path, suffix)
    except (ValueError, OSError, EOFError) as error:
        raise CaptureError(f"{path}: expected a depth map, got a file that cannot be decoded ({error})") from None


def _decoded(path: Path, suffix: str) -> NDArray[np.generic]:
    if suffix == ".npy":
        return np.asarray(np.load(path, allow_pickle=False))
    if suffix in (".tif", ".tiff"):
        import tifffile

        return np.asarray(tifffile.imread(path))
    import os

    # OpenCV reads EXR only when asked to through the environment.
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("not an image")
    return np.asarray(image)
