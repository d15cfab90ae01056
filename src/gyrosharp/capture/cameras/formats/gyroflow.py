"""Gyroflow lens profiles (JSON), also those inside ``.gyroflow`` projects.

Lens: OpenCV's fisheye model where `distortion_model` is absent or null, as in most files; `opencv_standard` is OpenCV's
radial-tangential one, and `poly3` and `poly5` (x_d = x (1 + k1 r^2 [+ k2 r^4])) are special cases of that. The other
models have no counterpart here and are refused, as are `digital_lens` warps (GoPro's SuperView and HyperView).

Pixels: `camera_matrix` comes from OpenCV, so pixel centres are whole numbers; it is for a picture of
`calib_dimension`. Gyroflow itself moves the principal point to the centre unless `asymmetrical` is set; here it is what
the calibration found.

Stretch: the calibration saw the picture widened by `input_horizontal_stretch` and heightened by
`input_vertical_stretch` (anamorphic lenses); files of the camera are calib_dimension / stretch, and a picture shaped
like calib_dimension is one that was widened already.

Settings: an entry of `compatible_settings` with the shape of calib_dimension is a resized picture; one of another
shape is cut out around the centre without resizing; `crop` c of a stabilised mode makes focal lengths 1 / c longer.
Those modes are taken only by name (``FILE#IDENTIFIER``): their picture moves, and no gyro knows how.

Readout: `frame_readout_time` in ms from the first line to the last, in the order of `frame_readout_direction`; absent
is top to bottom, and a negative time, as older files have it, turns the order round.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gyrosharp.capture.cameras.formats._text import CameraFile, Lens, Section, camera_of, opencv_lens, shown
from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter

NAME = "gyroflow"
DESCRIPTION = "Gyroflow lens profile"
EXTENSIONS = (".json", ".gyroflow")

_MARKS = re.compile(r'"(fisheye_params|calib_dimension|compatible_settings)"\s*:')
# Readouts closer than this are one: they differ by the frame rate's rounding.
SAME_READOUT_S = 1e-4
# Gyroflow's names and numbers of `frame_readout_direction`.
_DIRECTIONS = {
    "TopToBottom": Shutter.TOP_TO_BOTTOM,
    "BottomToTop": Shutter.BOTTOM_TO_TOP,
    "LeftToRight": Shutter.LEFT_TO_RIGHT,
    "RightToLeft": Shutter.RIGHT_TO_LEFT,
    "0": Shutter.TOP_TO_BOTTOM,
    "1": Shutter.BOTTOM_TO_TOP,
    "2": Shutter.LEFT_TO_RIGHT,
    "3": Shutter.RIGHT_TO_LEFT,
}
_OPPOSITE = {
    Shutter.TOP_TO_BOTTOM: Shutter.BOTTOM_TO_TOP,
    Shutter.BOTTOM_TO_TOP: Shutter.TOP_TO_BOTTOM,
    Shutter.LEFT_TO_RIGHT: Shutter.RIGHT_TO_LEFT,
    Shutter.RIGHT_TO_LEFT: Shutter.LEFT_TO_RIGHT,
}


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has one of gyroflow's keys."""
    return _MARKS.search(text) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the profile for the picture's size, or with a choice those of all settings by identifier.

    Raises
    ------
    CaptureError
        If the file is malformed, or its lens model is not supported.
    """
    section = file.json_section()
    if section.has("calibration_data"):
        section = section.section("calibration_data")
    main = _main(section)
    settings = _settings(section, main)
    if file.choice is not None:
        return {**{name: profile for name, profile, _ in settings}, main.name: main}
    return {main.name: _for_size(file, main, [profile for _, profile, cropped in settings if not cropped])}


def _main(section: Section) -> CameraProfile:
    calibrated = section.section("calib_dimension")
    size = calibrated.size("w"), calibrated.size("h")
    lens = section.section("fisheye_params")
    matrix = lens.numbers("camera_matrix", 9)
    centre = (matrix[2], matrix[5])
    notes: tuple[str, ...] = ()
    if not (0 < centre[0] < size[0] and 0 < centre[1] < size[1]):
        centre = ((size[0] - 1) / 2, (size[1] - 1) / 2)
        notes = ("no principal point in the profile: the centre is taken",)
    pinhole = (matrix[0], matrix[4], *centre)
    camera = camera_of(section.file, lens.key("camera_matrix"), size, pinhole, _lens(section, lens))
    readout_s, shutter = _readout(section)
    profile = CameraProfile(_name(section), camera, readout_s, shutter, notes, source=_source(section, lens))
    if section.values.get("interpolations"):
        profile = profile.noted(
            "the profile is of a zoom lens: its first focal length is taken; set the real one with --fx"
        )
    profile = replace(profile, camera=profile.camera.refocused(1 / _crop(section)))
    return _unstretched(section, profile)


def _crop(section: Section) -> float:
    """The part of the sensor's picture that a stabilised mode shows."""
    crop = section.number_or_none("crop")
    if crop is not None and not 0.1 <= crop <= 1:
        raise section.failure("crop", f"expected 0.1 to 1, got {crop:g}")
    return 1.0 if crop is None else crop


