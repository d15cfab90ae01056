"""What `calibrate` tells people: tables of lines."""

from collections.abc import Iterator, Sequence

import numpy as np

from gyrosharp.calibrate.camera import CameraCalibration
from gyrosharp.calibrate.gyro_noise import StillNoise
from gyrosharp.calibrate.model_choice import ModelScore
from gyrosharp.calibrate.stereo import StereoCalibration
from gyrosharp.imu.allan import NoiseFigure

LABEL_WIDTH = 18
LONGEST_NAME = 36


def camera_lines(result: CameraCalibration, searched: int) -> Iterator[str]:
    """Yield the table of a camera calibration."""
    camera, std = result.camera, result.std
    yield _row("board", f"{result.board}, used in {len(result.views)} of {searched} pictures")
    yield _row("size", f"{camera.width} x {camera.height} px")
    yield _row("lens model", f"{camera.distortion_model}, {len(camera.distortion)} coefficients")
    yield _row("", f"error on unseen views: {_scores(result.scores)}")
    for name in ("fx", "fy", "cx", "cy"):
        yield _row(name, f"{getattr(camera, name):9.2f} +- {std[name]:.2f} px")
    for name, value in zip([key for key in std if key[0] in "kp"], camera.distortion, strict=True):
        yield _row(name, f"{value:9.5f} +- {std[name]:.5f}")
    yield _row("residual", f"RMS {result.rms_px:.3f} px, largest {result.max_px:.2f} px")
    yield _row(
        "coverage",
        f"boards over {result.coverage.picture:.0%} of the picture, corners out to "
        f"{result.coverage.reach:.0%} of the half diagonal",
    )
    yield ""
    names = [_short(report.view.name) for report in result.views]
    width = max(len(name) for name in (*names, "view"))
    yield f"      {'view':<{width}}  corners  RMS px  max px  tilt deg  edge px"
    for number, (name, report) in enumerate(zip(names, result.views, strict=True), start=1):
        edge = "-" if report.view.edge_px is None else f"{report.view.edge_px:.1f}"
        yield (
            f"{number:4d}  {name:<{width}}  {len(report.view):7d}  {report.rms_px:6.2f}  {report.max_px:6.2f}  "
            f"{report.tilt_deg:8.0f}  {edge:>7}"
        )


def stereo_lines(result: StereoCalibration) -> Iterator[str]:
    """Yield the table of a stereo calibration."""
    unit = "squares" if result.board.square_m is None else "m"
    yield _row("board", f"{result.board} in {len(result.pairs)} pairs")
    for side, camera in (("left", result.left), ("right", result.right)):
        yield _row(
            side,
            f"fx {camera.fx:.2f}  fy {camera.fy:.2f}  cx {camera.cx:.2f}  cy {camera.cy:.2f} px, "
            f"{camera.distortion_model} {len(camera.distortion)}",
        )
    yield _row("baseline", f"{result.baseline:.5g} {unit}")
    shift = ", ".join(
        f"{value:.5g} +- {error:.2g}" for value, error in zip(result.t_right_left, result.translation_std, strict=True)
    )
    yield _row("t_right_left", f"{shift} {unit}")
    turn = np.degrees(float(np.linalg.norm(result.rotation_std_rad)))
    yield _row("R_right_left", f"{_matrix_row(result.R_right_left[0])}   (turned by {result.angle_deg:.3f} degrees)")
    yield _row("", f"{_matrix_row(result.R_right_left[1])}   (+- {turn:.2g} degrees)")
    yield _row("", _matrix_row(result.R_right_left[2]))
    yield _row("residual", f"RMS {result.rms_px:.3f} px")
    yield _row("epipolar", f"RMS {result.epipolar_rms_px:.3f} px, largest {result.epipolar_max_px:.2f} px")
    yield ""
    names = [f"{_short(pair.names[0])} + {_short(pair.names[1])}" for pair in result.pairs]
    width = max(len(name) for name in (*names, "pair"))
    yield f"      {'pair':<{width}}  RMS px  epipolar px"
    for number, (name, pair) in enumerate(zip(names, result.pairs, strict=True), start=1):
        yield f"{number:4d}  {name:<{width}}  {pair.rms_px:6.2f}  {pair.epipolar_rms_px:11.2f}"


def noise_lines(noise: StillNoise) -> Iterator[str]:
    """Yield the table of a gyro's noise at rest."""
    yield _row("used", f"{noise.from_s:.2f} to {noise.to_s:.2f} s of the log: {noise.seconds:.4g} s at rest")
    yield _row("rate", f"{noise.rate_hz:.2f} Hz, intervals scatter by {noise.interval_std_s * 1e6:.3g} us")
    yield _row("gaps", f"{noise.gaps}, the longest interval {noise.longest_gap_s * 1e3:.3g} ms")
    yield ""
    yield f"{'':<34}" + "".join(f"{name:>14}" for name in "xyz")
    axes = noise.axes
    rows: list[tuple[str, Sequence[float | None]]] = [
        ("bias, rad/s", [axis.bias_rad_s for axis in axes]),
        ("  +-, rad/s", [axis.bias_std_rad_s for axis in axes]),
        ("noise of a sample, rad/s", [axis.std_rad_s for axis in axes]),
        ("step of the numbers, rad/s", [axis.step_rad_s for axis in axes]),
        ("correlation of neighbours", [axis.lag1_correlation for axis in axes]),
        ("angle random walk, rad/s/sqrt(Hz)", [_value(axis.white) for axis in axes]),
        ("bias instability, rad/s", [_value(axis.instability) for axis in axes]),
        ("rate random walk, rad/s^2/sqrt(Hz)", [_value(axis.random_walk) for axis in axes]),
    ]
    for label, values in rows:
        yield f"{label:<34}" + "".join(f"{_number(value):>14}" for value in values)
    yield from _ranges(noise)


def _ranges(noise: StillNoise) -> Iterator[str]:
    yield ""
    for name, axis in zip("xyz", noise.axes, strict=True):
        for label, figure in (("angle random walk", axis.white), ("rate random walk", axis.random_walk)):
            if figure is not None:
                yield _row(name, f"{label} read from {figure.from_s:.3g} to {figure.to_s:.3g} s")
        if axis.instability is not None:
            yield _row(name, f"bias instability read at {axis.instability.from_s:.3g} s")
        for key, reason in axis.reasons.items():
            yield _row(name, f"no {_FIGURES[key]}: {reason}")


_FIGURES = {"white": "angle random walk", "instability": "bias instability", "random_walk": "rate random walk"}


def _scores(scores: Sequence[ModelScore]) -> str:
    return ", ".join(f"{score.kind} {score.unseen_rms_px:.3f}" for score in scores) + " px"


def _row(label: str, text: str) -> str:
    return f"{label:<{LABEL_WIDTH}}{text}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else "..." + name[3 - LONGEST_NAME :]


def _matrix_row(row: Sequence[float]) -> str:
    return "  ".join(f"{value:9.6f}" for value in row)


def _value(figure: NoiseFigure | None) -> float | None:
    return None if figure is None else figure.value


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
