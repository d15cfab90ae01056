"""OpenCV's FileStorage (YAML 1.0 and 1.2, XML, JSON), ROS's ``camera_info``, and plain YAML or JSON of a K and a D.

Lens: OpenCV's radial-tangential model, or its fisheye model where the file says so: a ``fisheye_model`` that is not 0,
a ``distortion_model`` of equidistant or fisheye, or "fisheye" in the name of a mapping or matrix. Four coefficients
alone say nothing. Thin prism and tilted sensor terms are refused.

Pixels: whole numbers are pixel centres, as here. A file without image size is taken as for the picture at hand.

Names: matrices are recognised as camera_matrix, cameraMatrix, K, M1, mtx ..., coefficients as
distortion_coefficients, distCoeffs, D, D1 ...; case and underscores do not count. With several cameras (M1 D1 M2 D2, or
a mapping for each), they are called by what the names end in or by the mapping: ``FILE#1``, ``FILE#left``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gyrosharp.capture.cameras.formats._text import (
    CameraFile,
    Lens,
    Section,
    camera_of,
    flat_numbers,
    opencv_lens,
    plain_name,
    shown,
)
from gyrosharp.capture.cameras.formats._yaml import yaml_section
from gyrosharp.capture.cameras.profile import CameraProfile

NAME = "opencv"
DESCRIPTION = "OpenCV FileStorage (YAML, XML, JSON) or ROS camera_info"
EXTENSIONS = (".yml", ".yaml", ".xml", ".json")

_MATRIX = re.compile(r"(fisheye)?(?:cameramatrix|intrinsicmatrix|cammatrix|mtx|k|m)(\d|left|right|l|r)?")
_COEFFICIENTS = re.compile(
    r"(fisheye)?(?:distortioncoefficients|distortioncoeffs|distcoeffs|distcoeff|distortion|dist|d)(\d|left|right|l|r)?"
)
_MARKS = re.compile(
    r"opencv-matrix|<opencv_storage>|(?:^|[{,])\s*[\"']?<?(camera_?matrix\w*|intrinsic_?matrix\w*|mtx|K\d?|M\d)[\"']?\s*[:>]",
    re.MULTILINE | re.IGNORECASE,
)
_OTHERS = re.compile(r'"(fisheye_params|calib_dimension)"|"gyrosharp\.|^cam\d+\s*:|^T_BS\s*:', re.MULTILINE)
_FISHEYE_MODELS = ("equidistant", "fisheye", "opencvfisheye", "kannalabrandt", "kannalabrandt4")
# A skew below this is what rounding leaves of none.
NO_SKEW_PX = 1e-6


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has an OpenCV tag or the name of a camera matrix, and no key of another format."""
    return _MARKS.search(text) is not None and _OTHERS.search(text) is None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the cameras by suffix or mapping, ``camera`` if it is a single one.

    Raises
    ------
    CaptureError
        If the file is malformed, a matrix is no camera matrix, or lens terms are not supported.
    """
    return {found.label: _profile(file, found) for found in _cameras(_root(file))}


@dataclass(frozen=True)
class _Found:
    """A camera's place in a file: its mapping, the key of its matrix, and that of its coefficients if there are any."""

    label: str
    root: Section
    section: Section
    matrix: str
    coefficients: str | None
    is_fisheye: bool


def _root(file: CameraFile) -> Section:
    start = file.text.lstrip()
    if start.startswith("<"):
        return _xml(file)
    return file.json_section() if start.startswith("{") else yaml_section(file)


def _xml(file: CameraFile) -> Section:
    from xml.etree import ElementTree

    # Entities can blow a small file up to gigabytes; FileStorage has none.
    if re.search(r"<!(DOCTYPE|ENTITY)", file.text, re.IGNORECASE):
        raise file.failure("expected OpenCV's XML, got a document type or entities; remove them")
    try:
        root = ElementTree.fromstring(file.text)
    except ElementTree.ParseError as error:
        problem, line = str(error).split(":")[0], error.position[0]
        raise file.failure(f"expected XML, got {problem}; is the file cut?", line) from None
    return file.section({element.tag: _xml_value(element) for element in root})


def _xml_value(element: Any) -> object:  # noqa: ANN401
    if len(element):
        return {child.tag: (child.text or "").split() if child.tag == "data" else child.text for child in element}
    words = (element.text or "").split()
    return words if len(words) > 1 else "".join(words)


