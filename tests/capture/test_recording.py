"""Recording: clocks, what is missing, overrides; movies, frame folders and recording files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts import layout_of, layouts, read_recording
from gyrosharp.capture.layouts.frames import read_frame_times
from gyrosharp.capture.layouts.saved import save_recording
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError, ImageError, OutputError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.recording import ImuRecording

CAMERA = CameraModel(64, 48, 60.0, 60.0, 31.5, 23.5)


def imu(start_ns=0, seconds=2.0, rate=(0.0, 0.3, 0.0)):
    stamps = start_ns + np.arange(0, round(seconds * 1e9), 5_000_000)
    return ImuRecording(stamps, np.tile(rate, (stamps.size, 1)))


def recording(tmp_path, **changes):
    whole = Recording(
        source=tmp_path,
        layout="test",
        frames=tuple(ImageSource(tmp_path / f"{k}.png") for k in range(4)),
        size_px=(64, 48),
        start_ns=np.array([500, 600, 700, 800]) * 1_000_000,
        exposure_s=np.full(4, 0.02),
        camera=CAMERA,
        readout_s=0.01,
        imu=imu(),
        R_cam_imu=np.eye(3),
    )
    return replace(whole, **changes)


def gcsv(path, start_s=0.0):
    rows = "".join(f"{start_s + k * 0.005:.6f},0,0.3,0\n" for k in range(400))
    path.write_text("GYROFLOW IMU LOG\nversion,1.3\nid,test\norientation,YxZ\ntscale,1\ngscale,1\nt,gx,gy,gz\n" + rows)
    return path


def movie(path, frames=4, size=(64, 48)):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for k in range(frames):
            picture = np.full((size[1], size[0], 3), 20 * k, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def picture(path):
    import cv2

    cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    return path


def test_a_recording_is_a_sequence_of_captures(tmp_path):
    shots = recording(tmp_path)
    assert len(shots) == 4 and shots[-1].exposure.start_ns == 800_000_000
    assert [shot.name for shot in shots] == ["0", "1", "2", "3"]
    assert [shot.name for shot in shots[1:3]] == ["1", "2"]
    assert shots.frame_rate_hz == pytest.approx(10.0)
    with pytest.raises(IndexError):
        shots[4]


def test_all_that_is_missing_is_named_at_once(tmp_path):
    bare = recording(tmp_path, imu=None, camera=None, R_cam_imu=None, exposure_s=np.full(4, np.nan), offset_std_s=None)
    assert len(bare.missing()) == 5
    with pytest.raises(CaptureError, match="gyro log, focal length, exposure time, gyro axes, time offset") as caught:
        bare[0]
    assert "--fx" in str(caught.value) and "sync" in str(caught.value)
    with pytest.raises(CaptureError, match="--exposure-ms"):
        bare.exposure(0)


def test_a_clock_that_runs_fast_moves_the_offset(tmp_path):
    """IMU seconds last 1.001 camera seconds: after 1 s of IMU time the offset has grown by 1 ms."""
    shots = recording(tmp_path, time_offset_s=0.1, clock_drift=1e-3)
    t_cam = round((1.0 + 0.1 + 1e-3) * 1e9)
    assert shots.time_offset_at(t_cam) == pytest.approx(0.101, abs=1e-12)
    assert shots[0].time_offset_s == pytest.approx(0.1 + 1e-3 * 0.4 / 1.001, abs=1e-9)


def test_electronic_stabilisation_turns_the_axes(tmp_path):
    """A frame turned by 90 degrees about the view axis: the camera's yaw becomes the picture's pitch."""
    turn = exp_so3(np.array([0.0, 0.0, np.pi / 2]))
    shots = recording(tmp_path, image_R_cam=np.stack([np.eye(3), turn, turn, turn]))
    np.testing.assert_allclose(shots[0].R_cam_imu, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(shots[1].R_cam_imu @ [0, 1, 0], [-1, 0, 0], atol=1e-12)


def test_bias_is_taken_off(tmp_path):
    still = recording(tmp_path, gyro_bias_rad_s=np.array([0.0, 0.3, 0.0]))[0]
    R_start, _ = still.trajectory().at(still.exposure.start_ns)
    R_end, _ = still.trajectory().at(still.exposure.start_ns + 20_000_000)
    np.testing.assert_allclose(R_start, R_end, atol=1e-12)
    with pytest.raises(CaptureError, match="gyro bias"):
        replace(still, gyro_bias_rad_s=np.array([0.0, np.nan, 0.0]))


def test_overrides_complete_a_recording(tmp_path):
    bare = recording(
        tmp_path, camera=None, R_cam_imu=None, exposure_s=np.full(4, np.nan), readout_s=None, offset_std_s=None
    )
    assert bare.overridden(Overrides()).missing() == bare.missing()
    known = Overrides(fx=70.0, axes="x,-y,-z", exposure_s=0.01, readout_s=0.02, offset_s=0.05, start_ns=510_000_000)
    shots = bare.overridden(known)
    assert not shots.missing()
    assert shots[1].exposure.start_ns == 610_000_000 and shots[1].time_offset_s == 0.05
    assert bare.overridden(Overrides(offset_s=0.0)).clocks_joined
    assert (shots[0].camera.fx, shots[0].camera.cx, shots[0].exposure.readout_s) == (70.0, 31.5, 0.02)


def test_wrong_frame_stamps_are_refused(tmp_path):
    with pytest.raises(CaptureError, match="one stamp per frame"):
        recording(tmp_path, start_ns=np.arange(3))
    with pytest.raises(CaptureError, match="at frame 2"):
        recording(tmp_path, start_ns=np.array([1, 5, 5, 6]))


def test_lens_shift_interpolates_and_scales():
    shift = LensShift(np.array([0, 10]), np.array([[0.0, 0.0], [4.0, -2.0]]))
    np.testing.assert_allclose(shift.at([-5, 5, 20]), [[0, 0], [2, -1], [4, -2]])
    np.testing.assert_allclose(shift.scaled(0.5, 2.0).at(10), [2, -4])
    for stamps, moved in (([0, 0], np.zeros((2, 2))), ([0, 1], np.zeros((2, 3))), ([0, 1], np.full((2, 2), np.nan))):
        with pytest.raises(CaptureError, match="lens shift"):
            LensShift(np.array(stamps), moved)


def test_a_movie_without_a_log_says_what_it_lacks(tmp_path):
    shots = read_recording(movie(tmp_path / "clip.mp4"))
    assert shots.layout == "movie" and shots.movie == tmp_path / "clip.mp4" and shots.size_px == (64, 48)
    np.testing.assert_allclose(np.diff(shots.start_ns), 1e8)
    assert shots.missing()[0][0] == "gyro log"


def test_a_movie_takes_the_log_beside_it_or_the_one_given(tmp_path):
    clip = movie(tmp_path / "clip.mp4")
    gcsv(tmp_path / "clip.gcsv")
    beside = read_recording(clip)
    assert beside.imu is not None and beside.R_cam_imu is not None and not beside.clocks_joined
    given = read_recording(clip, Overrides(gyro=gcsv(tmp_path / "other.gcsv", start_s=5.0), offset_s=-5.0))
    assert given.imu.time_ns[0] == 5_000_000_000 and given.clocks_joined


def test_an_empty_movie_is_refused(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(ImageError, match="expected a movie"):
        read_recording(tmp_path / "clip.mp4")


def test_the_movie_of_a_recording_stands_for_its_folder(tmp_path):
    clip = movie(tmp_path / "movie.mp4", frames=2)
    rows = "".join(f"{k * 5_000_000},0,0.3,0,0,9.8,0\n" for k in range(200))
    log = tmp_path / "gyro_accel.csv"
    log.write_text(f"Timestamp[nanosec],gx[rad/s],gy[rad/s],gz[rad/s],ax[m/s^2],ay[m/s^2],az[m/s^2]\n{rows}")
    (tmp_path / "movie_metadata.csv").write_text(
        "Timestamp[nanosec],fx[px],Exposure time[nanosec],Frame readout time[nanosec]\n"
        "100000000,60,10000000,5000000\n200000000,60,10000000,5000000\n"
    )
    assert read_recording(clip).layout == "mars" and read_recording(clip).movie == clip
    assert read_recording(clip, Overrides(gyro=log)).layout == "movie"
    other = movie(tmp_path / "other.mp4", frames=2)
    assert read_recording(other).layout == "movie" and read_recording(other).imu is None
    log.write_text("broken")
    assert read_recording(clip).layout == "movie"


def test_frames_named_by_their_stamps(tmp_path):
    for stamp in (1015312315089152, 1015315048005152):
        picture(tmp_path / f"{stamp}.png")
    shots = read_recording(tmp_path)
    assert shots.layout == "frames" and shots.start_ns.tolist() == [1015312315089152, 1015315048005152]


def test_a_broken_picture_does_not_spoil_the_folder(tmp_path):
    for stamp in (1015312315089152, 1015315048005152):
        picture(tmp_path / f"{stamp}.png")
    (tmp_path / "1015312315089152.png").write_bytes(b"nothing")
    shots = read_recording(tmp_path, Overrides(exposure_s=0.01))
    assert len(shots) == 2 and shots.size_px == (64, 48)
    (tmp_path / "1015315048005152.png").write_bytes(b"nothing")
    with pytest.raises(CaptureError, match="none of which can be read"):
        read_recording(tmp_path)


def test_numbered_frames_with_a_file_of_stamps(tmp_path):
    for number in (2, 3):
        picture(tmp_path / f"frame-{number}.png")
    (tmp_path / "frame_times.txt").write_text("time\n0.1\n0.2\n0.3\n")
    assert read_recording(tmp_path).start_ns.tolist() == [200_000_000, 300_000_000]
    other = tmp_path / "other.txt"
    other.write_text("# seconds\n7.5, a\n7.6, b\n")
    assert read_recording(tmp_path, Overrides(frame_times=other)).start_ns[0] == 7_500_000_000
    other.write_text("7.5\n")
    with pytest.raises(CaptureError, match="one stamp for each"):
        read_recording(tmp_path, Overrides(frame_times=other))


def test_recording_file_of_numbered_frames_keeps_their_file_of_stamps(tmp_path):
    pictures, times = tmp_path / "shots", tmp_path / "times.txt"
    pictures.mkdir()
    for number in (0, 1):
        picture(pictures / f"{number}.png")
    times.write_text("7.5\n7.6\n")
    target = tmp_path / "a.recording.json"
    save_recording(read_recording(pictures, Overrides(frame_times=times)), target)
    assert read_recording(target).start_ns.tolist() == [7_500_000_000, 7_600_000_000]


def test_frame_times_units_and_broken_lines(tmp_path):
    path = tmp_path / "times.csv"
    path.write_text("4.328040426246000454e+06\n")
    assert read_frame_times(path).tolist() == [4328040426246000]
    path.write_text("4328040426246.0\n1015312315089152\n")
    assert read_frame_times(path).tolist() == [4328040426246000, 1015312315089152]
    path.write_text("0.1\nx\n")
    with pytest.raises(CaptureError, match="line 2"):
        read_frame_times(path)
    path.write_text("time\n")
    with pytest.raises(CaptureError, match="one stamp per line"):
        read_frame_times(path)
    with pytest.raises(CaptureError, match="No such file"):
        read_frame_times(tmp_path / "nothing")


def test_frames_without_stamps_are_no_recording(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    assert layout_of(tmp_path) is None
    (tmp_path / "frame_times.txt").write_text("0.1\n0.2\n0.3\n")
    with pytest.raises(CaptureError, match="numbered pictures"):
        read_recording(tmp_path)


@pytest.fixture
def synchronised(tmp_path):
    clip = movie(tmp_path / "clip.mp4")
    log = gcsv(tmp_path / "log.gcsv")
    known = Overrides(gyro=log, fx=70.0, exposure_s=0.02)
    found = {
        "time_offset_s": 0.25,
        "offset_std_s": 0.001,
        "clock_drift": 1e-5,
        "gyro_bias_rad_s": np.array([0.01, 0.0, -0.02]),
        "readout_s": 0.015,
        "shutter": Shutter.BOTTOM_TO_TOP,
    }
    return replace(read_recording(clip, known), **found)


def test_a_recording_file_gives_back_what_was_saved(tmp_path, synchronised):
    target = tmp_path / "files" / "clip.recording.json"
    target.parent.mkdir()
    save_recording(synchronised, target)
    again = read_recording(target)
    assert again.layout == "movie" and again.camera == synchronised.camera and again.shutter is Shutter.BOTTOM_TO_TOP
    for name in ("time_offset_s", "offset_std_s", "clock_drift", "readout_s"):
        assert getattr(again, name) == getattr(synchronised, name)
    np.testing.assert_array_equal(again.gyro_bias_rad_s, synchronised.gyro_bias_rad_s)
    np.testing.assert_array_equal(again.exposure_s, synchronised.exposure_s)
    np.testing.assert_array_equal(again.R_cam_imu, synchronised.R_cam_imu)
    assert read_recording(target, Overrides(offset_s=0.01)).time_offset_s == pytest.approx(0.26)
    with pytest.raises(OutputError):
        save_recording(synchronised, target)
    save_recording(again, target, overwrite=True)
    assert read_recording(target).exposure_s[0] == 0.02


def test_broken_recording_files_are_refused(tmp_path, synchronised):
    target = tmp_path / "clip.recording.json"
    save_recording(synchronised, target)
    whole = json.loads(target.read_text())
    for change, words in (
        ({"source": "gone.mp4"}, "no such file"),
        ({"source": target.name}, "something else"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"shutter": "upwards"}, "shutter: expected"),
        ({"imu": {"R_cam_imu": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}}, "mirror"),
        ({"imu": {"R_cam_imu": "x,y"}}, r"clip.recording.json: axes: expected"),
        ({"imu": {"time_offset_s": float("nan")}}, "time_offset_s"),
        ({"imu": {"time_offset_s": 1e300}}, "time_offset_s"),
        ({"readout_s": 25.0}, "readout_s"),
        ({"exposure_s": 200.0}, "exposure_s"),
    ):
        target.write_text(json.dumps(whole | change))
        with pytest.raises(CaptureError, match=words):
            read_recording(target)
    target.write_text("{")
    with pytest.raises(CaptureError, match="is the file cut"):
        read_recording(target)


@pytest.mark.parametrize("name", list(layouts()))
def test_every_layout_describes_itself_and_ignores_other_things(name, tmp_path):
    layout = layouts()[name]
    assert name == layout.NAME and layout.DEVICES and layout.FILES
    (tmp_path / "notes.txt").write_text("nothing")
    for other in (tmp_path, tmp_path / "notes.txt", tmp_path / "gone"):
        assert not layout.claims(other)
