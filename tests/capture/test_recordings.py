import numpy as np
import pytest

from gyrosharp.blur.field import blur_field, point_tracks
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.layouts import is_recording, read_recording
from gyrosharp.capture.overrides import Overrides, overridden
from gyrosharp.capture.photo import capture_from_photo
from gyrosharp.errors import CaptureError, ImageError, ImuError
from gyrosharp.geometry.shutter import Shutter

MARS_LOG = "Timestamp[nanosec], gx[rad/s], gy[rad/s], gz[rad/s], ax[m/s^2], ay[m/s^2], az[m/s^2]\n" + "".join(
    f"{1_000_000_000 + k * 5_000_000},0.0,0.5,0.0,0,9.8,0\n" for k in range(60)
)
MARS_META = (
    "Timestamp[nanosec],fx[px],fy[px],Frame No.,Exposure time[nanosec],Sensor frame duration[nanosec],"
    "Frame readout time[nanosec],ISO,Focal length,Focus distance,AF mode\n"
    "1050000000,{fx},{fx},7,40000000,50000000,10000000,100,4.7,1.6,1\n"
    "1120000000,{fx},{fx},8,40000000,50000000,10000000,100,4.7,1.6,1\n"
)


def picture(path, width=60, height=90):
    import cv2

    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
    return path


@pytest.fixture
def mars(tmp_path):
    (tmp_path / "gyro_accel.csv").write_text(MARS_LOG)
    (tmp_path / "movie_metadata.csv").write_text(MARS_META.format(fx=70.0))
    picture(tmp_path / "frame0.png")
    picture(tmp_path / "frame1.png")
    return tmp_path


def test_mars_folder(mars):
    captures = read_recording(mars)
    assert [capture.name for capture in captures] == ["frame0", "frame1"]
    first = captures[0]
    assert (first.camera.width, first.camera.height, first.camera.fx) == (60, 90, 70.0)
    assert first.exposure.start_ns == 1_050_000_000
    assert first.exposure.duration_s == pytest.approx(0.04)
    assert first.exposure.readout_s == pytest.approx(0.01)
    np.testing.assert_allclose(first.R_cam_imu, np.diag([1.0, -1.0, -1.0]))


