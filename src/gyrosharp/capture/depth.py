"""Depth maps: 16-bit PNG or TIFF in millimetres, or EXR, NPY, NPZ, PFM or float TIFF in metres; 0 and NaN: unknown."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.exr import read_exr
from gyrosharp.capture.pfm import read_pfm
from gyrosharp.errors import CaptureError

# Integer codes per metre: a capture file's integers are millimetres.
CODES_PER_M = 1000.0


def read_depth(path: Path, width: int, height: int) -> NDArray[np.float32]:
    """Return the depth along the camera's z axis (H, W) in metres; unknown is NaN.

    Parameters
    ----------
    path : Path
        16-bit PNG or TIFF in millimetres, or EXR, NPY, NPZ, PFM or float TIFF in metres; 0, NaN and infinity are
        unknown.
    width, height : int
        Size of the image, px.

    Raises
    ------
    CaptureError
        If the file cannot be read, is no depth map, holds negative depths, or has another size than the image.
    """
    values = read_map(path, width, height)
    if (values < 0).any():
        raise CaptureError(f"{path}: expected depths >= 0, got {np.nanmin(values):g} m")
    return known(values.astype(np.float32) / np.float32(CODES_PER_M if values.dtype.kind == "u" else 1.0))


def read_map(path: Path, width: int, height: int) -> NDArray[np.uint16] | NDArray[np.float32]:
    """Return the numbers of a depth or disparity file (H, W) as they are stored: 16-bit codes, or floats.

    Raises
    ------
    CaptureError
        If the file cannot be read, holds anything else, or has another size than width x height px.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CaptureError(
            f"{path}: expected a depth map as {', '.join(_READERS)}, got {path.suffix or 'no suffix'}; convert the map"
        )
    if not path.is_file():
        raise CaptureError(f"{path}: expected a depth map, got no such file; check the path")
    try:
        values = reader(path)
    except (ValueError, OSError, EOFError, IndexError, BadZipFile) as error:
        cause = " ".join(str(error).split())[:100]
        raise CaptureError(f"{path}: expected a depth map, got a file that cannot be decoded ({cause})") from None
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.shape != (height, width):
        raise CaptureError(
            f"{path}: expected a map of {width} x {height} px like the image, got shape {values.shape}; resize it"
        )
    if values.dtype == np.uint16:
        return np.asarray(values, dtype=np.uint16)
    if values.dtype.kind != "f":
        raise CaptureError(f"{path}: expected 16-bit codes or floats, got {values.dtype}; convert the map")
    return np.asarray(values, dtype=np.float32)


def known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values with NaN for what is no positive, finite number."""
    return np.where(np.isfinite(values) & (values > 0), values, np.float32(np.nan)).astype(np.float32)


def _png(path: Path) -> NDArray[Any]:
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("not an image")
    return np.asarray(image)


def _tiff(path: Path) -> NDArray[Any]:
    import tifffile

    return np.asarray(tifffile.imread(path))


def _numpy(path: Path) -> NDArray[Any]:
    """The array of an NPY file, or the first one of an NPZ file."""
    # Read at once: NumPy leaves a damaged archive open.
    content = np.load(BytesIO(path.read_bytes()), allow_pickle=False)
    return np.asarray(content[content.files[0]] if hasattr(content, "files") else content)


_READERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    ".png": _png,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".exr": read_exr,
    ".npy": _numpy,
    ".npz": _numpy,
    ".pfm": read_pfm,
}
