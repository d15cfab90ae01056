"""Android camera characteristics (and capture results) as JSON, however the app that dumped them spells the keys.

``android.lens.intrinsicCalibration``, ``LENS_INTRINSIC_CALIBRATION`` and ``lensIntrinsicCalibration`` are one key;
values may be lists, objects (``{"width": 4032, "height": 3024}``) or what Java prints (``4032x3024``,
``Rect(0, 0 - 4032, 3024)``). A file with several cameras is a list or an object of them: ``FILE#0``.

Intrinsics, in this order (developer.android.com, CameraCharacteristics):

- LENS_INTRINSIC_CALIBRATION fx fy cx cy s, px of SENSOR_INFO_PRE_CORRECTION_ACTIVE_ARRAY_SIZE, whose corner is (0, 0):
  0.5 is taken off the principal point.
- LENS_FOCAL_LENGTH (or the first of LENS_INFO_AVAILABLE_FOCAL_LENGTHS) over SENSOR_INFO_PHYSICAL_SIZE, mm, times
  SENSOR_INFO_PIXEL_ARRAY_SIZE; the centre is the principal point. Good to a few per cent: the note says so.

Lens: LENS_DISTORTION k1 k2 k3 p1 p2 in Android's order, with OpenCV's meaning; not used where
DISTORTION_CORRECTION_MODE says that pictures are corrected. LENS_RADIAL_DISTORTION was withdrawn because makers
normalised it differently, and is left out with a note.

Readout: SENSOR_ROLLING_SHUTTER_SKEW, ns. The sensor is landscape and read row by row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gyrosharp.capture.cameras.formats._text import (
    CameraFile,
    Lens,
    Section,
    as_number,
    camera_of,
    opencv_lens,
    plain_name,
    shown,
)
from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.geometry.shutter import Shutter

NAME = "android"
DESCRIPTION = "Android camera characteristics (JSON)"
EXTENSIONS = (".json",)

INTRINSICS = "lensintrinsiccalibration"
DISTORTION, OLD_DISTORTION = "lensdistortion", "lensradialdistortion"
CORRECTION_MODE = "distortioncorrectionmode"
FOCAL_MM, FOCALS_MM = "lensfocallength", "lensinfoavailablefocallengths"
PHYSICAL_MM, PIXEL_ARRAY = "sensorinfophysicalsize", "sensorinfopixelarraysize"
ARRAYS = ("sensorinfoprecorrectionactivearraysize", "sensorinfoactivearraysize", PIXEL_ARRAY)
SKEW_NS = "sensorrollingshutterskew"
_KEYS = (INTRINSICS, PHYSICAL_MM)

_MARKS = re.compile(r'"[\w.]*(lens[._]?intrinsic[._]?calibration|sensor[._]?info[._]?\w+[._]?size)"', re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
# Cameras lie at most this many objects deep: {"cameras": {"0": {"characteristics": {...}}}}.
_DEPTH = 4


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has the key of the intrinsics or of a sensor size, in any spelling."""
    return _MARKS.search(text) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the cameras by their key or place in the file, ``camera`` if it is a single one.

    Raises
    ------
    CaptureError
        If the file is malformed, or a camera has neither intrinsics nor sensor size and focal length.
    """
    content = file.text if file.text.lstrip().startswith("{") else f'{{"cameras": {file.text}}}'
    found = dict(_cameras(replace(file, text=content).json_section(), "camera", _DEPTH))
    if file.choice in found:
        found = {file.choice: found[file.choice]}
    return {name: _profile(keys, name) for name, keys in found.items()}


def _cameras(section: Section, name: str, depth: int) -> Iterator[tuple[str, Section]]:
    """All objects with a camera's keys, those keys plain, by the key that the object is under."""
    plain = {plain_name(key.removeprefix("android.")): value for key, value in section.values.items()}
    own_name = plain.get("id", plain.get("cameraid"))
    if any(plain.get(key) is not None for key in _KEYS):
        named = str(own_name) if isinstance(own_name, str | int) else name
        yield named, Section(section.file, plain, section.prefix)
        return
    children = [
        (str(inner), item)
        for key, value in section.values.items()
        for inner, item in (enumerate(value) if isinstance(value, list) else [(key, value)])
        if isinstance(item, Mapping)
    ]
    for key, item in children if depth > 0 else []:
        label = key if len(children) > 1 or key.isdigit() else name
        yield from _cameras(section.file.section(item, section.key(key)), label, depth - 1)


