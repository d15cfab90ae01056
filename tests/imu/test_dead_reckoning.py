from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.errors import CaptureError, ImuError, UsageError
from gyrosharp.geometry import PoseTrajectory
from gyrosharp.geometry.rotation import exp_so3, log_so3
from gyrosharp.imu import read_imu
from gyrosharp.imu.dead_reckoning import dead_reckoned
from gyrosharp.imu.recording import ImuRecording
from shaken import hand_rate

# A camera held level at its first sample: y points down, so a scale in it would read 9.81 m/s^2 upwards.
UP = np.array([0.0, -9.81, 0.0])
# Hand shake of a few millimetres, whole cycles per second on each axis.
AMPLITUDE_M = np.array([3e-3, 2e-3, 1e-3])
FREQUENCY_HZ = np.array([2.0, 3.0, 5.0])


def position(t_s):
    return AMPLITUDE_M * np.sin(2 * np.pi * FREQUENCY_HZ * np.asarray(t_s)[..., None])


def acceleration(t_s):
    return -((2 * np.pi * FREQUENCY_HZ) ** 2) * position(t_s)


def recorded(rate=hand_rate, moved=acceleration, lever_m=(0, 0, 0), length_s=1.0, rate_hz=400.0, bias=(0, 0, 0)):
    """What an IMU of a camera with these rates and accelerations records, and the camera's true orientations."""
    stamps = np.rint(np.arange(round(length_s * rate_hz) + 1) * 1e9 / rate_hz).astype(np.int64)
    # Orientations from a gyro ten times as fast; that integration has its own tests.
    fine = np.rint(np.arange(10 * (stamps.size - 1) + 1) * 1e8 / rate_hz).astype(np.int64)
    R = PoseTrajectory.from_gyro(fine, rate(fine * 1e-9)).rotations[::10]
    lever = np.asarray(lever_m, dtype=float)
    t, h = stamps * 1e-9, 1e-5
    w = rate(t)
    turning = (rate(t + h) - rate(t - h)) / (2 * h)
    # A point of a rigid body: a + R (dw/dt x r + w x (w x r)).
    inside = np.cross(turning, lever) + np.cross(w, np.cross(w, lever))
    force = np.einsum("nji,nj->ni", R, moved(t) + UP) + inside + np.asarray(bias)
    return ImuRecording(stamps, w, force, R_cam_imu=np.eye(3), source="log"), R


def still(t_s):
    return np.zeros((*np.shape(t_s), 3))


def without_polynomial(t_s, path, degree):
    fit = np.polynomial.polynomial.polyfit(t_s, path, degree)
    return path - np.polynomial.polynomial.polyval(t_s, fit).T


def seconds(imu):
    return imu.time_ns * 1e-9


@pytest.mark.parametrize(("drift", "degree"), [("constant", 2), ("linear", 3)])
def test_an_analytic_motion_is_recovered(drift, degree):
    """Up to the polynomial that no accelerometer can know, over 6 mm of path and a turn of 20 degrees."""
    imu, R = recorded()
    poses = dead_reckoned(imu, drift=drift)
    truth = without_polynomial(seconds(imu), position(seconds(imu)), degree)
    assert np.abs(poses.positions_m - truth).max() < 2e-6
    assert np.linalg.norm(log_so3(np.swapaxes(poses.rotations, 1, 2) @ R), axis=1).max() < 1e-6
    np.testing.assert_array_equal(poses.rates_rad_s, imu.gyro_rad_s)


def test_a_camera_that_starts_at_rest_needs_no_fit():
    # From rest: p = A (sin(2 pi f t) - 2 pi f t) has no velocity at 0.
    imu, _ = recorded()
    t = seconds(imu)
    truth = position(t) - t[:, None] * AMPLITUDE_M * 2 * np.pi * FREQUENCY_HZ
    # Gravity is the mean of the readings, and a whole number of cycles has mean 0.
    np.testing.assert_allclose(dead_reckoned(imu, drift="none").positions_m, truth, atol=2e-6)


def test_within_an_exposure_biases_leave_a_tenth_of_a_millimetre():
    """Accelerometer 0.1 m/s^2 and gyro 0.01 rad/s off; the path over 50 ms, from 1 s of log."""
    imu, _ = recorded(bias=(0.1, -0.05, 0.1))
    poses = dead_reckoned(replace(imu, gyro_rad_s=imu.gyro_rad_s + np.array([0.01, 0.0, -0.01])))
    inside = slice(190, 211)
    found = poses.positions_m[inside] - poses.positions_m[190]
    t = seconds(imu)
    truth = without_polynomial(t, position(t), 2)[inside]
    truth = truth - truth[0]
    assert np.abs(found - truth).max() < 1.5e-4
    assert np.abs(truth).max() > 1.9e-3


@pytest.mark.parametrize("drift", ["none", "constant", "linear"])
def test_a_still_phone_stays_where_it_is(drift):
    imu, _ = recorded(still, still)
    np.testing.assert_allclose(dead_reckoned(imu, drift=drift).positions_m, 0.0, atol=1e-12)


