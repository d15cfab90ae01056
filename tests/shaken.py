"""A shaken camera for tests: smooth analytic rates, any shutter, any lens."""

import numpy as np

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.geometry import CameraModel, Exposure, PoseTrajectory, Shutter

RATES = {"yaw": (0.0, 1.0, 0.0), "pitch": (1.0, 0.0, 0.0), "roll": (0.0, 0.0, 1.0)}


def hand_rate(t_s, strength=1.0):
    """Angular rate (..., 3) in rad/s at seconds t: drift, tremor and a strong roll."""
    t = np.asarray(t_s, dtype=float)
    return strength * np.stack([0.25 * np.sin(30 * t + 0.3) + 0.1, 0.3 * np.cos(23 * t), np.cos(17 * t + 1.0)], axis=-1)


def camera(width=96, height=72, focal=1.2, **lens):
    return CameraModel(width, height, focal * width, focal * width, (width - 1) / 2, (height - 1) / 2, **lens)


def trajectory(rate=hand_rate, rate_hz=400.0, duration_s=0.2):
    time_ns = np.rint(np.arange(int(duration_s * rate_hz)) * 1e9 / rate_hz).astype(np.int64)
    return PoseTrajectory.from_gyro(time_ns, rate(time_ns * 1e-9))


def motion_of(model, exposure, poses, depth_m=None):
    return CameraMotion(model, exposure, poses, exposure.reference_ns(model.width, model.height), depth_m)


def shake(width=96, height=72, strength=1.0, readout_s=0.02, shutter=Shutter.TOP_TO_BOTTOM, **lens):
    """A 50 ms exposure that starts at 50 ms."""
    exposure = Exposure(50_000_000, 0.05, readout_s, shutter)
    poses = trajectory(lambda t: hand_rate(t, strength))
    return motion_of(camera(width, height, **lens), exposure, poses)


def turning(axis, rate_rad_s=0.5, width=96, height=72, **timing):
    """Constant rotation about one camera axis."""
    rate = np.array(RATES[axis]) * rate_rad_s
    poses = trajectory(lambda t: np.broadcast_to(rate, (*np.shape(t), 3)))
    return motion_of(camera(width, height), Exposure(50_000_000, **{"duration_s": 0.05, **timing}), poses)


def texture(height, width, channels=3, seed=0):
    """A smooth-ish random picture in [0, 1]: blocks of four sizes, so that edges and flat parts both occur."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, channels))
    for size in (3, 6, 13, 29):
        blocks = rng.random((height // size + 1, width // size + 1, channels))
        total += np.kron(blocks, np.ones((size, size, 1)))[:height, :width]
    return (total / 4).astype(np.float32)


def psnr(image, truth):
    return -10 * np.log10(np.mean((np.asarray(image, dtype=float) - truth) ** 2))


def check_out(operator):
    """Forward and adjoint write to `out` what they return without it."""
    image = np.random.default_rng(0).random((*operator.shape, 3), np.float32)
    for apply in (operator.forward, operator.adjoint):
        out = np.full_like(image, np.nan)
        assert apply(image, out) is out
        np.testing.assert_array_equal(out, apply(image))


def adjoint_error(operator, channels=2, dtype=np.float64, seed=0):
    """|<A x, y> - <x, A^T y>| / (|A x| |y|) on random normals."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((*operator.shape, channels)).astype(dtype)
    y = rng.standard_normal((*operator.shape, channels)).astype(dtype)
    blurred = np.asarray(operator.forward(x), dtype=float)
    spread = np.asarray(operator.adjoint(y), dtype=float)
    gap = abs((blurred * y).sum() - (x * spread).sum())
    return gap / (np.linalg.norm(blurred) * np.linalg.norm(y))
