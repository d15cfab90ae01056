"""What a set of views can and cannot tell about a lens: coverage of the picture, tilt, sharpness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.lens import LensFit
from gyrosharp.calibrate.views import BoardView
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3

Array = NDArray[np.float64]

MANY_VIEWS = 10
ENOUGH_PICTURE = 0.6
ENOUGH_REACH = 0.75
ENOUGH_TURN_DEG = 15.0
CERTAIN_FOCAL = 0.005
BLURRED_PX, BLURRED_RATIO = 4.0, 1.6
"""Edges from black to white wider than so many pixels, and so many times those of the median view, are blurred."""
_GRID = 96
_NAMED = 4


@dataclass(frozen=True, eq=False)
class Coverage:
    """Which part of the picture has seen corners.

    Attributes
    ----------
    picture : float
        Share of the picture that some board covered, corner to corner, 0 to 1.
    reach : float
        Largest distance of a corner from the middle of the picture, in half diagonals: distortion beyond is a guess.
    mask : (h, w) bool array
        The covered part, on a small grid.
    """

    picture: float
    reach: float
    mask: NDArray[np.bool_]


def coverage_of(views: Sequence[BoardView]) -> Coverage:
    """Return what part of the picture the boards of all views cover together."""
    import cv2

    width, height = views[0].width, views[0].height
    scale = _GRID / max(width, height)
    mask = np.zeros((max(round(height * scale), 1), max(round(width * scale), 1)), dtype=np.uint8)
    for view in views:
        hull = cv2.convexHull(np.float32((view.pixels + 0.5) * scale - 0.5))
        cv2.fillConvexPoly(mask, np.rint(hull).astype(np.int32), 1)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    farthest = max(float(np.linalg.norm(view.pixels - middle, axis=1).max()) for view in views)
    return Coverage(float(mask.mean()), farthest / (0.5 * float(np.hypot(width, height))), mask > 0)


def turn_deg(poses: Array) -> float:
    """Return the largest angle between the normals of the board in two views, degrees.

    Views of parallel boards determine no focal length, however many they are (Zhang 2000, section 4).
    """
    normals = exp_so3(poses[:, :3])[:, :, 2]
    return float(np.degrees(np.arccos(np.clip((normals @ normals.T).min(), -1.0, 1.0))))


def warnings_of(views: Sequence[BoardView], fit: LensFit, std: dict[str, float], coverage: Coverage) -> tuple[str, ...]:
    """Return what weakens a calibration, and which pictures would mend it."""
    found = []
    if len(views) < MANY_VIEWS:
        found.append(f"only {len(views)} views: 10 to 20 make a calibration that can be trusted")
    turn = turn_deg(fit.poses)
    share = max(std["fx"] / fit.camera.fx, std["fy"] / fit.camera.fy)
    if turn < ENOUGH_TURN_DEG:
        found.append(f"the board is tilted by {turn:.0f} degrees at most between views: tilt it by 20 to 45 degrees")
    if share > CERTAIN_FOCAL:
        found.append(f"the focal length is uncertain by {share:.1%}: add tilted views that fill the picture")
    if coverage.picture < ENOUGH_PICTURE:
        found.append(f"the boards cover {coverage.picture:.0%} of the picture: move the board into every part of it")
    if coverage.reach < ENOUGH_REACH:
        found.append(
            f"no corner lies beyond {coverage.reach:.0%} of the half diagonal: the distortion farther out is a guess"
        )
    found += _blurred(views) + _not_invertible(fit.camera)
    return tuple(found)


def _blurred(views: Sequence[BoardView]) -> list[str]:
    widths = np.array([np.nan if view.edge_px is None else view.edge_px for view in views])
    if np.isnan(widths).all():
        return []
    limit = max(BLURRED_PX, BLURRED_RATIO * float(np.nanmedian(widths)))
    names = [view.name for view, width in zip(views, widths, strict=True) if width > limit]
    if not names:
        return []
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return [f"{len(names)} of {len(views)} views are blurred (edges over {limit:.1f} px wide): {shown}"]


def _not_invertible(camera: CameraModel) -> list[str]:
    """The distortion polynomial may turn back outside the corners seen: such pixels have no direction."""
    x, y = np.meshgrid(np.linspace(-0.5, camera.width - 0.5, 9), np.linspace(-0.5, camera.height - 0.5, 9))
    _, valid = camera.unproject(np.stack([x, y], axis=-1))
    if valid.all():
        return []
    lost = 1.0 - float(valid.mean())
    return [f"the distortion cannot be undone in {lost:.0%} of the picture: add views that reach its corners"]
