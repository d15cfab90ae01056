"""The camera behind a 35 mm equivalent focal length: the last resort, good to about 5 %."""

from collections.abc import Mapping
from dataclasses import replace

from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter

# The 35 mm equivalent compares image diagonals with that of a 36 x 24 mm frame (CIPA DCG-001).
FULL_FRAME_DIAGONAL_MM = 43.267
# What iPhones write into movies (AVFoundation: QuickTimeMetadataCameraFocalLength35mmEquivalent).
FOCAL_KEY = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
READOUT_KEY = "com.apple.quicktime.camera.framereadouttimeinmicroseconds"
# From a fisheye for full frame to a long telescope.
SHORTEST_MM, LONGEST_MM = 4.0, 5000.0


def profile_from_35mm(equivalent_mm: float, width: int, height: int) -> CameraProfile:
    """Return the pinhole of a 35 mm equivalent, f = f_35 / 43.267 mm * sqrt(w^2 + h^2), centred in the picture.

    Parameters
    ----------
    equivalent_mm : float
        35 mm equivalent focal length, mm, > 0.
    width, height : int
        Of the picture, px.

    Returns
    -------
    CameraProfile
        With a note that it is rough.

    Raises
    ------
    CaptureError
        If there is no such camera.
    """
    fx = equivalent_mm / FULL_FRAME_DIAGONAL_MM * float((width**2 + height**2) ** 0.5)
    return CameraProfile(
        f"{equivalent_mm:g} mm equivalent",
        CameraModel(width, height, fx, fx, (width - 1) / 2, (height - 1) / 2),
        notes=(
            f"warning: focal length {fx:.0f} px from the EXIF 35 mm equivalent ({equivalent_mm:g} mm), 5 % uncertain; "
            "give --camera or --fx",
        ),
    )


def profile_from_movie_tags(tags: Mapping[str, str], width: int, height: int) -> CameraProfile | None:
    """Return the camera that a movie's metadata tells of; None if it does not, or in no usable number.

    Parameters
    ----------
    tags : mapping
        Metadata of the container and the video stream, as PyAV gives them.
    width, height : int
        Of the frames as stored, px.

    Returns
    -------
    CameraProfile or None
        A pinhole with f = f_35 / 43.267 mm * sqrt(w^2 + h^2) and its principal point in the middle, and the readout if
        that is there too. Its note is a warning.

    Notes
    -----
    Only iPhones are known to write a focal length. It is that of the lens: a movie that the phone stabilised is cut out
    of the sensor's picture, and its focal length is longer, by 10 to 30 %.
    """
    equivalent_mm, readout_us = _number(tags.get(FOCAL_KEY)), _number(tags.get(READOUT_KEY))
    if equivalent_mm is None or not SHORTEST_MM <= equivalent_mm <= LONGEST_MM:
        return None
    profile = profile_from_35mm(equivalent_mm, width, height)
    # The sensor is landscape and read row by row; iPhones store frames that way and turn them by a display matrix.
    readout_s = readout_us * 1e-6 if readout_us is not None and 0 < readout_us < 1e6 else None
    return replace(
        profile,
        readout_s=readout_s,
        shutter=None if readout_s is None else Shutter.TOP_TO_BOTTOM,
        notes=(
            f"warning: focal length {profile.camera.fx:.0f} px from the movie's 35 mm equivalent "
            f"({equivalent_mm:g} mm): 5 % uncertain, and 10 to 30 % short if the phone stabilised the movie; "
            "give --camera or --fx",
        ),
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
