"""gyrosharp removes camera-shake blur from photos and video with the motion the camera's own gyroscope recorded.

The public names load on first use, so that ``import gyrosharp`` and ``gyrosharp --help`` stay fast.
"""

import importlib
from typing import TYPE_CHECKING

from gyrosharp.version import __version__ as __version__

if TYPE_CHECKING:
    from gyrosharp.blur.field import BlurField, blur_field
    from gyrosharp.blur.operator import BlurOperator, blur_operator
    from gyrosharp.capture.capture import Capture
    from gyrosharp.capture.capture_file import load_capture, save_capture
    from gyrosharp.capture.layouts import read_recording
    from gyrosharp.capture.recording import Recording
    from gyrosharp.errors import GyrosharpError
    from gyrosharp.geometry.camera import CameraModel
    from gyrosharp.geometry.shutter import Exposure, Shutter
    from gyrosharp.geometry.trajectory import PoseTrajectory
    from gyrosharp.imu.readers import read_imu
    from gyrosharp.imu.recording import ImuRecording
    from gyrosharp.restore.confidence import confidence_map
    from gyrosharp.restore.deblur import deblur
    from gyrosharp.restore.restoration import Restoration
    from gyrosharp.restore.video import deblur_movie
    from gyrosharp.sync.recording import synchronise

_HOMES = {
    "BlurField": "gyrosharp.blur.field",
    "BlurOperator": "gyrosharp.blur.operator",
    "CameraModel": "gyrosharp.geometry.camera",
    "Capture": "gyrosharp.capture.capture",
    "Exposure": "gyrosharp.geometry.shutter",
    "GyrosharpError": "gyrosharp.errors",
    "ImuRecording": "gyrosharp.imu.recording",
    "PoseTrajectory": "gyrosharp.geometry.trajectory",
    "Recording": "gyrosharp.capture.recording",
    "Restoration": "gyrosharp.restore.restoration",
    "Shutter": "gyrosharp.geometry.shutter",
    "blur_field": "gyrosharp.blur.field",
    "blur_operator": "gyrosharp.blur.operator",
    "confidence_map": "gyrosharp.restore.confidence",
    "deblur": "gyrosharp.restore.deblur",
    "deblur_movie": "gyrosharp.restore.video",
    "load_capture": "gyrosharp.capture.capture_file",
    "read_imu": "gyrosharp.imu.readers",
    "read_recording": "gyrosharp.capture.layouts",
    "save_capture": "gyrosharp.capture.capture_file",
    "synchronise": "gyrosharp.sync.recording",
}

__all__ = [
    "BlurField",
    "BlurOperator",
    "CameraModel",
    "Capture",
    "Exposure",
    "GyrosharpError",
    "ImuRecording",
    "PoseTrajectory",
    "Recording",
    "Restoration",
    "Shutter",
    "blur_field",
    "blur_operator",
    "confidence_map",
    "deblur",
    "deblur_movie",
    "load_capture",
    "read_imu",
    "read_recording",
    "save_capture",
    "synchronise",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'gyrosharp' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
