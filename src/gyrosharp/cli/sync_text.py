"""The table that `sync` prints: what was found, how sure it is, and what it was before."""

import textwrap
from collections.abc import Iterator

import numpy as np

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.recording import Recording
from gyrosharp.sync.cube import axes_letters, nearest_cube
from gyrosharp.sync.result import AXES, BIAS, DRIFT, FOCAL, READOUT, TIME_OFFSET, SyncResult

WIDTH = 80
COLUMNS = (16, 25, 15, 12)
UNKNOWN = "-"


def table(result: SyncResult, subject: Capture | Recording) -> Iterator[str]:
    """Yield the lines of the table."""
    yield _row("", "estimate", "+-", "determined", "was")
    for name, label, value, std, before in _quantities(result, subject):
        found = name in result.determined
        yield _row(label, value if found else UNKNOWN, std if found else UNKNOWN, "yes" if found else "no", before)
    if result.mid_frame_delay_s is not None and TIME_OFFSET in result.determined:
        yield _row("mid-frame delay", f"{1e3 * result.mid_frame_delay_s:+.2f} ms", "", "", "")
    if result.residual_px is not None:
        before = "" if result.residual_before_px is None else f"{result.residual_before_px:.2f} -> "
        counted = f"{result.pairs} pairs of frames" if isinstance(subject, Recording) else f"{result.pairs} windows"
        yield f"residual {before}{result.residual_px:.2f} px, {100 * result.inliers:.0f} % of points, {counted}"


def advice_lines(result: SyncResult) -> Iterator[str]:
    """Yield reasons, advice and notes, wrapped to the width of a terminal."""
    for mark, texts in (("", result.reasons), ("advice: ", result.advice), ("note: ", result.notes)):
        for text in texts:
            yield from textwrap.wrap(mark + text, WIDTH, subsequent_indent="  ", break_long_words=False)


def _quantities(result: SyncResult, subject: Capture | Recording) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield name, label, estimate, standard deviation and earlier value, as text."""
    yield TIME_OFFSET, "time offset", _ms(result.time_offset_s), _ms_std(result, TIME_OFFSET), _offset_before(subject)
    yield AXES, "gyro axes", _axes(result.R_cam_imu), _deg_std(result), _axes(subject.R_cam_imu)
    camera = subject.camera
    before = UNKNOWN if camera is None else f"{camera.fx:.1f} px"
    yield FOCAL, "focal length", _px(result.fx), _px(_std(result, FOCAL)), before
    yield READOUT, "readout", _ms(result.readout_s), _ms_std(result, READOUT), _readout_before(subject)
    bias = _bias(result.gyro_bias_rad_s)
    yield BIAS, "gyro bias", bias, _bias_std(result), _bias(subject.gyro_bias_rad_s)
    if DRIFT in result.determined and result.clock_drift is not None:
        yield (
            DRIFT,
            "clock drift",
            f"{1e6 * result.clock_drift:+.1f} ppm",
            f"{1e6 * (_std(result, DRIFT) or 0):.1f} ppm",
            "",
        )


def _row(*cells: str) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, COLUMNS, strict=False)]
    return "".join([*padded, *cells[len(COLUMNS) :]]).rstrip()


def _offset_before(subject: Capture | Recording) -> str:
    if isinstance(subject, Recording) and not subject.clocks_joined:
        return UNKNOWN
    return _ms(subject.time_offset_s)


def _readout_before(subject: Capture | Recording) -> str:
    return _ms(subject.readout_s if isinstance(subject, Recording) else subject.exposure.readout_s)


def _ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{1e3 * value:+.2f} ms"


def _ms_std(result: SyncResult, name: str) -> str:
    value = _std(result, name)
    return UNKNOWN if value is None else f"{1e3 * value:.2f} ms"


def _px(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f} px"


def _deg_std(result: SyncResult) -> str:
    value = _std(result, AXES)
    return UNKNOWN if value is None else f"{np.rad2deg(value):.1f} deg"


def _axes(matrix: "np.ndarray[tuple[int, int], np.dtype[np.float64]] | None") -> str:
    if matrix is None:
        return UNKNOWN
    angle = nearest_cube(matrix)[1]
    turned = f" {np.rad2deg(angle):+.1f} deg" if angle > np.deg2rad(0.1) else ""
    return axes_letters(matrix) + turned


def _bias(value: "np.ndarray[tuple[int], np.dtype[np.float64]] | None") -> str:
    return UNKNOWN if value is None else " ".join(f"{part:+.4f}" for part in value)


def _bias_std(result: SyncResult) -> str:
    value = result.std.get(BIAS)
    return UNKNOWN if value is None else f"{float(np.max(value)):.4f} rad/s"


def _std(result: SyncResult, name: str) -> float | None:
    value = result.std.get(name)
    return None if value is None else float(np.max(value))