def _lens(section: Section, lens: Section) -> Lens:
    _require_plain(section)
    model = section.text("distortion_model", "opencv_fisheye") or "opencv_fisheye"
    k = lens.numbers("distortion_coeffs") if lens.has("distortion_coeffs") else ()
    found: Lens | None
    match model:
        case "opencv_fisheye":
            found = ("opencv_fisheye", (*k, *[0.0] * (4 - len(k)))) if len(k) <= 4 else None
        case "opencv_standard":
            found = opencv_lens(k)
        case "poly3":
            found = opencv_lens(k[:1])
        case "poly5":
            found = opencv_lens(k[:2])
        case _:
            raise section.failure(
                "distortion_model", "expected opencv_fisheye, opencv_standard, poly3 or poly5, got "
                f"{shown(model)}, which is not supported; calibrate the lens with gyrosharp calibrate"
            )  # fmt: skip
    if found is None:
        raise lens.failure("distortion_coeffs", f"expected the coefficients of {model}, got {len(k)} of them")
    return found


def _require_plain(section: Section) -> None:
    digital = section.text("digital_lens")
    if digital:
        raise section.failure(
            "digital_lens",
            f"expected a lens alone, got {shown(digital)}, which warps the picture and is not supported; "
            "record without it (GoPro: Wide or Linear)",
        )


def _readout(section: Section, order: Shutter | None = None) -> tuple[float | None, Shutter | None]:
    """Readout and its order; `order` is what holds where the section names none."""
    if section.values.get("global_shutter") is True:
        return 0.0, Shutter.GLOBAL
    milliseconds = section.number_or_none("frame_readout_time")
    if not milliseconds:
        return None, None
    shutter = _order(section) or order or Shutter.TOP_TO_BOTTOM  # the last is gyroflow's default
    return _seconds(section, milliseconds), _OPPOSITE[shutter] if milliseconds < 0 else shutter


def _order(section: Section) -> Shutter | None:
    named = section.text("frame_readout_direction")
    if not named:
        return None
    if named not in _DIRECTIONS:
        raise section.failure(
            "frame_readout_direction",
            f"expected TopToBottom, BottomToTop, LeftToRight or RightToLeft, got {shown(named)}; correct it",
        )
    return _DIRECTIONS[named]


def _seconds(section: Section, milliseconds: float) -> float:
    if abs(milliseconds) > 1000:
        raise section.failure("frame_readout_time", f"expected at most 1000 ms, got {milliseconds:g}; check its unit")
    return abs(milliseconds) * 1e-3


def _name(section: Section) -> str:
    parts = (section.text(key) for key in ("camera_brand", "camera_model", "lens_model", "camera_setting"))
    return " ".join(part for part in parts if part) or section.text("name") or section.file.path.stem


