"""Rotations, trajectories, cameras, shutters and homographies: numpy and scipy only.

Conventions: docs/conventions.md.
"""

from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.homography import plane_homography, rotation_homography
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.geometry.trajectory import PoseTrajectory

__all__ = [
    "CameraModel",
    "Exposure",
    "PoseTrajectory",
    "Shutter",
    "plane_homography",
    "rotation_homography",
]
