"""Portable float maps, in which stereo sets keep disparities and depth."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import CaptureError

CHANNELS = {b"Pf": 1, b"PF": 3}


def read_pfm(path: Path) -> NDArray[np.float32]:
    """Return a portable float map (H, W) or (H, W, 3); its rows are stored from the bottom up.

    Three header lines: ``Pf`` (grey) or ``PF`` (colour), ``width height``, and a scale whose sign gives the byte order
    (negative: little endian). Infinity marks unknown disparities in Middlebury's sets.

    Raises
    ------
    CaptureError
        If the file is missing, its header is wrong, or it is too short.
    """
    try:
        parts = path.read_bytes().split(b"\n", 3)
        channels = CHANNELS[parts[0].strip()]
        width, height = (int(cell) for cell in parts[1].split())
        order = "<" if float(parts[2]) < 0 else ">"
        values = np.frombuffer(parts[3], f"{order}f4", count=width * height * channels)
        rows = values.reshape((height, width) if channels == 1 else (height, width, channels))
    except OSError as error:
        raise CaptureError(f"{path}: expected a float map, got one that cannot be read ({error.strerror})") from None
    except (KeyError, ValueError, IndexError):
        raise CaptureError(f"{path}: expected a PFM float map, got another or a truncated file") from None
    return rows[::-1].astype(np.float32)
