"""Fitting a profile to a picture of another size: resized, turned by 90 degrees, or cut to another shape."""

from dataclasses import replace
from math import log

import numpy as np

from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter

# Codecs round sizes to multiples of 8 or 16 (1088 for 1080 rows, 848 for 853 columns): under this, it is one shape.
SAME_SHAPE = 0.01
# Sensors are 4:3 or 3:2, pictures at most 21:9 or square; a greater change of shape is another camera's profile.
LARGEST_CHANGE_OF_SHAPE = 2.0

# Turned clockwise, the top row becomes the right column: (x, y) goes to (H - 1 - y, x).
_CLOCKWISE = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_TURNED_SHUTTER = {
    Shutter.GLOBAL: Shutter.GLOBAL,
    Shutter.TOP_TO_BOTTOM: Shutter.RIGHT_TO_LEFT,
    Shutter.RIGHT_TO_LEFT: Shutter.BOTTOM_TO_TOP,
    Shutter.BOTTOM_TO_TOP: Shutter.LEFT_TO_RIGHT,
    Shutter.LEFT_TO_RIGHT: Shutter.TOP_TO_BOTTOM,
}


def fitted(profile: CameraProfile, width: int, height: int) -> CameraProfile:
    """Return a profile for pictures of another size.

    - Same shape within 1 %: the picture is resized, u -> (u + 0.5) s - 0.5, in x and y each with its own s.
    - The profile's shape turned by 90 degrees: it is turned clockwise, the way phones turn the landscape picture of
      their sensor into a portrait one. Distortion, readout direction and gyro axes turn along.
    - Another shape: the picture is the largest one of its shape around the centre of the profile's, resized. This is
      how phones and action cameras make their 16:9 pictures from a 4:3 sensor.

    The last two are guesses, and a note says so.

    Parameters
    ----------
    profile : CameraProfile
        For pictures of any size.
    width, height : int
        Of the picture as stored, px.

    Returns
    -------
    CameraProfile
        Its camera has that width and height.

    Raises
    ------
    CaptureError
        If the shapes have nothing to do with each other: the ratios of the sides differ by more than a factor of 2.
    """
    if width < 1 or height < 1:
        raise CaptureError(f"picture size: expected at least 1 x 1 px, got {width} x {height}")
    if _change(profile.camera, height, width) < _change(profile.camera, width, height) - log(1 + SAME_SHAPE):
        profile = _turned_clockwise(profile)
    change = _change(profile.camera, width, height)
    if change <= log(1 + SAME_SHAPE):
        return replace(profile, camera=profile.camera.scaled(width, height))
    if change > log(LARGEST_CHANGE_OF_SHAPE):
        own_width, own_height = profile.size_px
        raise CaptureError(
            f"camera {profile.name}: expected a picture shaped about {own_width} x {own_height}, got {width} x {height}"
            "; give the profile of the camera that took it"
        )
    return _cut(profile, width, height)


def _change(camera: CameraModel, width: int, height: int) -> float:
    """How much the ratio of the sides changes, as |log|."""
    return abs(log(camera.width / camera.height * height / width))


def _cut(profile: CameraProfile, width: int, height: int) -> CameraProfile:
    camera = profile.camera
    scale = max(width / camera.width, height / camera.height)
    # Its centre stays the centre: both lie at half of (size - 1).
    cut = CameraModel(
        width,
        height,
        camera.fx * scale,
        camera.fy * scale,
        (camera.cx - (camera.width - 1) / 2) * scale + (width - 1) / 2,
        (camera.cy - (camera.height - 1) / 2) * scale + (height - 1) / 2,
        camera.distortion_model,
        camera.distortion,
    )
    return replace(profile, camera=cut).noted(
        f"camera {profile.name} is for {camera.width} x {camera.height}: the {width} x {height} picture is taken as "
        f"cut out around its centre, fx {cut.fx:.1f} px; if it was not, give --fx"
    )


def _turned_clockwise(profile: CameraProfile) -> CameraProfile:
    camera = profile.camera
    other = (camera.cy, camera.width - 1 - camera.cx)
    turned = CameraModel(
        camera.height,
        camera.width,
        camera.fy,
        camera.fx,
        camera.height - 1 - camera.cy,
        camera.cx,
        camera.distortion_model,
        _turned_distortion(camera),
    )
    axes = profile.R_cam_imu
    off_px = np.hypot(turned.cx - other[0], turned.cy - other[1])
    return replace(
        profile,
        camera=turned,
        shutter=None if profile.shutter is None else _TURNED_SHUTTER[profile.shutter],
        R_cam_imu=None if axes is None else _CLOCKWISE @ axes,
    ).noted(
        f"camera {profile.name} is for pictures lying on their side: turned clockwise; had the picture been turned the "
        f"other way, the principal point would be {off_px:.0f} px off, and readout and gyro axes the other way round"
    )


def _turned_distortion(camera: CameraModel) -> tuple[float, ...]:
    if camera.distortion_model != "opencv":
        return camera.distortion
    # The tangential part is 2 x (q . x) + r^2 q with q = (p2, p1), so q turns like a point: (x, y) to (-y, x).
    k1, k2, p1, p2, *rest = camera.distortion
    return (k1, k2, p2, -p1, *rest)