def test_wrong_gravity_shows_and_a_fit_hides_it():
    imu, _ = recorded(still, still)
    fallen = dead_reckoned(imu, drift="none", gravity_m_s2=9.0).positions_m
    # 0.81 m/s^2 upwards are left over: half of that times t^2, up (-y).
    np.testing.assert_allclose(fallen[-1], [0.0, -0.405, 0.0], atol=1e-9)
    np.testing.assert_allclose(fallen[200], [0.0, -0.405 / 4, 0.0], atol=1e-9)
    np.testing.assert_allclose(dead_reckoned(imu, gravity_m_s2=9.0).positions_m, 0.0, atol=1e-9)
    np.testing.assert_allclose(dead_reckoned(imu, drift="none", gravity_m_s2=9.81).positions_m, 0.0, atol=1e-9)


def test_a_gyro_bias_leaks_gravity_linearly():
    imu, _ = recorded(still, still)
    tilting = replace(imu, gyro_rad_s=imu.gyro_rad_s + np.array([0.01, 0.0, 0.0]))
    largest = {drift: np.abs(dead_reckoned(tilting, drift=drift).positions_m).max() for drift in ("constant", "linear")}
    # The force turns about x by 0.01 t and leaks b = 9.81 * 0.01 m/s^3 into z: the cubic b t^3 / 6, less its best
    # parabola, is b / 120 times a Legendre polynomial whose largest value is 1.
    assert largest["constant"] == pytest.approx(9.81 * 0.01 / 120, rel=0.01)
    assert largest["linear"] < 2e-6


def test_turning_about_the_lens_swings_the_accelerometer_not_the_camera():
    lever = (0.02, -0.05, 0.01)
    imu, R = recorded(moved=still, lever_m=lever, length_s=0.5)
    fitted = dead_reckoned(imu, r_cam_imu_m=lever, drift="linear").positions_m
    unaware = dead_reckoned(imu, drift="linear").positions_m
    # What the cubic takes from the swing of the accelerometer is left in the camera's path; nothing else is.
    swing = R @ np.array(lever)
    np.testing.assert_allclose(unaware, without_polynomial(seconds(imu), swing, 3), atol=5e-6)
    np.testing.assert_allclose(fitted, unaware - (swing - swing[0]), atol=1e-6)


def test_axes_turn_rates_forces_and_nothing_else():
    axes = exp_so3([0.3, -1.0, 2.0])
    imu, _ = recorded()
    phone = replace(imu, gyro_rad_s=imu.gyro_rad_s @ axes, accel_m_s2=imu.accel_m_s2 @ axes, R_cam_imu=None)
    truth, turned = dead_reckoned(imu), dead_reckoned(phone, R_cam_imu=axes)
    np.testing.assert_allclose(turned.positions_m, truth.positions_m, atol=1e-12)
    np.testing.assert_allclose(turned.rotations, truth.rotations, atol=1e-12)
    own = dead_reckoned(replace(phone, R_cam_imu=axes))
    np.testing.assert_array_equal(own.positions_m, turned.positions_m)


def test_uneven_stamps_make_no_difference():
    imu, _ = recorded(rate_hz=800.0)
    kept = np.sort(np.random.default_rng(0).choice(len(imu), 500, replace=False))
    kept[[0, -1]] = 0, len(imu) - 1
    uneven = ImuRecording(imu.time_ns[kept], imu.gyro_rad_s[kept], imu.accel_m_s2[kept])
    found = dead_reckoned(uneven).positions_m - dead_reckoned(imu).positions_m[kept]
    # The fit weighs samples, not time: a smooth difference may stay, below a tenth of a millimetre here.
    assert np.abs(found).max() < 3e-4


def test_what_is_missing_or_wrong_is_named():
    imu, _ = recorded()
    with pytest.raises(ImuError, match="log: expected accelerations beside the gyro, got none"):
        dead_reckoned(replace(imu, accel_m_s2=None))
    short = ImuRecording(imu.time_ns[:7], imu.gyro_rad_s[:7], imu.accel_m_s2[:7], source="short")
    with pytest.raises(ImuError, match="short: expected at least 8 samples for positions, got 7"):
        dead_reckoned(short)
    with pytest.raises(UsageError, match="drift: expected one of none, constant, linear, got 'cubic'"):
        dead_reckoned(imu, drift="cubic")
    with pytest.raises(CaptureError, match="mirror"):
        dead_reckoned(imu, R_cam_imu=np.diag([1.0, 1.0, -1.0]))


