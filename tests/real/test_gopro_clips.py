"""GoPro's clips: signs, clocks and stabilisation checked against the picture, gravity, and telemetry-parser."""

from functools import cache

import numpy as np
import pytest

from gyrosharp.capture.layouts import gopro, read_recording, telemetry_parser
from gyrosharp.capture.layouts._parsed_telemetry import ParsedTelemetry, imu_of
from gyrosharp.capture.overrides import Overrides
from gyrosharp.imu.gpmf import parse_payload
from gyrosharp.imu.gpmf_log import track_of
from gyrosharp.media.movie_telemetry import data_packets

pytestmark = pytest.mark.shared_data

# Frames that turn enough: the drone's picture hovers but for a yaw at the end, the walker looks round.
CLIPS = {"karma": (180, 353), "max-heromode": (240, 310)}
FRAME_S = 1001 / 30000


@pytest.fixture
def clip(shared_data):
    return lambda name: shared_data / "video" / "gopro_gpmf" / f"{name}.mp4"


@pytest.fixture
def package():
    return pytest.importorskip("telemetry_parser")


@cache
def recorded(path):
    return read_recording(path)


@cache
def poses(path):
    """The camera's orientation over the movie's time, camera to world, by the gyro."""
    from scipy.spatial.transform import Rotation, Slerp

    recording = recorded(path)
    time_s = recording.imu.time_ns * 1e-9 + recording.time_offset_s
    rate = recording.imu.gyro_rad_s @ recording.R_cam_imu.T
    steps = Rotation.from_rotvec((rate[1:] + rate[:-1]) / 2 * np.diff(time_s)[:, None])
    turned = [Rotation.identity()]
    for step in steps:
        turned.append(turned[-1] * step)
    return Slerp(time_s, Rotation.concatenate(turned))


def picture_turns(path, first, last, lag_s):
    """Turns (N, 3) of the picture from frame to frame by gyro and IORI, `lag_s` after the middle of the frames."""
    from scipy.spatial.transform import Rotation

    recording = recorded(path)
    # The readout of the HERO5 is not known; 16 ms is usual.
    middle_s = recording.start_ns * 1e-9 + recording.exposure_s / 2 + (recording.readout_s or 0.016) / 2
    turned = poses(path)(middle_s[first : last + 1] + lag_s)
    if recording.image_R_cam is not None:
        turned = turned * Rotation.from_matrix(recording.image_R_cam[first : last + 1]).inv()
    return (turned[:-1].inv() * turned[1:]).as_rotvec()


@cache
def seen_motion(path, first, last):
    """Motion of the picture from frame to frame by tracked features: f times pitch, f times yaw (px), roll (rad)."""
    import av
    import cv2

    moves, before = [], None
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index > last:
                break
            grey = frame.to_ndarray(format="gray") if index >= first else None
            if before is not None:
                moves.append(_similarity(cv2, before, grey))
            before = grey
    return np.array(moves)


def _similarity(cv2, before, grey):
    points = cv2.goodFeaturesToTrack(before, 300, 0.01, 8)
    options = {"winSize": (21, 21), "maxLevel": 4}
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, grey, points, None, **options)
    back, _, _ = cv2.calcOpticalFlowPyrLK(grey, before, moved, None, **options)
    keep = (found.ravel() > 0) & (np.linalg.norm(back - points, axis=2).ravel() < 0.5)
    centre = (np.array(grey.shape[::-1]) - 1) / 2
    pair = points[keep, 0] - centre, moved[keep, 0] - centre
    fit, _ = cv2.estimateAffinePartial2D(*pair, ransacReprojThreshold=2.0)
    # Pitch moves the centre down, yaw moves it left, roll turns the scene counter-clockwise.
    return fit[1, 2], -fit[0, 2], -np.arctan2(fit[1, 0], fit[0, 0])


def correlations(turns, seen):
    return np.array([np.corrcoef(turns[:, axis], seen[:, axis])[0, 1] for axis in range(3)])


def test_karma(clip):
    recording = read_recording(clip("karma"))
    assert recording.layout == "gopro" and len(recording) == 362 and len(recording.imu) == 4795
    assert recording.imu.rate_hz == pytest.approx(397.5, abs=0.1)
    np.testing.assert_allclose(recording.exposure_s, 0.00487, atol=1e-5)
    assert recording.image_R_cam is None and [what for what, _ in recording.missing()] == ["focal length"]


def test_max(clip):
    recording = read_recording(clip("max-heromode"))
    assert len(recording) == 315 and len(recording.imu) == 2082
    assert recording.imu.rate_hz == pytest.approx(197.45, abs=0.01)
    assert recording.readout_s == pytest.approx(0.0206, abs=1e-4)
    assert recording.camera.fx == pytest.approx(406.4, abs=0.1)
    assert recording.exposure_s[0] == pytest.approx(0.0010078, rel=1e-4) and np.isfinite(recording.exposure_s).all()
    assert recording.image_R_cam.shape == (315, 3, 3) and recording.missing() == ()


