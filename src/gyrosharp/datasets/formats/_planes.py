"""Planes of numbers stored as pictures or as NumPy files."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.image_file import FORMATS, load, reading

Planes = NDArray[np.float32]


@dataclass(frozen=True)
class PlaneSource:
    """Planes (C, h, w) in one or more files.

    Attributes
    ----------
    paths : tuple of Path
        The files.
    decode : callable
        Takes the paths, in that order, and returns the planes. A function of a module, so that items can be sent to
        worker processes.
    """

    paths: tuple[Path, ...]
    decode: Callable[..., Planes]

    def read(self) -> Planes:
        """Return the planes (C, h, w) float32.

        Raises
        ------
        ImageError
            If a file is missing or broken, or files do not fit together.
        """
        return self.decode(*self.paths)


def codes_of(path: Path) -> NDArray[Any]:
    """Return the codes (H, W, C) of a picture as stored, C = 1 or 3 in RGB order.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    with reading(path):
        container, data = load(path)
        return FORMATS[container].decode(data, str(path)).codes


def share_of(path: Path) -> Planes:
    """Return a picture's codes (H, W, C) over their largest value, 0 to 1."""
    codes = codes_of(path)
    top = 1.0 if codes.dtype == np.float32 else float(np.iinfo(codes.dtype).max)
    return np.asarray(codes / top, dtype=np.float32)


def npy_array(path: Path) -> NDArray[Any]:
    """Return the array of an NPY file, or the first one of an NPZ file; pickled objects are refused.

    Raises
    ------
    ImageError
        If the file is missing or broken.
    """
    if not path.is_file():
        raise ImageError(f"{path}: expected a NumPy file, got no such file")
    try:
        content = np.load(BytesIO(path.read_bytes()), allow_pickle=False)
        return np.asarray(content[content.files[0]] if hasattr(content, "files") else content)
    except (ValueError, OSError, EOFError, IndexError, BadZipFile) as error:
        cause = " ".join(str(error).split())[:100]
        raise ImageError(f"{path}: expected a NumPy array, got a damaged file ({cause})") from None


def chw_planes(path: Path) -> Planes:
    """Return planes stored as (C, h, w).

    Raises
    ------
    ImageError
        If the array has not three axes.
    """
    planes = npy_array(path)
    if planes.ndim != 3:
        raise ImageError(f"{path}: expected planes of three axes, got shape {planes.shape}")
    return planes.astype(np.float32)


def hwc_planes(path: Path) -> Planes:
    """Return planes stored as (h, w, C)."""
    return np.ascontiguousarray(np.moveaxis(chw_planes(path), -1, 0))


def offset_planes(*paths: Path, offset: int, bands: tuple[int, ...]) -> Planes:
    """Return the chosen colour bands of each picture, as codes minus an offset, one plane after the other.

    Raises
    ------
    ImageError
        If pictures differ in size or lack a band.
    """
    pictures = [codes_of(path).astype(np.float32) for path in paths]
    for path, codes in zip(paths, pictures, strict=True):
        if codes.shape[:2] != pictures[0].shape[:2]:
            expected, got = pictures[0].shape[1::-1], codes.shape[1::-1]
            raise ImageError(
                f"{path}: expected {expected[0]} x {expected[1]} px as {paths[0].name} has, got {got[0]} x {got[1]}"
            )
        if codes.shape[2] <= max(bands):
            raise ImageError(f"{path}: expected {max(bands) + 1} colour bands, got {codes.shape[2]}")
    return np.stack([codes[..., band] - offset for codes in pictures for band in bands])