class MotionCapture:
    """A phone's true path, and its log with the stamps and axes of the motion capture.

    Clock and mounting are fitted on the first half of the recording, and everything is measured on the second.
    """

    def __init__(self, folder, gyro_file, first_lag_s):
        from scipy.interpolate import CubicSpline
        from scipy.io import loadmat
        from scipy.spatial.transform import Rotation, Slerp

        bodies = loadmat(folder / "qualisys.mat", squeeze_me=True, struct_as_record=False)
        bodies = next(value for name, value in bodies.items() if not name.startswith("__")).RigidBodies
        R = bodies.Rotations.T.reshape(-1, 3, 3).swapaxes(1, 2)
        t = np.arange(len(R)) / 60.0
        seen = np.isfinite(R).all(axis=(1, 2))
        self.turn = Slerp(t[seen], Rotation.from_matrix(R[seen]))
        self.position = CubicSpline(t[seen], bodies.Positions.T[seen] * 1e-3)
        imu = read_imu(folder / gyro_file)
        accel = np.loadtxt(folder / "accelerometer.txt")
        at_s = imu.time_ns * 1e-9
        accel = np.stack([np.interp(at_s, accel[:, 0], accel[:, k]) for k in (1, 2, 3)], axis=-1)
        self.log = replace(imu, accel_m_s2=accel, time_ns=imu.time_ns - imu.time_ns[0])
        self._align(first_lag_s)

    def _align(self, first_lag_s):
        """Add the lag, near the published one, at which the turning speeds agree best, and turn to the body's axes."""
        from scipy.spatial.transform import Rotation

        t = np.arange(5.0, 58.0, 1 / 60)
        truth = (self.turn(t).inv() * self.turn(t + 1 / 60)).as_rotvec() * 60
        speed = np.linalg.norm(truth, axis=1)

        def seen(lag_s):
            rel = self.log.time_ns * 1e-9 + lag_s
            return np.stack([np.interp(t + 1 / 120, rel, column) for column in self.log.gyro_rad_s.T], axis=-1)

        lags = first_lag_s + np.arange(-0.4, 0.4, 0.002)
        fit = [np.corrcoef(np.linalg.norm(seen(lag), axis=1), speed)[0, 1] for lag in lags]
        lag_s = lags[int(np.argmax(fit))]
        axes = Rotation.align_vectors(truth[speed > 0.5], seen(lag_s)[speed > 0.5])[0].as_matrix()
        self.log = replace(self.log, time_ns=self.log.time_ns + round(lag_s * 1e9), R_cam_imu=axes)

    def turn_error_deg(self, start_s, length_s):
        stamps = np.rint(np.array([start_s, start_s + length_s]) * 1e9).astype(np.int64)
        log = self.log.window(*stamps)
        R = PoseTrajectory.from_gyro(log.time_ns, log.gyro_rad_s @ log.R_cam_imu.T).at(stamps)[0]
        first, last = self.turn(stamps * 1e-9).as_matrix()
        return np.degrees(np.linalg.norm(log_so3((R[0].T @ R[1]).T @ first.T @ last)))

    def path_errors_mm(self, start_s, length_s, log_s):
        """Error of the end of the path, and of its bend away from the evenly run chord; the bend itself; the path."""
        middle = start_s + length_s / 2
        log = self.log.window(round((middle - log_s / 2) * 1e9), round((middle + log_s / 2) * 1e9), margin=0)
        poses = dead_reckoned(log)
        t = np.linspace(start_s, start_s + length_s, 11)
        world = self.turn(log.time_ns[0] * 1e-9).as_matrix()
        found = poses.at(np.rint(t * 1e9).astype(np.int64))[1] @ world.T * 1e3
        truth = self.position(t) * 1e3
        found, truth = found - found[0], truth - truth[0]
        chord = np.linspace(0, 1, 11)[:, None]
        bends = [path - chord * path[-1] for path in (found, truth)]
        return [np.linalg.norm(found[-1] - truth[-1])] + [
            np.linalg.norm(x, axis=-1).max() for x in (bends[0] - bends[1], bends[1], truth[-1:])
        ]


@pytest.fixture(scope="module")
def nexus(shared_data):
    folder = shared_data / "gyro/tyrex_phones/Thibaud_Nexus5_NoDist_AR"
    return MotionCapture(folder, "gyroscope-calibrated.txt", 0.65 + 0.438)


STARTS_S = np.arange(63.0, 115.0, 0.5)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("length_s", "typical_deg", "turned_deg"), [(0.05, 0.06, 1.0), (0.1, 0.12, 2.0), (0.2, 0.2, 4.0)]
)
def test_turns_agree_with_motion_capture(nexus, length_s, typical_deg, turned_deg):
    errors = [nexus.turn_error_deg(start, length_s) for start in STARTS_S]
    turns = [np.degrees((nexus.turn(s).inv() * nexus.turn(s + length_s)).magnitude()) for s in STARTS_S]
    assert np.median(errors) < typical_deg
    assert np.median(turns) > turned_deg


@pytest.mark.shared_data
@pytest.mark.parametrize(("log_s", "end_mm", "bend_mm"), [(1.0, 24.5, 0.36), (3.0, 20.0, 0.27), (5.0, 14.0, 0.21)])
def test_paths_agree_with_motion_capture(nexus, log_s, end_mm, bend_mm):
    """Over 100 ms: the way the path bends is known, how fast the phone was carried along it is not."""
    errors = np.array([nexus.path_errors_mm(start, 0.1, log_s) for start in STARTS_S])
    ends, bends, true_bends, ways = np.median(errors, axis=0)
    assert ends < end_mm
    assert bends < bend_mm
    assert true_bends > 0.45
    assert ways > 20.0
