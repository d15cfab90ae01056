"""Views of boards with known truth: as corners, and as rendered pictures."""

import cv2
import numpy as np

from gyrosharp.calibrate.board import Board, opencv_charuco
from gyrosharp.calibrate.views import BoardView
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3

BOARD = Board(8, 6)
CAMERAS = {
    "opencv 4": CameraModel(1280, 720, 900.0, 905.0, 651.3, 350.2, "opencv", (-0.28, 0.09, 0.001, -0.0007)),
    "opencv 5": CameraModel(1280, 720, 900.0, 905.0, 651.3, 350.2, "opencv", (-0.30, 0.20, 0.001, -0.0007, -0.15)),
    "opencv 8": CameraModel(
        1280, 720, 700.0, 702.0, 640.0, 355.0, "opencv", (0.4, -0.05, 2e-4, 1e-4, 0.002, 0.75, 0.05, 0.01)
    ),
    "opencv_fisheye 4": CameraModel(
        1280, 720, 420.0, 421.0, 642.0, 357.0, "opencv_fisheye", (-0.02, 0.004, -0.003, 0.0006)
    ),
}


def poses(count, rng, camera, board=BOARD, tilt_rad=0.6):
    """Poses (V, 6) of boards that fill the picture in different places, tilted about both axes."""
    half = np.array([(board.columns - 1) / 2, (board.rows - 1) / 2, 0.0])
    found = []
    while len(found) < count:
        turn = np.append(rng.uniform(-tilt_rad, tilt_rad, 2), rng.uniform(-0.5, 0.5))
        distance = rng.uniform(0.8, 1.3) * board.columns * camera.fx / camera.width
        pixel = rng.uniform((0.25, 0.25), (0.75, 0.75)) * (camera.width, camera.height)
        ray = camera.unproject(pixel)[0]
        centre = distance * ray / np.linalg.norm(ray)
        found.append(np.concatenate([turn, centre - exp_so3(turn) @ half]))
    return np.array(found)


def view(camera, pose, board=BOARD, name="view", noise_px=0.0, rng=None):
    """The corners of a board that lie in the picture."""
    points = board.points() @ exp_so3(pose[:3]).T + pose[3:]
    pixels, valid = camera.project(points)
    if noise_px:
        pixels = pixels + noise_px * rng.standard_normal(pixels.shape)
    inside = valid & (pixels > 0).all(axis=1) & (pixels < (camera.width - 1, camera.height - 1)).all(axis=1)
    ids = np.arange(board.corners)
    return BoardView(name, camera.width, camera.height, ids[inside], pixels[inside])


def views(camera, count=12, seed=0, noise_px=0.0, board=BOARD, tilt_rad=0.6):
    """Views with at least half of the corners, and their poses."""
    rng = np.random.default_rng(seed)
    found, at = [], []
    while len(found) < count:
        pose = poses(1, rng, camera, board, tilt_rad)[0]
        one = view(camera, pose, board, f"view{len(found):02d}.png", noise_px, rng)
        if len(one) > board.corners / 2:
            found.append(one)
            at.append(pose)
    return found, np.array(at)


def render(camera, pose, board=BOARD, fine=3):
    """A picture (H, W) uint8 of a board on a grey wall; `fine` squared samples per pixel."""
    steps = (np.arange(fine) + 0.5) / fine - 0.5
    x = (np.arange(camera.width)[:, None] + steps).ravel()
    y = (np.arange(camera.height)[:, None] + steps).ravel()
    rays, valid = camera.unproject(np.stack(np.meshgrid(x, y), axis=-1))
    R, t = exp_so3(pose[:3]), pose[3:]
    # The point s ray on the plane n . X = n . t, in the board's axes.
    scale = (R[:, 2] @ t) / (rays @ R[:, 2])
    on_board = (scale[..., None] * rays - t) @ R
    shade = np.where(valid & (scale > 0), _pattern(board)(on_board[..., 0], on_board[..., 1]), 0.5)
    coarse = shade.reshape(camera.height, fine, camera.width, fine).mean(axis=(1, 3))
    return np.rint(255 * np.clip(coarse, 0, 1)).astype(np.uint8)


def _pattern(board):
    """Shade (0.08 black, 0.9 white, 0.5 the wall) at board coordinates, squares; corner 0 at (0, 0)."""
    if board.dictionary is not None:
        side = 40
        size = ((board.columns + 1) * side, (board.rows + 1) * side)
        drawn = opencv_charuco(board).generateImage(size) / 255.0
    else:
        drawn = None

    def shade(x, y):
        inside = (x > -1) & (x < board.columns) & (y > -1) & (y < board.rows)
        margin = (x > -1.6) & (x < board.columns + 0.6) & (y > -1.6) & (y < board.rows + 0.6)
        if drawn is None:
            black = (np.floor(x) + np.floor(y)).astype(int) % 2 == 0
        else:
            column = np.clip(np.floor((x + 1) * 40), 0, drawn.shape[1] - 1).astype(int)
            row = np.clip(np.floor((y + 1) * 40), 0, drawn.shape[0] - 1).astype(int)
            black = drawn[row, column] < 0.5
        return np.where(inside, np.where(black, 0.08, 0.9), np.where(margin, 0.9, 0.5))

    return shade


def write(path, picture):
    assert cv2.imwrite(str(path), picture)
    return path
