"""Pictures: trajectories drawn over a photo."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import point_tracks
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.media.atomic import atomic_write
from gyrosharp.media.opencv import png_of
from gyrosharp.media.transfer import SRGB, encode_codes

Picture = NDArray[np.uint8]

COLUMNS = 9
MOMENTS = 49
# Colours (RGB) of the start and the end of the exposure: readable on any photo, and for colour-blind eyes.
START, END = np.array([255.0, 176.0, 0.0]), np.array([0.0, 114.0, 255.0])
# Sub-pixel coordinates of OpenCV's line drawing: fixed point with this many bits.
FRACTION_BITS = 4


def as_picture(image_linear: NDArray[np.float32]) -> Picture:
    """Return a linear image (H, W, 1 or 3) as 8-bit sRGB (H, W, 3)."""
    codes = encode_codes(np.ascontiguousarray(image_linear, dtype=np.float32), SRGB, np.uint8)
    return np.ascontiguousarray(np.broadcast_to(codes, (*codes.shape[:2], 3)), dtype=np.uint8)


def sample_tracks(motion: CameraMotion) -> NDArray[np.float64]:
    """Return the trajectories (P, T, 2) of points spread evenly over the image, px."""
    width, height = motion.camera.width, motion.camera.height
    spacing = max(width, height) / COLUMNS
    x = np.arange(spacing / 2, width, spacing)
    y = np.arange(spacing / 2, height, spacing)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return point_tracks(motion, points, np.linspace(0.0, 1.0, MOMENTS))[0]


def draw_tracks(picture: Picture, tracks: NDArray[np.float64], scale: float = 1.0) -> Picture:
    """Draw trajectories (P, T, 2) over a picture, from orange (shutter opens) to blue (closes).

    Parameters
    ----------
    picture : (H, W, 3) uint8 array
        sRGB; dimmed a little in the result, so that the lines stand out.
    tracks : (P, T, 2) array
        Positions, px.
    scale : float
        Exaggeration about the middle of each trajectory.
    """
    import cv2

    canvas = (0.72 * picture).astype(np.uint8)
    width = max(round(max(picture.shape[:2]) / 700), 1)
    middle = tracks[:, tracks.shape[1] // 2 : tracks.shape[1] // 2 + 1]
    shown = np.rint((middle + scale * (tracks - middle)) * 2**FRACTION_BITS).astype(np.int32)
    for halo, thickness in ((True, 3 * width), (False, width)):
        for track in shown:
            for k in range(track.shape[0] - 1):
                mix = k / (track.shape[0] - 2)
                colour = (0, 0, 0) if halo else tuple((1 - mix) * START + mix * END)
                cv2.line(canvas, track[k], track[k + 1], colour, thickness, cv2.LINE_AA, FRACTION_BITS)
    return canvas


def save_png(path: Path, picture: Picture, *, overwrite: bool) -> None:
    """Write an 8-bit RGB picture.

    Raises
    ------
    OutputError
        If it exists and `overwrite` is False, or cannot be written.
    """
    with atomic_write(path, overwrite) as temporary:
        temporary.write_bytes(png_of(picture))
