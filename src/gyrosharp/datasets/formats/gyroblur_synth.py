"""GyroBlur-Synth, the set of GyroDeblurNet (arXiv 2404.00916): averaged pictures, and one long gyro log per subset.

Line n of the starting-point file is the row of the log, counted from 0, at which the exposure of picture n in order
of name begins; eleven rows span it. All pictures share the intrinsics of the 4KRD camera at 1920 x 1080 px, of which
they are the central 1280 x 720 px; the truth shows the middle of the exposure; gyro axes are taken as the camera's;
no rolling shutter.

The public pictures are taken as linear codes: both test scripts of the authors raise pictures to 1 / 2.2 only to show
them. (Nothing says so in words. `curve="srgb"` decodes them as sRGB.) gyrosharp writes sRGB codes and says so in a
file.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import SUFFIX
from gyrosharp.datasets.formats._folders import is_picture, partner, partner_or_none, require_found, subsets
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import number_row, text_lines
from gyrosharp.datasets.formats._planes import PlaneSource, hwc_planes
from gyrosharp.datasets.formats._shots import FOLDER, encoding_of, gyro_text, json_bytes, shot_files, shot_reader
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.sample_files import npy_of, share_codes
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.readers import read_imu
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import read_header
from gyrosharp.media.opencv import png_of
from gyrosharp.media.transfer import LINEAR, SRGB

NAME = "gyroblur_synth"
DESCRIPTION = "GyroBlur-Synth: averaged pictures, gyro log with starting points, saturation masks"
LICENCE = "none stated"
LAYOUT = """
{train,test}/avg_blur/000001.png
{train,test}/sharp/000001.png
{train,test}/sat_mask/000001.png            share of the exposure that was saturated
{train,test}/camera_motion_field/000001.npy (H/2, W/2, 16) float32, px
{train,test}/GyroBlur-Synth_{train,test}_starting_point.txt
gyro_{train,test}.txt                       t_ns wx wy wz
written besides, in each subset: camera_motion_field_noisy/NAME.npy, gyro_rows/NAME.txt, shots/NAME.*, gyrosharp.json
"""
NEEDS = ("camera_motion_field",)
ROWS = 11
# The 4KRD camera, and the part of its frame that the pictures show.
KRD = CameraModel(1920, 1080, 2139.03493, 2133.82853, 960.0, 540.0)
PUBLIC = {(1920, 1080): KRD, (1280, 720): KRD.cropped(320, 180, 1280, 720)}
CURVES = {"linear": LINEAR, "srgb": SRGB}
FACTS = "gyrosharp.json"
PARTS = "gyro_rows"
# Rows on either side of the eleven: a spline through the log has forgotten its ends by then.
MARGIN_ROWS = 8
# Between two stretches of the log that gyrosharp puts together, so that stamps increase.
PAUSE_NS = 1_000_000_000


def sniff(folder: Path) -> bool:
    """Return whether avg_blur and sharp are there, here or one level down."""
    return _holds(folder) or any(_holds(path) for path in folder.iterdir() if path.is_dir())


def read(folder: Path, split: str | None = None, *, curve: str | None = None) -> list[DatasetItem]:
    """Return the pairs; field ``camera_motion_field`` is (16, H/2, W/2) in px, where it was generated.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        "train", "test", or None for both.
    curve : {"linear", "srgb"} or None
        How the pictures' codes are decoded; None takes gyrosharp.json's word, or "linear" without that file.

    Raises
    ------
    UsageError
        If `curve` or `split` is unknown.
    CaptureError
        If a starting point is no row number, or there are not as many as pictures.
    ImageError
        If a blurred picture has no sharp one.
    """
    if curve not in (None, *CURVES):
        raise UsageError(f"{NAME}: expected curve to be one of {', '.join(CURVES)}, got {curve!r}")
    items = [item for name, subset in subsets(folder, _holds, split) for item in _subset(subset, name, curve)]
    return require_found(folder, items, "pictures in avg_blur folders")


def _holds(folder: Path) -> bool:
    return (folder / "avg_blur").is_dir() and (folder / "sharp").is_dir()


def _subset(subset: Path, split: str | None, curve: str | None) -> list[DatasetItem]:
    paths = _in_order(subset)
    starts = _starts(subset, len(paths))
    facts = subset / FACTS
    name = curve or (json.loads(facts.read_text())["curve"] if facts.is_file() else "linear")
    return [
        DatasetItem(
            name=path.stem,
            split=split,
            sharp=ImageSource(partner(path, subset / "sharp", "sharp picture")),
            blurred=ImageSource(path),
            saturation=partner_or_none(subset / "sat_mask", path.stem),
            fields=_fields(subset, path.stem),
            curve=CURVES[name],
            capture_of=shot_reader(subset, path.stem) or _capture_of(subset, path, start),
        )
        for path, start in zip(paths, starts, strict=True)
    ]


def _in_order(subset: Path) -> list[Path]:
    """Pictures in plain order of name, as the authors sort them."""
    return sorted(path for path in (subset / "avg_blur").iterdir() if is_picture(path))


def _fields(subset: Path, stem: str) -> dict[str, PlaneSource]:
    found = {name: subset / name / f"{stem}.npy" for name in (NEEDS[0], f"{NEEDS[0]}_noisy")}
    return {name: PlaneSource((path,), hwc_planes) for name, path in found.items() if path.is_file()}


def _starts(subset: Path, count: int) -> list[int | None]:
    path = next(iter(sorted(subset.glob("*starting_point.txt"))), None)
    if path is None:
        return [None] * count
    rows = text_lines(path)
    values = [
        number_row(path, number, line, 1, "the row of the gyro log at which a picture starts") for number, line in rows
    ]
    if len(values) != count:
        raise CaptureError(f"{path}: expected {count} lines, one per picture of avg_blur, got {len(values)}")
    return [int(value) for (value,) in values]


def _capture_of(subset: Path, picture: Path, start: int | None) -> Callable[[], Capture] | None:
    log = subset.parent / f"gyro_{subset.name}.txt"
    return None if start is None or not log.is_file() else partial(_capture, log, picture, start)


def _capture(log: Path, picture: Path, start: int) -> Capture:
    header = read_header(picture)
    camera = PUBLIC.get((header.width, header.height))
    if camera is None:
        sizes = " or ".join(f"{width} x {height}" for width, height in PUBLIC)
        raise CaptureError(
            f"{picture}: expected {sizes} px, whose camera is known, got {header.width} x {header.height}"
        )
    imu = _log(log)
    if not 0 <= start <= len(imu) - ROWS:
        raise CaptureError(
            f"{log}: expected a starting point from 0 to {len(imu) - ROWS}, got {start} for {picture.name}"
        )
    start_ns, end_ns = (int(imu.time_ns[row]) for row in (start, start + ROWS - 1))
    exposure = Exposure(start_ns, (end_ns - start_ns) * 1e-9, shutter=Shutter.GLOBAL)
    return Capture(camera, exposure, ImageSource(picture), imu, np.eye(3), notes=("gyro axes taken as the camera's",))


@lru_cache(maxsize=2)
def _log(path: Path) -> ImuRecording:
    return read_imu(path, "gyroblur")


def files_of(sample: BlurSample, split: str) -> dict[str, bytes]:
    """Return the files of one sample; the layout has no rolling shutter, the capture file beside it has.

    Raises
    ------
    UsageError
        If the sample lacks the encoding ``camera_motion_field``, or its motion is not known as rates.
    """
    field = encoding_of(sample, NAME, NEEDS[0])
    noisy = sample.noisy_encodings.get(NEEDS[0])
    files = {
        f"{split}/avg_blur/{sample.name}.png": png_of(sample.blurred),
        f"{split}/sharp/{sample.name}.png": png_of(sample.sharp),
        f"{split}/sat_mask/{sample.name}.png": png_of(np.repeat(share_codes(sample.saturation)[..., None], 3, axis=2)),
        f"{split}/{NEEDS[0]}/{sample.name}.npy": npy_of(_hwc(field)),
        f"{split}/{PARTS}/{sample.name}.txt": gyro_text(*_rows(sample)),
        **shot_files(sample, split, f"avg_blur/{sample.name}.png"),
    }
    if noisy is not None:
        files[f"{split}/{NEEDS[0]}_noisy/{sample.name}.npy"] = npy_of(_hwc(noisy))
    return files


def _hwc(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def _rows(sample: BlurSample) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rates in the camera frame at eleven moments that span the exposure, and at some on either side of it."""
    from scipy.interpolate import CubicSpline

    stamps, rates = _camera_rates(sample)
    exposure = sample.capture.exposure
    step_s = exposure.duration_s / (ROWS - 1)
    steps = np.arange(-MARGIN_ROWS, ROWS + MARGIN_ROWS)
    wanted = exposure.start_ns + np.rint(steps * step_s * 1e9).astype(np.int64)
    inside = (wanted >= stamps[0]) & (wanted <= stamps[-1]) | (steps >= 0) & (steps < ROWS)
    seconds = (stamps - exposure.start_ns) * 1e-9
    spline = CubicSpline(seconds, rates)
    at_s = np.clip((wanted[inside] - exposure.start_ns) * 1e-9, seconds[0], seconds[-1])
    return wanted[inside], np.asarray(spline(at_s))