def _profile(keys: Section, name: str) -> CameraProfile:
    size = _array_size(keys)
    notes: list[str] = []
    pinhole = _calibrated(keys, notes) or _from_sensor_size(keys, size, notes)
    camera = camera_of(keys.file, keys.prefix or name, size, pinhole, _lens(keys, notes))
    skew_ns = _numbers(keys, SKEW_NS)
    readout_s = skew_ns[0] * 1e-9 if skew_ns and 0 < skew_ns[0] < 1e9 else None
    return CameraProfile(
        name,
        camera,
        readout_s,
        None if readout_s is None else Shutter.TOP_TO_BOTTOM,
        tuple(notes),
        source="Android camera characteristics",
    )


def _array_size(keys: Section) -> tuple[int, int]:
    for key in ARRAYS:
        numbers = _numbers(keys, key)
        if len(numbers) == 2:
            return keys.size(key, numbers[0]), keys.size(key, numbers[1])
        if len(numbers) == 4:  # left, top, right, bottom
            return keys.size(key, numbers[2] - numbers[0]), keys.size(key, numbers[3] - numbers[1])
    raise keys.failure(
        "SENSOR_INFO_PRE_CORRECTION_ACTIVE_ARRAY_SIZE", "expected the size of the sensor in px, got none; dump all keys"
    )


def _calibrated(keys: Section, notes: list[str]) -> tuple[float, float, float, float] | None:
    numbers = _numbers(keys, INTRINSICS)
    if not any(numbers):
        return None  # absent, or the zeros of makers who did not calibrate
    if len(numbers) not in (4, 5):
        raise keys.failure("LENS_INTRINSIC_CALIBRATION", f"expected fx fy cx cy s, got {shown(numbers)}")
    fx, fy, cx, cy = numbers[:4]
    if len(numbers) == 5 and numbers[4]:
        notes.append(f"skew of {numbers[4]:.3g} px left out")
    return fx, fy, cx - 0.5, cy - 0.5


def _from_sensor_size(keys: Section, size: tuple[int, int], notes: list[str]) -> tuple[float, float, float, float]:
    focal_mm = (*_numbers(keys, FOCAL_MM), *_numbers(keys, FOCALS_MM))[:1]
    physical_mm, pixels = _numbers(keys, PHYSICAL_MM), _numbers(keys, PIXEL_ARRAY) or size
    if not focal_mm or len(physical_mm) != 2 or len(pixels) != 2 or min(physical_mm) <= 0:
        raise keys.failure(
            "LENS_INTRINSIC_CALIBRATION",
            "expected it, or LENS_FOCAL_LENGTH and SENSOR_INFO_PHYSICAL_SIZE, got neither; calibrate with gyrosharp "
            "calibrate",
        )
    fx, fy = (focal_mm[0] * count / length for count, length in zip(pixels, physical_mm, strict=True))
    notes.append(
        f"focal length {fx:.0f} px of the {size[0]} x {size[1]} sensor from {focal_mm[0]:g} mm over "
        f"{physical_mm[0]:g} mm: good to a few per cent; the phone gives no calibration"
    )
    return fx, fy, (size[0] - 1) / 2, (size[1] - 1) / 2


def _lens(keys: Section, notes: list[str]) -> Lens:
    k = _numbers(keys, DISTORTION)
    mode = plain_name(str(keys.values.get(CORRECTION_MODE, "")))
    if not k:
        if _numbers(keys, OLD_DISTORTION):
            notes.append("LENS_RADIAL_DISTORTION left out: phones disagree on its unit; the lens is taken as straight")
        return "none", ()
    if mode not in ("", "0", "off"):
        notes.append("LENS_DISTORTION left out: the phone corrected its pictures (DISTORTION_CORRECTION_MODE)")
        return "none", ()
    if len(k) != 5:
        raise keys.failure("LENS_DISTORTION", f"expected 5 coefficients, got {shown(k)}")
    if not mode:
        notes.append("lens distortion as on the sensor; a phone that corrects its pictures has none left")
    k1, k2, k3, p1, p2 = k
    return opencv_lens((k1, k2, p1, p2, k3)) or ("none", ())


def _numbers(keys: Section, key: str) -> tuple[float, ...]:
    """All numbers of a value, whatever it is; none if it is absent."""
    value = keys.values.get(key)
    if isinstance(value, Mapping):
        plain = {plain_name(str(name)): item for name, item in value.items()}
        for names in (("left", "top", "right", "bottom"), ("width", "height")):
            if all(name in plain for name in names):
                value = [plain[name] for name in names]
                break
    items = value if isinstance(value, list) else _NUMBER.findall(value) if isinstance(value, str) else [value]
    numbers = [as_number(item) for item in items]
    if value is not None and None in numbers:
        raise keys.failure(key, f"expected numbers, got {shown(value)}")
    return tuple(number for number in numbers if number is not None)
