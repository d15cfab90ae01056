"""Which corner is which: settling the half turn of a checkerboard between the two pictures of a pair."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.lens import first_pose
from gyrosharp.calibrate.views import BoardView
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3, log_so3

Array = NDArray[np.float64]
Pair = tuple[BoardView, BoardView]

# Rough poses from one picture each differ by a degree or so; a wrong numbering is off by tens of degrees.
SAME_TURN_RAD = 0.15
SAME_SHIFT = 0.15
"""Of the distance to the board."""


def composed(outer: Array, inner: Array) -> Array:
    """Return the poses (..., 6) of ``outer`` after ``inner``: X -> R_o (R_i X + t_i) + t_o; either may be a batch."""
    R_outer, R_inner = exp_so3(outer[..., :3]), exp_so3(inner[..., :3])
    shift = np.einsum("...ij,...j->...i", R_outer, inner[..., 3:]) + outer[..., 3:]
    return np.concatenate([log_so3(R_outer @ R_inner), shift], axis=-1)


def inverted(pose: Array) -> Array:
    """Return the pose (6,) that undoes another: X -> R^T (X - t)."""
    return np.concatenate([-pose[:3], -exp_so3(-pose[:3]) @ pose[3:]])


def relative_pose(pair: Pair, board: Board, left: CameraModel, right: CameraModel) -> Array:
    """Return the rough pose (6,) with X_right = R X_left + t (t in squares) that one pair shows."""
    in_left, in_right = first_pose(pair[0], board, left), first_pose(pair[1], board, right)
    R = exp_so3(in_right[:3]) @ exp_so3(in_left[:3]).T
    return np.concatenate([log_so3(R), in_right[3:] - R @ in_left[3:]])


def matched_labels(
    pairs: Sequence[Pair], board: Board, left: CameraModel, right: CameraModel
) -> tuple[list[Pair], list[tuple[str, str]]]:
    """Number the corners of the right views so that all pairs show the same relative pose.

    Every numbering of every pair is a hypothesis; the one that most pairs can agree with wins, and among equals the one
    with the smallest turn between the cameras. Pairs that cannot agree are left out.

    Returns
    -------
    pairs : list of (BoardView, BoardView)
        With the right views renumbered.
    dropped : list of (name, reason)
    """
    numberings = board.relabelings()
    tries = [[(one, two.relabelled(numbers)) for numbers in numberings] for one, two in pairs]
    poses = np.array([[relative_pose(option, board, left, right) for option in options] for options in tries])
    distance = float(np.median([first_pose(one, board, left)[5] for one, _ in pairs]))
    flat = poses.reshape(-1, 6)
    apart = _apart(flat[:, None], flat[None], distance).reshape(len(flat), len(pairs), len(numberings))
    agreeing = (apart.min(axis=2) < 1.0).sum(axis=1)
    best = min(range(len(flat)), key=lambda k: (-agreeing[k], round(float(np.linalg.norm(flat[k, :3])), 3)))
    kept, dropped = [], []
    for options, gaps in zip(tries, apart[best], strict=True):
        if gaps.min() < 1.0:
            kept.append(options[int(gaps.argmin())])
        else:
            names = f"{options[0][0].name} + {options[0][1].name}"
            dropped.append((names, "the two pictures disagree with the other pairs: not the same moment?"))
    return kept, dropped


def _apart(one: Array, two: Array, distance: float) -> Array:
    """Return the difference of relative poses; 1 is the most that counts as the same."""
    R = np.einsum("...ij,...kj->...ik", exp_so3(one[..., :3]), exp_so3(two[..., :3]))
    turn = np.linalg.norm(log_so3(R), axis=-1) / SAME_TURN_RAD
    shift = np.linalg.norm(one[..., 3:] - two[..., 3:], axis=-1) / (SAME_SHIFT * distance)
    return np.asarray(np.maximum(turn, shift))
