"""Pictures of a few shots that a run keeps, to look at and for its report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.evaluation.shots import Entry
from gyrosharp.media.atomic import atomic_write, make_folder
from gyrosharp.media.opencv import png_of
from gyrosharp.media.transfer import SRGB, encode_codes

FOLDER = "pictures"
TRUTH = "truth"
# Shots per case whose pictures are kept.
SHOTS_PER_CASE = 3
# Of a digest: enough to tell a folder's results apart.
DIGITS = 8


@dataclass(frozen=True)
class KeptPictures:
    """Pictures below an output folder: ``pictures/CASE/SHOT/METHOD.DIGEST.png``.

    The digest is that of the result, so that one of other weights or another seed is not taken for it.

    Parameters
    ----------
    output : Path
        The folder.
    """

    output: Path

    def path(self, key: str, label: str, digest: str) -> Path:
        """Return where a picture lies.

        Parameters
        ----------
        key : str
            Case and shot; see `Entry.key`.
        label : str
            Method, or what else the picture shows.
        digest : str
            Of what decides it.
        """
        case, _, shot = key.partition("/")
        return self.output / FOLDER / _safe(case) / _safe(shot) / f"{_safe(label)}.{digest[:DIGITS]}.png"


def shown_shots(entries: Sequence[Entry]) -> frozenset[str]:
    """Return the keys of the shots whose pictures are kept: the first of each case, from different photos."""
    kept: set[str] = set()
    photos: dict[str, set[str]] = {}
    for entry in entries:
        seen = photos.setdefault(entry.case, set())
        if len(seen) < SHOTS_PER_CASE and entry.photo not in seen:
            seen.add(entry.photo)
            kept.add(entry.key)
    return frozenset(kept)


def keep_picture(path: Path, image_linear: NDArray[np.float32]) -> None:
    """Write a picture, 8 bit, sRGB.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    make_folder(path.parent)
    clipped = np.clip(image_linear, 0.0, 1.0).astype(np.float32)
    codes = encode_codes(np.ascontiguousarray(clipped), SRGB, np.uint8)
    colours = np.ascontiguousarray(np.broadcast_to(codes, (*codes.shape[:2], 3)), dtype=np.uint8)
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_bytes(png_of(colours))


def _safe(name: str) -> str:
    """A file name: shots may be named by paths, methods by their users."""
    return re.sub(r"[^\w.+-]", "_", name)
