"""Camera profiles: intrinsics, readout and gyro mounting from every format people have.

`find_camera` is what ``--camera FILE|NAME`` calls. A name is looked up among the user's own files and the presets in
``presets/``: camera files with their source and how good they are. Formats are modules in ``formats/``.
"""

from gyrosharp.capture.cameras.camera_file import load_profile, save_profile
from gyrosharp.capture.cameras.describing import describe
from gyrosharp.capture.cameras.equivalent import profile_from_35mm, profile_from_movie_tags
from gyrosharp.capture.cameras.finding import find_camera, preset_names, user_folder
from gyrosharp.capture.cameras.fitting import fitted
from gyrosharp.capture.cameras.formats import formats, read_cameras
from gyrosharp.capture.cameras.profile import CameraProfile, GyroNoise

__all__ = [
    "CameraProfile",
    "GyroNoise",
    "describe",
    "find_camera",
    "fitted",
    "formats",
    "load_profile",
    "preset_names",
    "profile_from_35mm",
    "profile_from_movie_tags",
    "read_cameras",
    "save_profile",
    "user_folder",
]
