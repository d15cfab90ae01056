"""Pictures of a calibration: where corners were seen, how far they are off, and what the lens does."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.camera import CameraCalibration
from gyrosharp.calibrate.sheet import FAINT, INK, PALETTE, Picture, Sheet, coloured, fitted
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.media.chart import BLUE, BOTTOM, LEFT, RIGHT, TOP, Curve, Panel, chart

Array = NDArray[np.float64]
Grey = NDArray[np.uint8]

WIDTH, MARGIN, TITLE = 1600, 24, 92
PANEL_WIDTH = (WIDTH - 3 * MARGIN) // 2
CHART_HEIGHT = 440
ARROW_SHARE = 0.03
"""The longest residual is drawn as this share of the picture's width."""


def camera_picture(result: CameraCalibration, example: Grey, example_name: str) -> Picture:
    """Return a sheet (H, W, 3) that shows a calibration.

    Above, the part of the picture that boards covered with the residual at every corner (enlarged), and an example
    picture without its distortion. Below, all residuals about zero, and the RMS of every view.

    Parameters
    ----------
    result : CameraCalibration
    example : (H, W) uint8 array
        One of the pictures.
    example_name : str
        Its name.
    """
    camera = result.camera
    panel_height = round(PANEL_WIDTH * min(camera.height / camera.width, 1.0))
    sheet = Sheet(WIDTH, TITLE + panel_height + MARGIN + CHART_HEIGHT)
    _title(sheet, result)
    _coverage(sheet, panel_height, result, example)
    _example(sheet, panel_height, camera, (example, example_name))
    top = TITLE + panel_height + MARGIN
    sheet.paste(_scatter(result, PANEL_WIDTH, CHART_HEIGHT), MARGIN, top)
    sheet.paste(_bars(result, PANEL_WIDTH, CHART_HEIGHT), 2 * MARGIN + PANEL_WIDTH, top)
    return sheet.pixels


def undistorted(grey: Grey, camera: CameraModel) -> Grey:
    """Return a picture as a lens without distortion and of the same focal length would show it, black where unseen."""
    import cv2

    y, x = np.mgrid[: camera.height, : camera.width].astype(np.float64)
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)
    pixels, _ = camera.project(rays)
    maps = pixels.astype(np.float32)
    return np.asarray(cv2.remap(grey, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR), dtype=np.uint8)


def _title(sheet: Sheet, result: CameraCalibration) -> None:
    camera = result.camera
    sheet.text(
        f"{camera.width} x {camera.height} px, {camera.distortion_model} {len(camera.distortion)}:  "
        f"fx {camera.fx:.2f} +- {result.std['fx']:.2f}  fy {camera.fy:.2f} +- {result.std['fy']:.2f}  "
        f"cx {camera.cx:.2f} +- {result.std['cx']:.2f}  cy {camera.cy:.2f} +- {result.std['cy']:.2f} px",
        MARGIN,
        32,
        INK,
        0.62,
    )
    names = [name for name in result.std if name[0] in "kp"]
    terms = [
        f"{name} {value:.4g} +- {result.std[name]:.2g}" for name, value in zip(names, camera.distortion, strict=True)
    ]
    sheet.text("   ".join(terms), MARGIN, 56, FAINT, 0.45)


def _coverage(sheet: Sheet, height: int, result: CameraCalibration, example: Grey) -> None:
    ground, factor = fitted(coloured((0.45 * example).astype(np.uint8)), PANEL_WIDTH, height)
    tint = np.array((0, 40, 70)) * _enlarged(result.coverage.mask, ground)[..., None]
    sheet.paste(np.clip(ground + tint, 0, 255).astype(np.uint8), MARGIN, TITLE)
    gain = max(ARROW_SHARE * result.camera.width / max(result.max_px, 1e-9), 1.0)
    for k, report in enumerate(result.views):
        start = (report.view.pixels + 0.5) * factor - 0.5 + (MARGIN, TITLE)
        end = start + gain * factor * report.residuals_px
        for ends in zip(start, end, strict=True):
            sheet.line(ends, PALETTE[k % len(PALETTE)])
        sheet.dots(start, PALETTE[k % len(PALETTE)], 1.6)
    share = f"{result.coverage.picture:.0%}"
    sheet.text(f"corners, residuals x {gain:.0f}; boards cover {share} of the picture (blue)", MARGIN, TITLE - 8)


def _enlarged(mask: NDArray[np.bool_], like: Picture) -> NDArray[np.bool_]:
    import cv2

    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5)


def _example(sheet: Sheet, height: int, camera: CameraModel, example: tuple[Grey, str]) -> None:
    straight, _ = fitted(coloured(undistorted(example[0], camera)), PANEL_WIDTH, height)
    sheet.paste(straight, 2 * MARGIN + PANEL_WIDTH, TITLE)
    sheet.text(f"{example[1]} without distortion", 2 * MARGIN + PANEL_WIDTH, TITLE - 8)


def _scatter(result: CameraCalibration, width: int, height: int) -> Picture:
    """Draw all residuals about zero, x and y to one scale: a round cloud must look round."""
    longest = max(result.max_px, 1e-6)
    wide = 1.06 * longest * (width - LEFT - RIGHT) / (height - TOP - BOTTOM)
    # Points without an x are not drawn, but count for the range of y.
    frame = Curve(np.full(2, np.nan), np.array([-longest, longest]))
    clouds = [
        Curve(report.residuals_px[:, 0], -report.residuals_px[:, 1], PALETTE[k % len(PALETTE)], style="dots")
        for k, report in enumerate(result.views)
    ]
    title = f"residuals, found less projected: RMS {result.rms_px:.3f} px, largest {result.max_px:.2f} px"
    return chart([Panel([frame, *clouds], title, "x, px", "px, upwards", x_range=(-wide, wide))], width, height)


def _bars(result: CameraCalibration, width: int, height: int) -> Picture:
    """Draw the RMS of every view."""
    rms = np.array([report.rms_px for report in result.views])
    number = np.arange(1, len(rms) + 1, dtype=np.float64)
    span = (0.4, len(rms) + 0.6)
    panel = Panel(
        [Curve(number, rms, BLUE, style="bars")], "RMS of each view", "number of the view", "px", x_range=span
    )
    return chart([panel], width, height)
