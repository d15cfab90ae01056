"""Phone recordings (MARS logger, DeepGyro) as data sets without truth.

See `gyrosharp.capture.layouts`.
"""

from functools import lru_cache, partial
from pathlib import Path

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.layouts import is_recording, read_recording
from gyrosharp.capture.recording import Recording
from gyrosharp.datasets.formats._item import DatasetItem

NAME = "recordings"
DESCRIPTION = "Phone recordings with gyro: MARS logger, DeepGyro"
LICENCE = "the user's own; DeepGyro's samples: none stated"
LAYOUT = """
gyro_accel.csv, movie_metadata.csv, movie.mp4 or numbered frames     MARS logger
images/NNNN.jpg, images/images.txt, imu/imu.txt                      DeepGyro
"""


def sniff(folder: Path) -> bool:
    """Return whether the folder is a recording that `gyrosharp deblur` takes."""
    return is_recording(folder)


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:  # noqa: ARG001 (one set)
    """Return the frames in order of time; `split` means nothing here.

    Raises
    ------
    CaptureError, ImuError
        If a part of the recording is missing or broken.
    """
    return [
        DatasetItem(
            name=capture.name,
            blurred=capture.image,
            camera=capture.camera,
            capture_of=partial(_capture, folder, index),
            notes=capture.notes,
        )
        for index, capture in enumerate(_captures(folder))
    ]


@lru_cache(maxsize=4)
def _captures(folder: Path) -> Recording:
    return read_recording(folder)


def _capture(folder: Path, index: int) -> Capture:
    return _captures(folder)[index]
