"""A contact sheet of samples: what was made, at a glance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gyrosharp.cli.drawing import draw_tracks, sample_tracks
from gyrosharp.datasets.sample import BlurSample, Codes

Picture = NDArray[np.uint8]

GAP_PX = 6
CAPTION_PX = 18
# Tiles wider than this are shrunk, so that a sheet of large samples can still be opened.
LARGEST_TILE_PX = 384
GROUND = 24
COLUMNS = ("sharp", "blurred", "trails", "trails, erring gyro", "mask", "depth")


def contact_sheet(samples: Sequence[BlurSample]) -> Picture:
    """Return a picture (H, W, 3) with a row per sample.

    The columns are the sharp and the blurred picture, the true trajectories and those of the erring gyro drawn over the
    blurred one, the mask, and the depth where there is one (near is bright).
    """
    rows = [_row(sample) for sample in samples]
    columns = max(len(tiles) for tiles, _ in rows)
    height, width = rows[0][0][0].shape[:2]
    step_y, step_x = height + CAPTION_PX + GAP_PX, width + GAP_PX
    sheet = np.full((CAPTION_PX + step_y * len(rows) + GAP_PX, step_x * columns + GAP_PX, 3), GROUND, dtype=np.uint8)
    for column, title in enumerate(COLUMNS[:columns]):
        _write(sheet, title, GAP_PX + column * step_x, CAPTION_PX - 5)
    for row, (tiles, caption) in enumerate(rows):
        top = CAPTION_PX + row * step_y
        for column, tile in enumerate(tiles):
            left = GAP_PX + column * step_x
            sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        _write(sheet, caption, GAP_PX, top + height + CAPTION_PX - 5)
    return sheet


def _row(sample: BlurSample) -> tuple[list[Picture], str]:
    sharp, blurred = _shown(sample.sharp), _shown(sample.blurred)
    tiles = [
        sharp,
        blurred,
        draw_tracks(blurred, sample_tracks(sample.motion)),
        draw_tracks(blurred, sample_tracks(sample.noisy_motion)),
        _grey(sample.mask),
    ]
    if sample.depth_m is not None:
        near = float(np.nanmin(sample.depth_m)) if np.isfinite(sample.depth_m).any() else 1.0
        tiles.append(_grey(np.nan_to_num(near / sample.depth_m)))
    trail_px = float(np.median(sample.field.extent_px))
    return [_shrunk(tile) for tile in tiles], f"{sample.name}  {trail_px:.1f} px"


def _shown(codes: Codes) -> Picture:
    return np.asarray(codes if codes.dtype == np.uint8 else codes >> 8, dtype=np.uint8)


def _grey(share: NDArray[np.floating]) -> Picture:
    codes = np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.repeat(codes[..., None], 3, axis=2)


def _shrunk(tile: Picture) -> Picture:
    import cv2

    factor = LARGEST_TILE_PX / max(tile.shape[:2])
    if factor >= 1.0:
        return tile
    size = (round(tile.shape[1] * factor), round(tile.shape[0] * factor))
    return np.asarray(cv2.resize(tile, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _write(sheet: Picture, text: str, x: int, y: int) -> None:
    import cv2

    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (220, 220, 220), 1, cv2.LINE_AA)
