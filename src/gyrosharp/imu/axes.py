"""Which way a gyro sits behind the picture: named presets and a letter syntax for `R_cam_imu`.

Camera axes are OpenCV's (x right, y down, z forward, for the image as stored in the file). A phone's sensor axes,
on Android as on iOS, are fixed to the device held upright with the screen towards the user: x right, y up (to the top
edge), z out of the screen. The rear camera looks along -z.

Portrait, image stored upright: right is device x, down is -y, forward is -z.

Landscape, image stored as the sensor delivers it: phones mount the sensor so that the stored picture must be turned 90
degrees clockwise to stand upright in portrait (Android SENSOR_ORIENTATION 90, EXIF Orientation 6). That turn brings
the stored right edge to the bottom and the stored bottom edge to the left. So in the stored picture right is portrait
down, -y, and down is portrait left, -x. It stands upright without turning when the phone is held with its top edge to
the left. The reversed preset is the other landscape (SENSOR_ORIENTATION 270; top edge to the right).
"""

import re
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import UsageError
from gyrosharp.geometry.rotation import require_rotation

__all__ = ["AXES_PRESETS", "letters_matrix", "parse_axes", "require_rotation"]

# Rows are the camera's x, y, z in IMU axes; each is worked out in the module docstring or beside it.
AXES_PRESETS = MappingProxyType(
    {
        "identity": "x,y,z",
        "android-portrait": "x,-y,-z",
        "android-landscape": "-y,-x,-z",
        "android-landscape-reversed": "y,x,-z",
        # iOS defines the same device axes (Core Motion) and mounts its sensors the same way round.
        "ios-portrait": "x,-y,-z",
        "ios-landscape": "-y,-x,-z",
        "ios-landscape-reversed": "y,x,-z",
        # GPMF samples in HERO5 order ("up/down, right/left, forward/back"; later models after their ORIN/ORIO or
        # MTRX conversion) are rates about up, left and back: right is -second, down is -first, forward is -third.
        "gopro": "-y,-x,-z",
        # gyroflow integrates (-g1, g0, g2) as a body with x right, y up, z back, and turns that by diag(1, -1, -1)
        # to draw: camera rates are (-g1, -g0, -g2). Its g is the log after the orientation letters.
        "gyroflow": "-y,-x,-z",
    }
)

_ROW = re.compile(r"([+-]?)([xyz])")
_LETTERS = "xyz"


def parse_axes(value: str | ArrayLike) -> NDArray[np.float64]:
    """Return `R_cam_imu` (3, 3) from a preset's name, three signed letters, or a matrix.

    ``"x,-y,-z"`` reads: the camera's x axis is the IMU's x, its y axis the IMU's -y, its z axis the IMU's -z.

    Raises
    ------
    UsageError
        If the text is neither a preset nor three signed letters.
    CaptureError
        If the axes or the matrix are not a rotation: not orthonormal within 1e-3, or a mirror.

    Examples
    --------
    >>> parse_axes("android-portrait").tolist()
    [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
    """
    if not isinstance(value, str):
        return require_rotation(value, "R_cam_imu")
    name = value.strip().lower()
    return require_rotation(_from_rows(AXES_PRESETS.get(name, name)), f"axes '{value}'")


def letters_matrix(letters: str) -> NDArray[np.float64]:
    """Return the (3, 3) matrix of gyroflow's orientation letters: output axis k is the input axis that letter k names.

    Upper case is plus, lower case minus: ``"YxZ"`` maps (x, y, z) to (y, -x, z). The result may be a mirror: some
    loggers write a left-handed triple, and the letters put it right.

    Raises
    ------
    ValueError
        If the letters are not one each of x, y and z.
    """
    if sorted(letters.lower()) != sorted(_LETTERS):
        raise ValueError("expected one each of x, y and z")
    matrix = np.zeros((3, 3))
    for row, letter in enumerate(letters):
        matrix[row, _LETTERS.index(letter.lower())] = 1.0 if letter.isupper() else -1.0
    return matrix


def _from_rows(text: str) -> NDArray[np.float64]:
    matches = [_ROW.fullmatch(cell.strip()) for cell in text.split(",")]
    matrix = np.zeros((3, 3))
    if len(matches) != 3 or None in matches:
        raise UsageError(
            f"axes: expected one of {', '.join(AXES_PRESETS)}, or the camera's x, y, z in IMU axes such as 'x,-y,-z', "
            f"got '{text}'"
        )
    for row, match in enumerate(match for match in matches if match is not None):
        matrix[row, _LETTERS.index(match[2])] = -1.0 if match[1] == "-" else 1.0
    return matrix
