"""COLMAP's ``cameras.txt``: one line ``CAMERA_ID MODEL WIDTH HEIGHT PARAMS...`` per camera.

Lens: the pinhole, radial, OpenCV and equidistant fisheye models; the others (FOV, thin prisms, division) are refused.
COLMAP's radial models are OpenCV's with the other coefficients 0, its fisheye ones likewise.

Pixels: COLMAP counts from the corner of the picture, so that the centre of the first pixel is (0.5, 0.5); 0.5 is
taken off its principal points.

Cameras go by their ids: ``cameras.txt#2``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gyrosharp.capture.cameras.formats._text import CameraFile, Lens, as_number, camera_of, opencv_lens, shown
from gyrosharp.capture.cameras.profile import CameraProfile

NAME = "colmap"
DESCRIPTION = "COLMAP cameras.txt"
EXTENSIONS = (".txt",)

_ROW = re.compile(r"\d+[ \t,]+[A-Z][A-Z_]{2,}[ \t,]+\d+[ \t,]+\d+\b")


@dataclass(frozen=True)
class _Model:
    """How many focal lengths come before the principal point, how many coefficients after it, and of which lens."""

    focals: int
    coefficients: int
    is_fisheye: bool = False

    @property
    def count(self) -> int:
        return self.focals + 2 + self.coefficients

    def lens(self, k: tuple[float, ...]) -> Lens:
        if self.is_fisheye:
            return "opencv_fisheye", (*k, *[0.0] * (4 - len(k)))
        return opencv_lens(k) or ("none", ())


MODELS = {
    "SIMPLE_PINHOLE": _Model(1, 0),
    "PINHOLE": _Model(2, 0),
    "SIMPLE_RADIAL": _Model(1, 1),
    "RADIAL": _Model(1, 2),
    "OPENCV": _Model(2, 4),
    "FULL_OPENCV": _Model(2, 8),
    "OPENCV_FISHEYE": _Model(2, 4, is_fisheye=True),
    "SIMPLE_RADIAL_FISHEYE": _Model(1, 1, is_fisheye=True),
    "RADIAL_FISHEYE": _Model(1, 2, is_fisheye=True),
    "SIMPLE_FISHEYE": _Model(1, 0, is_fisheye=True),
    "FISHEYE": _Model(2, 0, is_fisheye=True),
}


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the first line that is no comment has an id, a name in capitals and a size."""
    lines = (line.strip() for line in text.split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _ROW.match(first) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the cameras by id; with a choice only that one, so that others may be unsupported.

    Raises
    ------
    CaptureError
        If a line is malformed, or a model is not supported.
    """
    rows = {}
    for number, line in enumerate(file.text.split("\n"), 1):
        cells = line.replace(",", " ").split()
        if cells and not cells[0].startswith("#"):
            if cells[0] in rows:
                raise file.failure(f"expected each camera once, got {shown(cells[0])} again", number)
            rows[cells[0]] = (number, cells)
    if file.choice in rows:
        rows = {file.choice: rows[file.choice]}
    return {label: _profile(file, number, cells) for label, (number, cells) in rows.items()}


def _profile(file: CameraFile, line: int, cells: list[str]) -> CameraProfile:
    values = [as_number(cell) for cell in cells[2:]]
    numbers = [value for value in values if value is not None]
    if len(cells) < 5 or len(numbers) < len(values):
        raise file.failure(f"expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS, got {shown(' '.join(cells))}", line)
    model = MODELS.get(cells[1])
    if model is None:
        raise file.failure(
            f"expected one of {', '.join(MODELS)}, got {shown(cells[1])}, which is not supported; "
            "let COLMAP estimate one of these",
            line,
        )
    width, height, *params = numbers
    if len(params) != model.count or width != int(width) or height != int(height):
        raise file.failure(
            f"expected a size in px and {model.count} parameters of {cells[1]}, got {shown(' '.join(cells[2:]))}", line
        )
    focal, rest = params[: model.focals], params[model.focals :]
    pinhole = (focal[0], focal[-1], rest[0] - 0.5, rest[1] - 0.5)
    camera = camera_of(file, line, (int(width), int(height)), pinhole, model.lens(tuple(rest[2:])))
    return CameraProfile(cells[0], camera, source=f"COLMAP, model {cells[1]}")