def _source(section: Section, lens: Section) -> str:
    error_px = lens.number_or_none("RMS_error")
    by = section.text("calibrated_by")
    said = [f"calibrated by {by}" if by else "", f"RMS error {error_px:.2g} px" if error_px else ""]
    return ", ".join(["gyroflow lens profile", *filter(None, said)])


def _unstretched(section: Section, profile: CameraProfile) -> CameraProfile:
    """The profile for the picture as the camera stores it, unless the one at hand is shaped like the widened one."""
    stretch = [section.number_or_none(f"input_{way}_stretch") or 1.0 for way in ("horizontal", "vertical")]
    if not all(0.1 <= value <= 10 for value in stretch):
        raise section.failure("input_horizontal_stretch", f"expected stretches from 0.1 to 10, got {shown(stretch)}")
    if stretch == [1.0, 1.0]:
        return profile
    width, height = profile.size_px
    stored = round(width / stretch[0]), round(height / stretch[1])
    wanted = section.file.width / section.file.height
    if abs(width / height / wanted - 1) < abs(stored[0] / stored[1] / wanted - 1):
        return profile.noted(f"the picture is taken as already stretched by {stretch[0]:g} x {stretch[1]:g}")
    return replace(profile, camera=profile.camera.scaled(max(stored[0], 1), max(stored[1], 1)))


def _settings(section: Section, main: CameraProfile) -> list[tuple[str, CameraProfile, bool]]:
    """The compatible settings: identifier, profile, and whether a stabiliser crops the picture."""
    listed = section.values.get("compatible_settings") or []
    if not isinstance(listed, list):
        raise section.failure("compatible_settings", f"expected a list, got {shown(listed)}")
    found = []
    for index, item in enumerate(listed):
        entry = section.file.section(item, section.key(f"compatible_settings[{index}]"))
        size = (entry.size("width"), entry.size("height")) if entry.has("width") else main.size_px
        name = entry.text("identifier") or f"setting{index}"
        if entry.text("digital_lens"):
            if section.file.choice == name:
                _require_plain(entry)
            continue
        cropped = entry.has("crop")
        # The setting's crop replaces that of the profile.
        longer = _crop(section) / _crop(entry) if cropped else 1.0
        profile = replace(main, name=name, camera=_resized(main.camera, size).refocused(longer))
        if entry.has("frame_readout_time"):
            readout_s, shutter = _readout(entry, _order(section))
            profile = replace(profile, readout_s=readout_s, shutter=shutter)
        if cropped:
            profile = profile.noted(f"{name} is a stabilised mode: its picture moves against the sensor")
        found.append((name, profile, cropped))
    return found


def _resized(camera: CameraModel, size: tuple[int, int]) -> CameraModel:
    width, height = size
    # Gyroflow's own limit between resizing and cutting.
    if abs(width / camera.width - height / camera.height) < 1e-3:
        return camera.scaled(width, height)
    return camera.cropped((camera.width - width) // 2, (camera.height - height) // 2, width, height)


def _for_size(file: CameraFile, main: CameraProfile, settings: list[CameraProfile]) -> CameraProfile:
    """The profile for the picture's size; its readout only if all settings of that size agree."""
    same = [profile for profile in (main, *settings) if profile.size_px == (file.width, file.height)]
    if not same:
        return main
    picked = replace(same[0], name=main.name)
    readouts = [profile.readout_s for profile in same if profile.readout_s is not None]
    if not readouts or max(readouts) - min(readouts) <= SAME_READOUT_S:
        return picked
    return replace(picked, readout_s=None, shutter=None).noted(
        f"readout of this size is {min(readouts) * 1e3:.4g} to {max(readouts) * 1e3:.4g} ms, by frame rate: none "
        f"taken; choose one with {file.path.name}#IDENTIFIER, or give --readout-ms"
    )