def test_mars_movie_with_a_frame_more_than_rows(mars):
    import av

    with av.open(str(mars / "movie.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 60, 90, "yuv420p"
        for _ in range(3):
            shot = av.VideoFrame.from_ndarray(np.zeros((90, 60, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(shot))
        container.mux(stream.encode())
    recording = read_recording(mars)
    assert len(recording) == 2
    assert "the movie has 3 frames, the table 2 stamps: paired from the first on" in recording.notes


def test_mars_yaw_has_the_right_sign(mars):
    """A phone turning about its own +y (up) turns the camera to the left, so the scene moves RIGHT by f tan(w t)."""
    motion = CameraMotion.from_capture(read_recording(mars)[0])
    centre = np.array([[29.5, 44.5]])
    track = point_tracks(motion, centre, np.array([0.0, 0.5, 1.0]))[0][0]
    assert track[2, 0] - track[1, 0] == pytest.approx(70.0 * np.tan(0.5 * 0.02), rel=1e-6)
    np.testing.assert_allclose(track[:, 1], 44.5, atol=1e-9)


@pytest.mark.parametrize(("unit", "scale"), [("nanosec", 1), ("sec", 1e-9)])
def test_mars_of_ios_has_no_readout(mars, unit, scale):
    head = f"Timestamp[{unit}], fx[px], fy[px], cx[px], cy[px], exposure duration[{unit}]\n"
    rows = [f"{stamp * scale}, 70, 70, 30, 45, {20_000_000 * scale}\n" for stamp in (1_050_000_000, 1_120_000_000)]
    (mars / "movie_metadata.csv").write_text(head + "".join(rows))
    recording = read_recording(mars)
    assert recording.start_ns.tolist() == [1_050_000_000, 1_120_000_000] and recording.readout_s is None
    assert recording[0].exposure.duration_s == pytest.approx(0.02)
    assert recording[0].exposure.shutter is Shutter.GLOBAL


def test_mars_portrait_reads_out_sideways(mars):
    assert read_recording(mars)[0].exposure.shutter is Shutter.RIGHT_TO_LEFT


def test_mars_frames_named_by_stamp(mars):
    (mars / "frame0.png").rename(mars / "1120000000.png")
    (mars / "frame1.png").unlink()
    captures = read_recording(mars)
    assert [capture.exposure.start_ns for capture in captures] == [1_120_000_000]


def test_mars_sensor_focal_is_scaled_and_said(mars):
    (mars / "movie_metadata.csv").write_text(MARS_META.format(fx=2943.75))
    capture = read_recording(mars)[0]
    assert capture.camera.fx == pytest.approx(2943.75 * 90 / 4000)
    assert any("--fx" in note for note in capture.notes)


def test_overrides_win(mars):
    changes = Overrides(
        fx=80.0, axes="x,y,z", exposure_s=0.02, readout_s=0.0, shutter="global", start_ns=1_060_000_000, offset_s=0.003
    )
    capture = read_recording(mars, changes)[0]
    assert capture.camera.fx == 80.0 and capture.camera.fy == 80.0
    assert capture.exposure.duration_s == 0.02 and capture.exposure.shutter is Shutter.GLOBAL
    assert capture.exposure.start_ns == 1_060_000_000 and capture.time_offset_s == pytest.approx(0.003)
    np.testing.assert_allclose(capture.R_cam_imu, np.eye(3))
    assert capture.reference_ns == capture.exposure.reference_ns(60, 90)


def test_unknown_shutter_name(mars):
    with pytest.raises(CaptureError, match="shutter"):
        read_recording(mars, Overrides(shutter="upwards"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "columns"), ("a,b\n1,2\n", "timestamp"), (MARS_META.format(fx="wide"), "line 2"), ("HEADER", "header")],
)
def test_bad_mars_metadata(mars, text, words):
    text = MARS_META.split("\n")[0] + "\n" if text == "HEADER" else text
    (mars / "movie_metadata.csv").write_text(text)
    with pytest.raises(CaptureError, match=words):
        read_recording(mars)


def test_mars_without_pictures(mars):
    for path in mars.glob("*.png"):
        path.unlink()
    with pytest.raises(CaptureError, match="neither"):
        read_recording(mars)


@pytest.fixture
def deepgyro(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "imu").mkdir()
    rows = [f"4 {2_000_000_000 + k * 4_000_000} 0.1 0.4 0.2" for k in range(60)]
    (tmp_path / "imu" / "imu.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "images" / "images.txt").write_text("2050000000 20000000\n2090000000 20000000\n")
    picture(tmp_path / "images" / "0001.png", 96, 54)
    return tmp_path


def test_deepgyro_folder(deepgyro):
    (capture,) = read_recording(deepgyro)
    assert np.linalg.det(capture.R_cam_imu) == pytest.approx(1.0)
    # 22 ms from first row to first row: 2.000 s becomes 2.050 + 0.022 s.
    assert capture.time_offset_s == pytest.approx(0.072)
    assert capture.camera.fx == pytest.approx(1558.6899 / 20)


@pytest.mark.parametrize(("text", "words"), [("x y\n", "line 1"), ("1 2 3\n", "line 1"), ("", "one line per picture")])
def test_bad_deepgyro_stamps(deepgyro, text, words):
    (deepgyro / "images" / "images.txt").write_text(text)
    with pytest.raises(CaptureError, match=words):
        read_recording(deepgyro)


def test_deepgyro_without_pictures(deepgyro):
    (deepgyro / "images" / "0001.png").unlink()
    with pytest.raises(CaptureError, match="pictures"):
        read_recording(deepgyro)


def test_other_folders_are_refused(tmp_path):
    assert not is_recording(tmp_path)
    with pytest.raises(CaptureError, match="expected a recording"):
        read_recording(tmp_path)


def test_photo_needs_what_nobody_said(mars):
    photo, log = mars / "frame0.png", mars / "gyro_accel.csv"
    known = {"fx": 70.0, "exposure_s": 0.04, "start_ns": 1_050_000_000, "axes": "android-portrait"}
    for missing, words in (
        ("fx", "--fx"),
        ("exposure_s", "--exposure-ms"),
        ("start_ns", "--start-ns"),
        ("axes", "--axes"),
    ):
        with pytest.raises(CaptureError, match=words):
            capture_from_photo(photo, log, Overrides(**{k: v for k, v in known.items() if k != missing}))
    capture = capture_from_photo(photo, log, Overrides(**known))
    assert capture.exposure.shutter is Shutter.GLOBAL and any("--readout-ms" in note for note in capture.notes)


def test_photo_stamp_in_the_name(mars):
    photo = (mars / "frame0.png").rename(mars / "0001050000000000.png")
    known = Overrides(fx=70.0, exposure_s=0.04, axes="x,y,z", readout_s=0.01)
    assert capture_from_photo(photo, mars / "gyro_accel.csv", known).exposure.start_ns == 1_050_000_000_000
    with pytest.raises(ImageError):
        capture_from_photo(mars / "none.png", mars / "gyro_accel.csv", known)


def test_capture_wants_exactly_one_motion(mars):
    capture = read_recording(mars)[0]
    with pytest.raises(CaptureError, match="both or neither"):
        Capture(capture.camera, capture.exposure)
    with pytest.raises(ImageError, match="got none"):
        overridden(Capture(capture.camera, capture.exposure, imu=capture.imu), Overrides()).read_image()
    assert str(ImageSource(mars / "movie.mp4", 3)).endswith("movie.mp4, frame 3")


@pytest.mark.shared_data
def test_real_recordings(shared_data):
    phone = read_recording(shared_data / "realblur" / "nolic-phone240ms")
    assert [capture.name for capture in phone] == [f"frame{k}" for k in range(5)]
    assert phone[2].camera.fx == pytest.approx(1413.0)
    # NOTES.json gives rms blur of 6.2 px (frame 2) against 2.0 px (frame 3): a ratio of three.
    blurred, sharp = (float(np.median(blur_field(phone[k], stride=64).extent_px)) for k in (2, 3))
    assert 2.5 < blurred / sharp < 4.0
    # The log stops 6 ms before the end of frame 4's exposure of 246 ms: near enough.
    assert float(np.median(blur_field(phone[4], stride=64).extent_px)) > 5.0
    with pytest.raises(ImuError, match="whole exposure"):
        phone[0].trajectory()
    honor = read_recording(shared_data / "realblur" / "honorv10_mars")
    assert len(honor) == 25 and honor[0].image.frame == 0
    assert honor[5].read_image().pixels_linear.shape == (1280, 720, 3)
    tablet = read_recording(shared_data / "realblur" / "nolic-deepgyro" / "raw")
    assert len(tablet) == 5
    assert tablet[1].time_offset_s == pytest.approx(0.01755, abs=1e-4)


def test_what_the_user_gives_is_not_noted_as_assumed(mars):
    assert [note.split()[0] for note in read_recording(mars)[0].notes] == ["focal", "gyro", "readout"]
    given = Overrides(fx=80.0, axes="x,y,z", shutter="global")
    assert read_recording(mars, given)[0].notes == ()


def test_deepgyro_notes(deepgyro):
    assert [note.split()[0] for note in read_recording(deepgyro)[0].notes] == ["focal", "gyro", "readout", "delay"]
    given = Overrides(fx=80.0, axes="x,y,z", readout_s=0.0)
    assert [note.split()[0] for note in read_recording(deepgyro, given)[0].notes] == ["delay"]


def test_remarks_and_coverage(mars):
    """The log has 60 samples from 1.000 to 1.295 s; a frame that ends 6 ms later is known to miss something."""
    capture = read_recording(mars, Overrides(start_ns=1_050_000_000))[0]
    assert capture.remarks == (*capture.notes, *capture.imu.notes) and capture.coverage().covered == 1.0
    late = read_recording(mars, Overrides(start_ns=1_255_000_000, exposure_s=0.04, readout_s=0.01))[0]
    assert late.coverage().covered == pytest.approx(0.9)
    moved = read_recording(mars, Overrides(start_ns=1_255_000_000, offset_s=0.02))[0]
    assert moved.coverage().covered == 1.0


def test_photo_says_everything_that_is_missing(mars):
    with pytest.raises(CaptureError) as error:
        capture_from_photo(mars / "frame0.png", mars / "gyro_accel.csv")
    flags = ("--fx", "--exposure-ms", "--start-ns", "--axes", "1000000000 to 1295000000")
    assert all(flag in str(error.value) for flag in flags) and "frame0.png" in str(error.value)
