"""Camera files as text, and values in them: read with their key, refused with file and key."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import require_rotation

# The largest lens profiles (with a mesh per zoom step) have a few megabytes.
LARGEST_BYTES = 16_000_000
# An equidistant lens that sees all round has a focal length of 1 / (2 pi) = 0.16 picture widths; less is another unit.
SHORTEST_FOCAL_RATIO = 0.05


@dataclass(frozen=True)
class CameraFile:
    """A camera file with what is wanted from it.

    Attributes
    ----------
    path : Path
        The file.
    text : str
        Its content.
    width, height : int
        Of the picture that the camera is for, px.
    choice : str or None
        Which of its cameras is wanted (``FILE#CHOICE``); None leaves it to the format.
    """

    path: Path
    text: str
    width: int
    height: int
    choice: str | None = None

    def failure(self, problem: str, where: str | int | None = None) -> CaptureError:
        """Return the error of this file; `where` is a key, or the number of a line."""
        place = "" if where is None else f", line {where}" if isinstance(where, int) else f", {where}"
        return CaptureError(f"{self.path}{place}: {problem}")

    def json_section(self) -> "Section":
        """Return the JSON object that the file is."""
        try:
            content = json.loads(self.text)
        except json.JSONDecodeError as error:
            raise self.failure(f"expected JSON, got {error.msg.lower()}; is the file cut?", error.lineno) from None
        except (RecursionError, ValueError):
            raise self.failure("expected JSON of ordinary depth and numbers, got something else") from None
        return self.section(content)

    def section(self, content: object, prefix: str = "") -> "Section":
        """Return a mapping in the file with typed access."""
        if not isinstance(content, Mapping):
            raise self.failure(f"expected names with values, got {shown(content)}", prefix or None)
        return Section(self, {str(key): value for key, value in content.items()}, prefix)


@dataclass(frozen=True)
class Section:
    """A mapping in a camera file; its accessors raise `CaptureError` with the file and the full key."""

    file: CameraFile
    values: dict[str, Any]
    prefix: str = ""

    def key(self, name: str) -> str:
        """Return a name with those of the mappings around it."""
        return f"{self.prefix}.{name}" if self.prefix else name

    def failure(self, name: str, problem: str) -> CaptureError:
        """Return the error about one value."""
        return self.file.failure(problem, self.key(name))

    def has(self, name: str) -> bool:
        """Whether there is such a key, and not null."""
        return self.values.get(name) is not None

    def section(self, name: str) -> "Section":
        """Return the mapping under a key."""
        return self.file.section(self._present(name, "names with values"), self.key(name))

    def text(self, name: str, default: str = "") -> str:
        """Return a text, or the default if there is none."""
        value = self.values.get(name)
        return default if value is None else str(value).strip()

    def number(self, name: str) -> float:
        """Return a finite number."""
        value = as_number(self._present(name, "a number"))
        if value is None:
            raise self.failure(name, f"expected a finite number, got {shown(self.values[name])}")
        return value

    def number_or_none(self, name: str) -> float | None:
        """Return a finite number, or None if there is none."""
        return self.number(name) if self.has(name) else None

    def numbers(self, name: str, count: int | None = None) -> tuple[float, ...]:
        """Return a list of finite numbers, nested ones flattened; `count` of them if that is given."""
        found = flat_numbers(self._present(name, "numbers"))
        if found is None or (count is not None and len(found) != count):
            wanted = "a list of finite numbers" if count is None else f"{count} finite numbers"
            raise self.failure(name, f"expected {wanted}, got {shown(self.values[name])}")
        return found

    def size(self, name: str, value: float | None = None) -> int:
        """Return a number of pixels."""
        number = self.number(name) if value is None else value
        if number != int(number) or not 1 <= number <= 100_000:
            raise self.failure(name, f"expected a whole number of px, 1 to 100000, got {number:g}")
        return int(number)

    def rotation(self, name: str) -> NDArray[np.float64]:
        """Return the rotation (3, 3) in a (4, 4) matrix of a rigid motion, written as lists or one list."""
        matrix = np.array(self.numbers(name, 16)).reshape(4, 4)[:3, :3]
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # huge numbers are refused too, without a warning
                return require_rotation(matrix, "rotation")
        except CaptureError as error:
            raise self.failure(name, str(error)) from None

    def _present(self, name: str, what: str) -> object:
        if not self.has(name):
            raise self.failure(name, f"expected {what}, got none; is the file complete?")
        return self.values[name]


def camera_of(
    file: CameraFile, where: str | int, size: tuple[int, int], pinhole: Sequence[float], lens: "Lens"
) -> CameraModel:
    """Return a camera; (fx, fy, cx, cy) and lens as in `CameraModel`.

    Raises
    ------
    CaptureError
        If they make no camera, with file and place.
    """
    fx, fy, cx, cy = pinhole
    if 0 < min(fx, fy) < SHORTEST_FOCAL_RATIO * max(size):
        raise file.failure(
            f"expected focal lengths in px of a {size[0]} x {size[1]} picture, got {fx:g}, {fy:g}; are they in mm, or "
            "divided by the size?",
            where,
        )
    try:
        return CameraModel(*size, fx, fy, cx, cy, *lens)
    except CaptureError as error:
        raise file.failure(str(error), where) from None


Lens = tuple[str, tuple[float, ...]]


def opencv_lens(coefficients: Sequence[float]) -> Lens | None:
    """Return OpenCV's radial-tangential lens of 0 to 14 coefficients, k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4 tx ty.

    None if the thin prism or tilted sensor terms are used, which `CameraModel` does not have.
    """
    if len(coefficients) > 14 or any(coefficients[8:]):
        return None
    used = list(coefficients[:8])
    if not any(used):
        return "none", ()
    size = next(size for size in (4, 5, 8) if size >= len(used))
    return "opencv", (*used, *[0.0] * (size - len(used)))


def as_number(value: object) -> float | None:
    """Return a finite number, also one written as text (YAML takes ``1e-5`` for text); else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def flat_numbers(value: object) -> tuple[float, ...] | None:
    """Return the finite numbers of a list of any depth, in order; None if there is anything else in it."""
    if not isinstance(value, list | tuple):
        return None
    found: list[float] = []
    for item in value:
        inner = flat_numbers(item) if isinstance(item, list | tuple) else (as_number(item),)
        if inner is None or None in inner:
            return None
        found.extend(number for number in inner if number is not None)
    return tuple(found)


def plain_name(name: str) -> str:
    """Return a name in lower case, letters and digits only: ``image_Width`` and ``imageWidth`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def shown(value: object) -> str:
    """Return a value short enough for a message."""
    text = " ".join(str(value).split())
    return f"{text[:60]}..." if len(text) > 60 else text or "nothing"


def read_text(path: Path) -> str:
    """Return the text of a camera file.

    Raises
    ------
    CaptureError
        If it cannot be read, is not text, or is larger than any camera file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except IsADirectoryError:
        raise CaptureError(f"{path}: expected a camera file, got a folder; name the file in it") from None
    except OSError as error:
        raise CaptureError(f"{path}: expected a camera file that can be read, got '{error.strerror}'") from None
    if len(data) > LARGEST_BYTES:
        raise CaptureError(f"{path}: expected a camera file of at most 16 MB, got a larger one; is it another file?")
    try:
        if b"\0" in data:
            raise UnicodeError
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeError:
        raise CaptureError(
            f"{path}: expected a camera file in UTF-8 text, got other data; export it as text "
            "(COLMAP: model_converter --output_type TXT)"
        ) from None