def _cameras(root: Section) -> Iterator[_Found]:
    """All cameras at the top of a file and one mapping below."""
    below = [(name, value) for name, value in root.values.items() if isinstance(value, Mapping) and "data" not in value]
    places = [("", root), *((name, root.section(name)) for name, _ in below)]
    for name, section in places:
        matrices = _matching(section, _MATRIX)
        coefficients = _matching(section, _COEFFICIENTS)
        for (fisheye, suffix), key in matrices.items():
            by_name = bool(fisheye) or "fisheye" in name.lower()
            partner = coefficients.get((fisheye, suffix))
            label = suffix or ("fisheye" if fisheye else "") or name or "camera"
            yield _Found(label, root, section, key, partner, by_name or _says_fisheye(section, root))


def _matching(section: Section, pattern: re.Pattern[str]) -> dict[tuple[str, str], str]:
    """Keys by their (fisheye, suffix); of several that mean the same the first."""
    found: dict[tuple[str, str], str] = {}
    for key, value in section.values.items():
        match = pattern.fullmatch(plain_name(key))
        if match is not None and isinstance(value, list | Mapping):
            found.setdefault((match[1] or "", match[2] or ""), key)
    return found


def _says_fisheye(section: Section, root: Section) -> bool:
    for place in (section, root):
        names = {plain_name(key): value for key, value in place.values.items()}
        if plain_name(str(names.get("distortionmodel", ""))) in _FISHEYE_MODELS:
            return True
        if str(names.get("fisheyemodel", "0")).strip().lower() not in ("0", "false", "none", ""):
            return True
    return False


def _profile(file: CameraFile, found: _Found) -> CameraProfile:
    section, key = found.section, found.matrix
    matrix = _values(section, key)
    if len(matrix) != 9 or any(matrix[k] for k in (3, 6, 7)) or matrix[8] != 1:
        raise section.failure(key, f"expected a camera matrix, fx 0 cx 0 fy cy 0 0 1, got {shown(matrix)}")
    own_size = _size(section) or _size(found.root)
    size = own_size or (file.width, file.height)
    pinhole = (matrix[0], matrix[4], matrix[2], matrix[5])
    camera = camera_of(file, section.key(key), size, pinhole, _lens(found))
    notes = [] if own_size else [f"{file.path.name} gives no image size: taken as for {size[0]} x {size[1]} px"]
    if abs(matrix[1]) > NO_SKEW_PX:
        off_px = abs(matrix[1]) / matrix[4] * size[1] / 2
        notes.append(f"skew of {matrix[1]:.3g} px left out: up to {off_px:.2g} px at the edge")
    return CameraProfile(found.label, camera, notes=tuple(notes), source="OpenCV or ROS calibration file")


def _values(section: Section, key: str) -> tuple[float, ...]:
    value = section.values[key]
    content = value.get("data") if isinstance(value, Mapping) else value
    numbers = flat_numbers(content)
    if numbers is None:
        raise section.failure(key, f"expected finite numbers, got {shown(content)}")
    return numbers


def _lens(found: _Found) -> Lens:
    if found.coefficients is None:
        return "none", ()
    k = _values(found.section, found.coefficients)
    if found.is_fisheye:
        if len(k) != 4:
            raise found.section.failure(found.coefficients, f"expected 4 coefficients of a fisheye lens, got {len(k)}")
        return "opencv_fisheye", k
    lens = opencv_lens(k)
    if lens is None:
        raise found.section.failure(
            found.coefficients,
            f"expected k1 k2 p1 p2 k3 k4 k5 k6 only, got {shown(k)}; thin prism and tilted sensor terms are not "
            "supported: calibrate without them",
        )
    return lens


def _size(place: Section) -> tuple[int, int] | None:
    """The image size that a mapping gives."""
    keys = {plain_name(key): key for key in place.values}
    for across, down in (("imagewidth", "imageheight"), ("width", "height"), ("framewidth", "frameheight")):
        if across in keys and down in keys:
            return place.size(keys[across]), place.size(keys[down])
    for name in ("imagesize", "resolution", "imgsize", "size"):
        pair = flat_numbers(place.values[keys[name]]) if name in keys else None
        if pair is not None and len(pair) == 2:
            return place.size(keys[name], pair[0]), place.size(keys[name], pair[1])
    return None
