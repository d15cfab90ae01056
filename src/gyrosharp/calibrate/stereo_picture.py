"""A stereo calibration as a picture: a rectified pair, and how well rows correspond."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.sheet import FAINT, INK, PALETTE, Picture, Sheet, coloured, fitted
from gyrosharp.calibrate.stereo import StereoCalibration, rectifying_rotations
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.media.chart import BLUE, ORANGE, Curve, Panel, chart

Array = NDArray[np.float64]
Grey = NDArray[np.uint8]

WIDTH, MARGIN, TITLE, CHART_HEIGHT = 1600, 24, 64, 360
ROWS = 15
"""Lines drawn across the rectified pair."""


def stereo_picture(result: StereoCalibration, left: Grey, right: Grey, names: tuple[str, str]) -> Picture:
    """Return a sheet (H, W, 3): a pair after rectification, with lines along which points must lie, and a chart.

    Parameters
    ----------
    result : StereoCalibration
    left, right : (H, W) uint8 arrays
        The pictures of one pair.
    names : (left, right)
        Their names.
    """
    views = rectified(result, left, right)
    width = (WIDTH - 3 * MARGIN) // 2
    small = [fitted(coloured(view), width, 10 * width)[0] for view in views]
    height = small[0].shape[0]
    sheet = Sheet(WIDTH, TITLE + height + MARGIN + CHART_HEIGHT)
    unit = "squares" if result.board.square_m is None else "m"
    sheet.text(
        f"baseline {result.baseline:.4g} {unit}, angle {result.angle_deg:.2f} degrees, reprojection RMS "
        f"{result.rms_px:.3f} px, epipolar RMS {result.epipolar_rms_px:.3f} px",
        MARGIN,
        30,
        INK,
        0.62,
    )
    for k, (view, name) in enumerate(zip(small, names, strict=True)):
        x = MARGIN + k * (width + MARGIN)
        sheet.paste(view, x, TITLE)
        sheet.text(f"{name} rectified", x, TITLE - 8, FAINT, 0.45)
    for k in range(1, ROWS + 1):
        y = TITLE + height * k / (ROWS + 1)
        sheet.line([(MARGIN, y), (WIDTH - MARGIN, y)], PALETTE[k % len(PALETTE)])
    sheet.paste(_bars(result, WIDTH - 2 * MARGIN, CHART_HEIGHT), MARGIN, TITLE + height + MARGIN)
    return sheet.pixels


def rectified(result: StereoCalibration, left: Grey, right: Grey) -> tuple[Grey, Grey]:
    """Return both pictures as two pinhole cameras side by side would show them, black where unseen.

    Both get the left picture's size and one focal length, so large that the corners of the pictures stay in sight.
    """
    import cv2

    cameras = result.left, result.right
    turns = rectifying_rotations(result.R_right_left, result.t_right_left)
    seen = [_border(camera) @ turn.T for camera, turn in zip(cameras, turns, strict=True)]
    flat = [rays[:, :2] / rays[:, 2:] for rays in seen]
    y_low, y_high = (float(pick(np.concatenate(flat)[:, 1])) for pick in (np.min, np.max))
    span_x = max(float(np.ptp(rays[:, 0])) for rays in flat)
    width, height = result.left.width, result.left.height
    focal = min(width / span_x, height / (y_high - y_low))
    pictures = []
    for grey, camera, turn, rays in zip((left, right), cameras, turns, flat, strict=True):
        x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
        middle = float(rays[:, 0].min() + rays[:, 0].max()) / 2
        across, down = (x - (width - 1) / 2) / focal + middle, (y - (height - 1) / 2) / focal + (y_low + y_high) / 2
        pixels, _ = camera.project(np.stack([across, down, np.ones_like(x)], axis=-1) @ turn)
        maps = pixels.astype(np.float32)
        pictures.append(np.asarray(cv2.remap(grey, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR), dtype=np.uint8))
    return pictures[0], pictures[1]


def _border(camera: CameraModel) -> Array:
    """Return rays of points along the picture's border; those that the distortion loses are left out."""
    x, y = np.linspace(0, camera.width - 1, 17), np.linspace(0, camera.height - 1, 17)
    edges = [np.stack([x, np.full(17, v)], axis=1) for v in (0, camera.height - 1)]
    edges += [np.stack([np.full(17, u), y], axis=1) for u in (0, camera.width - 1)]
    rays, valid = camera.unproject(np.concatenate(edges))
    return rays[valid] if valid.any() else rays


def _bars(result: StereoCalibration, width: int, height: int) -> Picture:
    """Draw reprojection and row error of every pair."""
    number = np.arange(1, len(result.pairs) + 1, dtype=np.float64)
    rms = Curve(number, np.array([pair.rms_px for pair in result.pairs]), BLUE, "reprojection", "bars")
    rows = Curve(number, np.array([pair.epipolar_rms_px for pair in result.pairs]), ORANGE, "rows", "dots")
    span = (0.4, len(number) + 0.6)
    return chart([Panel([rms, rows], "RMS of each pair", "number of the pair", "px", x_range=span)], width, height)