def _camera_rates(sample: BlurSample) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    trajectory = sample.capture.trajectory()
    if trajectory.rates_rad_s is None:
        raise UsageError(
            f"{NAME}: expected a motion with angular rates in sample {sample.name}, got poses; use another layout"
        )
    return trajectory.time_ns, trajectory.rates_rad_s


def finish(folder: Path, split: str, names: Sequence[str] | None = None) -> dict[str, bytes]:
    """Return the subset's long gyro log, its starting points, and what the pictures' codes mean.

    Parameters
    ----------
    folder : Path
        Root of the data set that `files_of` wrote into.
    split : str
        Name of the subset.
    names : sequence of str or None
        Samples to count; None takes all pictures that are there.

    Raises
    ------
    CaptureError
        If a sample's part of the log is missing or broken.
    """
    subset = folder / split
    # Whole file names are sorted, as a reader sorts them: "a.png" comes after "a-1.png", though "a" comes before "a-1".
    pictures = (
        sorted(f"{name}.png" for name in names) if names is not None else [path.name for path in _in_order(subset)]
    )
    text, starts, rows, base_ns = bytearray(), [], 0, PAUSE_NS
    for picture in pictures:
        stamps, rates, first = _part(subset, picture.removesuffix(".png"))
        text += gyro_text(stamps - stamps[0] + base_ns, rates)
        starts.append(rows + first)
        rows += stamps.size
        base_ns += int(stamps[-1] - stamps[0]) + PAUSE_NS
    return {
        f"gyro_{split}.txt": bytes(text),
        f"{split}/GyroBlur-Synth_{split}_starting_point.txt": "".join(f"{start}\n" for start in starts).encode(),
        f"{split}/{FACTS}": json_bytes({"curve": "srgb", "format": NAME}),
    }


def _part(subset: Path, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Rows of one sample, and which of them is the first of its exposure."""
    path = subset / PARTS / f"{name}.txt"
    rows = []
    for number, line in text_lines(path):
        values = number_row(path, number, line, 4, "t_ns wx wy wz")
        # The stamp is read again as an integer: a float holds 15 digits, a stamp has up to 19.
        rows.append((int(line.split()[0]), values[1:]))
    stamps = np.array([stamp for stamp, _ in rows], dtype=np.int64)
    shot = subset / FOLDER / f"{name}{SUFFIX}"
    try:
        start_ns = json.loads(shot.read_text(encoding="utf-8"))["exposure"]["start_ns"]
    except (OSError, ValueError, KeyError):
        raise CaptureError(
            f"{shot}: expected a capture file with exposure.start_ns, got none; write the sample again"
        ) from None
    return stamps, np.array([rates for _, rates in rows]), int(np.searchsorted(stamps, start_ns))