@pytest.mark.parametrize("name", CLIPS)
def test_gravity(clip, name):
    """Both are held upright: the accelerometer shows the force upwards, -y of the camera."""
    recording = read_recording(clip(name))
    up = recording.imu.accel_m_s2.mean(axis=0) @ recording.R_cam_imu.T
    assert up[1] == pytest.approx(-9.69, abs=0.05) and np.abs(up[[0, 2]]).max() < 1.5


@pytest.mark.parametrize(("name", "least"), [("karma", (0.3, 0.95, 0.25)), ("max-heromode", (0.95, 0.95, 0.7))])
def test_the_picture_moves_as_the_gyro_says(clip, name, least, record_property):
    """Each axis has the right sign, and the lag at which picture and gyro agree best is within its deviation."""
    first, last = CLIPS[name]
    seen = seen_motion(clip(name), first, last)
    here = correlations(picture_turns(clip(name), first, last, 0.0), seen)
    lags_s = np.arange(-0.04, 0.041, 0.002)
    best_s = lags_s[np.argmax([correlations(picture_turns(clip(name), first, last, lag), seen)[1] for lag in lags_s])]
    for axis, value in zip("xyz", here, strict=True):
        record_property(f"correlation_{axis}", float(value))
    record_property("best_lag_ms", float(best_s * 1e3))
    assert (here > least).all(), here
    assert abs(best_s) <= recorded(clip(name)).offset_std_s


def test_focal_length_from_the_field_of_view(clip, record_property):
    """Pixels per radian of yaw in the middle of the picture: within the stated 10 % of the assumed focal length."""
    first, last = CLIPS["max-heromode"]
    seen = seen_motion(clip("max-heromode"), first, last)
    turns = picture_turns(clip("max-heromode"), first, last, 0.0)
    focal_px = float(np.polyfit(turns[:, 1], seen[:, 1], 1)[0])
    record_property("focal_px", focal_px)
    assert focal_px == pytest.approx(recorded(clip("max-heromode")).camera.fx, rel=0.1)


def test_recorded_orientations_agree_with_the_gyro(clip, record_property):
    """CORI turns world vectors to the camera; it lies 13 ms, about half a readout, after the start of the frame."""
    from scipy.spatial.transform import Rotation

    path = clip("max-heromode")
    payloads = [(packet.time_s, parse_payload(packet.data, "clip")) for packet in data_packets(path, "gpmd")]
    turns = Rotation.from_matrix(gopro.quaternion_matrices(track_of(payloads, "CORI").samples[10:301])).inv()
    steps = (turns[:-1].inv() * turns[1:]).as_rotvec()
    start_s = read_recording(path).start_ns[10:301] * 1e-9

    def unexplained(lag_s):
        by_gyro = poses(path)(start_s + lag_s)
        return ((steps - (by_gyro[:-1].inv() * by_gyro[1:]).as_rotvec()) ** 2).sum() / (steps**2).sum()

    lags_s = np.arange(0.0, 0.03, 0.0005)
    shares = [unexplained(lag) for lag in lags_s]
    record_property("unexplained", float(min(shares)))
    record_property("lag_ms", float(lags_s[np.argmin(shares)] * 1e3))
    assert min(shares) < 5e-4 and lags_s[np.argmin(shares)] == pytest.approx(0.013, abs=0.002)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", CLIPS)
def test_against_telemetry_parser(clip, name):
    """Two readers, one clip: as many samples, the same camera rates and exposures, the same rate of the clock.

    The package begins its times with 0; where the gyro begins among the frames it does not say (here -5 to 16 ms).
    """
    ours, theirs = read_recording(clip(name)), telemetry_parser.read(clip(name), Overrides())
    assert len(ours.imu) == len(theirs.imu)
    our_rates, their_rates = (one.imu.gyro_rad_s @ one.R_cam_imu.T for one in (ours, theirs))
    np.testing.assert_allclose(their_rates, our_rates, atol=1e-12)
    late_s = (ours.imu.time_ns - theirs.imu.time_ns) * 1e-9
    assert np.ptp(late_s) < 1e-3 and np.abs(late_s).max() < 0.02
    # The package lists 361 exposures of karma's 362 frames; the last frame has none there.
    np.testing.assert_allclose(theirs.exposure_s[:314], ours.exposure_s[:314], rtol=1e-6)


def test_orientations_against_telemetry_parser(clip, package):
    """Its product of CORI and IORI turns as our gyro and `image_R_cam` do: an independent check of the direction."""
    path = clip("max-heromode")
    theirs = imu_of(ParsedTelemetry("", package.Parser(str(path)).telemetry(), ()), "test", 0.0)
    turned = picture_turns(path, 10, 300, 0.002) / FRAME_S
    stored = (theirs.gyro_rad_s @ theirs.R_cam_imu.T)[10:300]
    assert (correlations(turned, stored) > 0.99).all()
    slopes = [np.polyfit(turned[:, axis], stored[:, axis], 1)[0] for axis in range(3)]
    np.testing.assert_allclose(slopes, 1.0, atol=0.02)
