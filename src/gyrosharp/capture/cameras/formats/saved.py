"""gyrosharp's own camera files, ``gyrosharp.camera/1``, as `calibrate` and `sync` write them.

Conventions are those of docs/conventions.md throughout: nothing is converted.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from gyrosharp.capture.cameras.camera_file import load_profile
from gyrosharp.capture.cameras.formats._text import CameraFile
from gyrosharp.capture.cameras.profile import CameraProfile

NAME = "gyrosharp"
DESCRIPTION = "camera file of gyrosharp calibrate or sync"
EXTENSIONS = (".json",)

_MARK = re.compile(r'"format"\s*:\s*"gyrosharp\.camera/')


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has the format tag."""
    return _MARK.search(text) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the camera under its name.

    Raises
    ------
    CaptureError
        If the file is malformed, or has an unknown key.
    """
    profile = load_profile(file.path)
    return {profile.name: profile}
