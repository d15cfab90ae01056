"""Recordings of phones: frames joined with their stamps, exposures, axes, stabiliser; what is missing is said."""

import struct
from fractions import Fraction

import numpy as np
import pytest

import pb3_files as pb3
from gyrosharp.blur.field import point_tracks
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.layouts import layout_of, read_recording
from gyrosharp.capture.layouts.video_imu_capture import _turned
from gyrosharp.capture.overrides import Overrides
from gyrosharp.errors import CaptureError, ImageError, ImuError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter

S = 10**9
PORTRAIT, LANDSCAPE = np.diag([1.0, -1.0, -1.0]), np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])


def picture(path, width=48, height=64):
    import cv2

    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
    return path


def movie(path, count=4, size=(64, 48), epochs=()):
    """Write a movie at 25 Hz; `epochs` become samples of timed metadata, as Sensor Logger writes them."""
    import av

    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if epochs:
            track = container.add_stream("mjpeg", rate=25)
            track.width, track.height, track.pix_fmt = 16, 16, "yuvj420p"
        for k in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((*size[::-1], 3), 20 * k, np.uint8))))
        container.mux(stream.encode(None))
        for k, epoch in enumerate(epochs):
            packet = av.Packet(struct.pack(">IIq", 16, 1, epoch))
            packet.stream, packet.pts, packet.dts, packet.time_base = track, k, k, Fraction(1, 25)
            container.mux(packet)
    if epochs:
        path.write_bytes(as_metadata(bytearray(path.read_bytes())))
    return path


def as_metadata(data):
    """Turn the second track of an MP4 into timed metadata: libav writes none, but reads it."""
    track = data.find(b"trak", data.find(b"trak") + 1)
    for old, new in ((b"vide", b"meta"), (b"mp4v", b"mebx")):
        at = data.find(old, track)
        data[at : at + 4] = new
    return bytes(data)


def gyro_rows(start_ns, count=200, step_ns=5_000_000):
    return [f"0.0,0.5,0.0,{start_ns + k * step_ns}" for k in range(count)]


def lines(path, rows):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("\n".join([*rows, ""]))


class TestOpenCamera:
    STAMPS = (1015 * S, 1015 * S + 33_000_000, 1015 * S + 66_000_000, 1015 * S + 133_000_000)
    NAME = "VID_20220713_090357"

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "20220713_090357"
        lines(folder / f"{self.NAME}gyro.csv", gyro_rows(1014 * S + 900_000_000))
        lines(folder / f"{self.NAME}_imu_timestamps.csv", map(str, self.STAMPS))
        return folder

    def test_stored_frames(self, folder):
        for stamp in (self.STAMPS[3], self.STAMPS[1], 1016 * S):  # the last one is not in the table
            picture(folder / "frames" / f"{stamp}.jpg")
        shots = read_recording(folder)
        assert shots.layout == "opencamera" and shots.size_px == (48, 64) and shots.movie is None
        assert shots.start_ns.tolist() == [self.STAMPS[1], self.STAMPS[3]]
        assert [source.path.stem for source in shots.frames] == [str(self.STAMPS[1]), str(self.STAMPS[3])]
        assert np.isnan(shots.exposure_s).all() and shots.camera is None and shots.readout_s is None
        np.testing.assert_array_equal(shots.R_cam_imu, PORTRAIT)
        assert shots.shutter is Shutter.RIGHT_TO_LEFT and shots.offset_std_s == 0.03
        assert [note.split(":")[0] for note in shots.notes] == ["gyro axes assumed", "readout direction assumed"]
        assert [what for what, _ in shots.missing()] == ["focal length", "exposure time"]
        assert read_recording(folder, Overrides(axes="x,y,z", shutter="global")).notes == ()

    def test_yaw_of_the_phone_moves_the_scene_right(self, folder):
        """A phone that turns about its own +y (up) turns its camera to the left."""
        picture(folder / "frames" / f"{self.STAMPS[0]}.jpg")
        capture = read_recording(folder, Overrides(fx=50.0, exposure_s=0.02, readout_s=0.01))[0]
        track = point_tracks(CameraMotion.from_capture(capture), np.array([[23.5, 31.5]]), np.array([0.5, 1.0]))[0][0]
        assert track[1, 0] - track[0, 0] == pytest.approx(50 * np.tan(0.5 * 0.01), rel=1e-6)

    @pytest.mark.parametrize("place", ["..", "."])
    def test_movie(self, folder, place):
        clip = movie(folder / place / f"{self.NAME}.mp4")
        for path in (folder, clip.resolve()):
            shots = read_recording(path)
            assert shots.layout == "opencamera" and len(shots) == 4 and shots.frames[2].frame == 2
            assert tuple(shots.start_ns) == self.STAMPS
            np.testing.assert_array_equal(shots.R_cam_imu, LANDSCAPE)
            assert shots.shutter is Shutter.TOP_TO_BOTTOM

    def test_the_other_spelling(self, tmp_path):
        lines(tmp_path / "day" / "VID_1_gyro.csv", gyro_rows(1014 * S + 900_000_000))
        lines(tmp_path / "day" / "VID_1_timestamps.csv", map(str, self.STAMPS))
        movie(tmp_path / "VID_1.mp4")
        assert len(read_recording(tmp_path / "day")) == 4

    def test_tables_beside_several_movies(self, tmp_path):
        for name in ("VID_1", "VID_2"):
            lines(tmp_path / f"{name}gyro.csv", gyro_rows(1014 * S + 900_000_000))
            lines(tmp_path / f"{name}_imu_timestamps.csv", map(str, self.STAMPS))
            movie(tmp_path / f"{name}.mp4")
        assert layout_of(tmp_path) is None
        assert read_recording(tmp_path / "VID_2.mp4").layout == "opencamera"

    def test_more_frames_than_stamps(self, folder):
        movie(folder / f"{self.NAME}.mp4", count=6)
        shots = read_recording(folder)
        assert len(shots) == 4
        assert "the movie has 6 frames, the table 4 stamps: paired from the first on" in shots.notes

    def test_neither_movie_nor_frames(self, folder):
        with pytest.raises(CaptureError, match=r"expected VID_20220713_090357.mp4 in it or beside it, or frames/STAMP"):
            read_recording(folder)

    def test_broken_stamp(self, folder):
        lines(folder / f"{self.NAME}_imu_timestamps.csv", [str(self.STAMPS[0]), "soon"])
        movie(folder / f"{self.NAME}.mp4")
        with pytest.raises(CaptureError, match="line 2"):
            read_recording(folder)

    def test_a_movie_of_another_app(self, tmp_path):
        assert layout_of(movie(tmp_path / "VID_20220713_090357.mp4")).NAME == "movie"


class TestPhoneDash:
    @pytest.fixture
    def folder(self, tmp_path):
        sof = [f"SOF  {4_328_040_000_000 + k * 33_313},  frameNum :{k + 1} exp time 0.00{k + 5}" for k in range(3)]
        rows = [f"frameid:1 gyro:{k} x 0.0 y 0.5 z 0.0 ts {4_328_039_900_000 + k * 2500}" for k in range(100)]
        lines(tmp_path / "gyro_dump.txt", [*sof, *sof, *rows])
        lines(tmp_path / "framestamp.txt", [f"{4_328_040.0 + k * 0.033313:.18e}" for k in range(4)])
        for k in (2, 3, 4):
            picture(tmp_path / "frames" / f"RE_frame-{k}.jpg", 64, 48)
        return tmp_path

    def test_frames(self, folder):
        shots = read_recording(folder)
        assert shots.layout == "phone_dash" and shots.frames[0].path.name == "RE_frame-2.jpg"
        assert shots.start_ns.tolist() == [(4_328_040_000_000 + k * 33_313) * 1000 for k in (1, 2, 3)]
        # Frame 1 is line 1 of framestamp.txt; the log says nothing of frame 4.
        np.testing.assert_array_equal(shots.exposure_s, [0.006, 0.007, np.nan])
        np.testing.assert_array_equal(shots.R_cam_imu, LANDSCAPE)
        assert len(shots.imu) == 100 and shots.offset_std_s == 0.03 and shots.shutter is Shutter.TOP_TO_BOTTOM

    def test_a_frame_without_a_stamp(self, folder):
        picture(folder / "frames" / "RE_frame-5.jpg")
        with pytest.raises(CaptureError, match=r"RE_frame-5.jpg: expected a number from 1 to 4, .* got 5"):
            read_recording(folder)

    def test_no_frames(self, folder):
        for path in (folder / "frames").iterdir():
            path.unlink()
        with pytest.raises(CaptureError, match=r"expected pictures RE_frame-1.jpg"):
            read_recording(folder)

    def test_broken_frame_line(self, folder):
        log = folder / "gyro_dump.txt"
        log.write_text(log.read_text().replace("frameNum :2 exp", "frameNum :2"))
        with pytest.raises(ImuError, match=r"gyro_dump.txt, line 2: expected 'SOF t, frameNum :n exp time s'"):
            read_recording(folder)

    def test_a_frame_line_that_was_being_written(self, folder):
        log = folder / "gyro_dump.txt"
        log.write_text(log.read_text() + "SOF  4328041, fra")
        assert read_recording(folder).exposure_s[0] == 0.006


class TestVideoImuCapture:
    """Frames at 25 Hz: the movie's time plus 100 s is the camera's clock, in frame 3 one millisecond later."""

    SHIFTS = (((100 * S, 1.0, 2.0), (100 * S + 5_000_000, 3.0, 2.5)), ((100 * S + 5_000_000, 3.0, 2.5),))

    def frames(self, count=4, **changes):
        usual = {"exposure_ns": 8_000_000, "readout_ns": 20_000_000, "focal_px": 70.0, **changes}
        return [pb3.frame(k, 100 * S + 40_000_000 * k + 1_000_000 * (k == 3), **usual) for k in range(count)]

    def write(self, folder, *parts, size=(48, 64), frames=None):
        rows = [pb3.imu(99 * S + 900_000_000 + k * 5_000_000, (0, 0.5, 0), (0, 9.8, 0)) for k in range(100)]
        parts = parts or (pb3.camera(size_px=(48, 64)),)
        (folder / "video_meta.pb3").write_bytes(b"".join([pb3.head(), *parts, *rows, *(frames or self.frames())]))
        movie(folder / "video_recording.mp4", size=size)
        return folder

    def test_frames(self, tmp_path):
        shots = read_recording(self.write(tmp_path))
        assert shots.layout == "video_imu_capture" and len(shots) == 4 and shots.frames[3].frame == 3
        assert (shots.start_ns - 100 * S).tolist() == [0, 40_000_000, 80_000_000, 121_000_000]
        np.testing.assert_allclose(shots.exposure_s, 0.008)
        assert shots.readout_s == pytest.approx(0.02) and shots.lens_shift is None
        assert shots.camera == CameraModel(48, 64, 70.0, 70.0, 23.5, 31.5)
        assert shots.notes == ("focal length 70.0 px estimated from the lens and sensor sizes that the phone tells",)
        assert shots.missing() == () and shots.offset_std_s == 0.005
        np.testing.assert_array_equal(shots.R_cam_imu, PORTRAIT)
        assert read_recording(tmp_path / "video_recording.mp4").layout == "video_imu_capture"
        assert read_recording(tmp_path, Overrides(fx=60.0)).notes == ()

    @pytest.mark.parametrize(
        ("orientation_deg", "shutter"),
        [
            (0, Shutter.TOP_TO_BOTTOM),
            (90, Shutter.RIGHT_TO_LEFT),
            (180, Shutter.BOTTOM_TO_TOP),
            (270, Shutter.LEFT_TO_RIGHT),
        ],
    )
    def test_readout_direction(self, tmp_path, orientation_deg, shutter):
        """Turned clockwise by 90 degrees, the sensor's top line becomes the right edge of the picture."""
        camera = pb3.camera(size_px=(48, 64), orientation_deg=orientation_deg)
        assert read_recording(self.write(tmp_path, camera)).shutter is shutter

    def test_intrinsics_of_the_phone(self, tmp_path):
        camera = pb3.camera((60.0, 60.5, 23.0, 33.0, 0.0), (0.5, 0.25, 0.125, 0.0625, 0.03125), (48, 64))
        model = read_recording(self.write(tmp_path, camera)).camera
        assert (model.fx, model.fy, model.cx, model.cy) == (60.0, 60.5, 23.0, 33.0)
        assert model.distortion == (0.5, 0.25, 0.03125, -0.0625, 0.125)
        corrected = pb3.camera((60.0, 60.5, 23.0, 33.0, 0.0), (0.5, 0.25, 0, 0, 0), (48, 64), fixed=True)
        assert read_recording(self.write(tmp_path, corrected)).camera.distortion_model == "none"

    @pytest.mark.parametrize("orientation_deg", [0, 90, 180, 270])
    def test_distortion_turns_with_the_picture(self, orientation_deg):
        """Android's formula on the sensor, turned, against OpenCV's on the stored picture."""
        k1, k2, k3, k4, k5 = lens = (0.1, -0.05, 0.02, 0.01, -0.02)
        x, y = 0.3, -0.2
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        seen = np.array(
            [
                x * radial + k4 * 2 * x * y + k5 * (r2 + 2 * x * x),
                y * radial + k5 * 2 * x * y + k4 * (r2 + 2 * y * y),
            ]
        )
        quarter = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), orientation_deg // 90)
        model = CameraModel(8, 8, 1.0, 1.0, 0.0, 0.0, "opencv", _turned(lens, orientation_deg))
        stored, _ = model.project([*(quarter @ (x, y)), 1.0])
        np.testing.assert_allclose(stored, quarter @ seen, atol=1e-12)

    @pytest.mark.parametrize(
        ("intrinsics", "size_px"),
        [((60, 90, 23, 33, 0), (48, 64)), ((60, 60, 23, 33, 0), (1080, 1920)), ((), (48, 64))],
    )
    def test_intrinsics_that_cannot_be_of_this_picture(self, tmp_path, intrinsics, size_px):
        assert read_recording(self.write(tmp_path, pb3.camera(intrinsics, size_px=size_px))).camera.fx == 70.0

    def test_no_focal_length(self, tmp_path):
        shots = read_recording(self.write(tmp_path, frames=self.frames(focal_px=0.0)))
        assert shots.camera is None and "no focal length recorded" in shots.notes

    def test_stabiliser(self, tmp_path):
        """Samples on the border of two frames are there twice; a shift of the optical centre moves every point."""
        frames = [
            pb3.frame(k, 100 * S + 40_000_000 * k, 8_000_000, 0, 70.0, self.SHIFTS[k] if k < 2 else ())
            for k in range(4)
        ]
        shots = read_recording(self.write(tmp_path, pb3.camera(size_px=(48, 64), ois=True), frames=frames))
        assert shots.lens_shift.time_ns.tolist() == [100 * S, 100 * S + 5_000_000]
        np.testing.assert_allclose(shots.lens_shift.at(100 * S + 2_500_000), [2.0, 2.25])
        assert shots.readout_s is None and not any("stabilisation" in note for note in shots.notes)

    def test_stabilisers_that_do_not_tell(self, tmp_path):
        notes = read_recording(self.write(tmp_path, pb3.camera(size_px=(48, 64), ois=True, eis=True))).notes
        assert sum("stabilisation was on" in note for note in notes) == 2

    def test_clocks_that_are_not_joined(self, tmp_path):
        shots = read_recording(self.write(tmp_path, pb3.camera(size_px=(48, 64), joined=False)))
        assert shots.offset_std_s is None and any("share a clock" in note for note in shots.notes)

    def test_frames_the_app_dropped(self, tmp_path):
        """Frames 1 and 2 have no data: stamped by the movie, between the distances of their neighbours."""
        shots = read_recording(self.write(tmp_path, frames=[self.frames()[3], self.frames()[0]]))
        assert (shots.start_ns - 100 * S).tolist() == [0, 40_333_333, 80_666_667, 121_000_000]
        np.testing.assert_array_equal(np.isnan(shots.exposure_s), [False, True, True, False])
        assert any(note.startswith("2 of 4 frames have no data") for note in shots.notes)

    def test_no_movie(self, tmp_path):
        (self.write(tmp_path) / "video_recording.mp4").unlink()
        with pytest.raises(CaptureError, match=r"expected video_recording.mp4 beside video_meta.pb3"):
            read_recording(tmp_path)

    def test_no_frame_data(self, tmp_path):
        with pytest.raises(CaptureError, match="expected data of the movie's frames, got none"):
            read_recording(self.write(tmp_path, frames=[pb3.frame(9, 100 * S)]))

    @pytest.mark.parametrize("bad", [{"exposure_ns": -5}, {"readout_ns": -5}, {"focal_px": np.inf}])
    def test_impossible_frame_data(self, tmp_path, bad):
        with pytest.raises(CaptureError, match=r"byte \d+: expected times and a focal length of frame 0"):
            read_recording(self.write(tmp_path, frames=self.frames(**bad)))

    def test_damage(self, tmp_path):
        """Flipped bits give a recording or one line; never anything else."""
        self.write(tmp_path, pb3.camera((60, 60, 23, 33, 0), size_px=(48, 64)))
        file, rng = tmp_path / "video_meta.pb3", np.random.default_rng(0)
        whole = file.read_bytes()
        marks = np.flatnonzero(np.frombuffer(whole, np.uint8) == 0x2A)[-40:]  # frames begin so
        for _ in range(60):
            data = bytearray(whole)
            for at in [*rng.integers(0, 60, 2), rng.choice(marks) + rng.integers(0, 30)]:
                data[min(at, len(data) - 1)] ^= 1 << rng.integers(0, 8)
            file.write_bytes(bytes(data))
            try:
                shots = read_recording(tmp_path)
                _ = [shots[k] for k in range(len(shots)) if not shots.missing(k)]
            except (CaptureError, ImuError) as error:
                assert "\n" not in str(error)


class TestIosLogger:
    @pytest.fixture
    def folder(self, tmp_path):
        lines(tmp_path / "Gyro.txt", [f"{1627530745 + k * 0.01:.6f},0,0.5,0" for k in range(100)])
        rows = [f"{1627530745.1 + k * 0.033333:.6f},{k},{60 + k}.0,{61 + k}.0,32.0,24.0" for k in range(4)]
        lines(tmp_path / "Frames.txt", rows)
        return tmp_path

    def test_frames(self, folder):
        movie(folder / "Frames.m4v")
        shots = read_recording(folder)
        assert shots.layout == "ios_logger" and len(shots) == 4
        assert shots.start_ns[0] == pytest.approx(1627530745_100_000_000, abs=300)
        assert np.diff(shots.start_ns) == pytest.approx(33_333_000, abs=1000)
        # Medians of 60, 61, 62, 63; Apple's (32, 24) is the corner between four pixels.
        assert shots.camera == CameraModel(64, 48, 61.5, 62.5, 31.5, 23.5)
        np.testing.assert_array_equal(shots.R_cam_imu, LANDSCAPE)
        assert shots.shutter is Shutter.TOP_TO_BOTTOM and shots.offset_std_s == 0.03

    @pytest.mark.parametrize("count", [3, 6])
    def test_more_or_fewer_frames_than_rows(self, folder, count):
        movie(folder / "Frames.m4v", count=count)
        shots = read_recording(folder)
        assert len(shots) == min(count, 4)
        assert f"the movie has {count} frames, the table 4 stamps: paired from the first on" in shots.notes

    def test_without_intrinsics(self, folder):
        lines(folder / "Frames.txt", ["1627530745.10,0", "1627530745.14,1"])
        movie(folder / "Frames.m4v")
        shots = read_recording(folder)
        assert shots.camera is None and len(shots) == 2

    def test_no_movie(self, folder):
        with pytest.raises(CaptureError, match=r"expected Frames.m4v beside Frames.txt, got none"):
            read_recording(folder)

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("1627530745.1,1,2", "line 2: expected 't_s,frame'"),
            ("soon,1", "line 2: expected 't_s,frame'"),
            ("nan,1", "line 2: expected 't_s,frame'"),
            ("1627530745.1,5", "line 2: expected frame 1, got 5"),
        ],
    )
    def test_broken_rows(self, folder, row, words):
        lines(folder / "Frames.txt", ["1627530745.0,0", row])
        with pytest.raises(CaptureError, match=words):
            read_recording(folder)

    def test_empty_table(self, folder):
        (folder / "Frames.txt").write_text("\n")
        with pytest.raises(CaptureError, match="expected one line per frame"):
            read_recording(folder)


class TestSensorLogger:
    START_MS = 1_770_510_090_000

    @pytest.fixture
    def folder(self, tmp_path):
        rows = [f"{self.START_MS * 10**6 + k * 10_000_000},0.0,0.0,0.5,0.0" for k in range(100)]
        lines(tmp_path / "Gyroscope.csv", ["time,seconds_elapsed,z,y,x", *rows])
        return tmp_path

    def test_movie_with_its_data_track(self, folder):
        """Each frame's time is in the movie, 0.7 s after the name's, and once 3 ms late."""
        epochs = [(self.START_MS + 700) * 10**6 + k * 40_000_000 + 3_000_000 * (k == 2) for k in range(4)]
        clip = movie(folder / "Camera" / f"{self.START_MS}.mp4", epochs=epochs)
        for path in (folder, clip):
            shots = read_recording(path)
            assert shots.layout == "sensor_logger" and shots.start_ns.tolist() == epochs
            assert shots.offset_std_s == 0.03 and shots.notes[0] == "frame times from the movie's data track"
            np.testing.assert_array_equal(shots.R_cam_imu, LANDSCAPE)

    def test_movie_without_it(self, folder):
        movie(folder / f"{self.START_MS}.mp4")
        shots = read_recording(folder)
        assert shots.start_ns.tolist() == [self.START_MS * 10**6 + k * 40_000_000 for k in range(4)]
        assert shots.offset_std_s is None and "a tenth" not in shots.notes[0] and "early" in shots.notes[0]

    def test_columns_in_another_order_and_in_quotes(self, folder):
        rows = [f'"0.0","{self.START_MS * 10**6 + k * 10_000_000}","0.0","0.5","0.0"' for k in range(100)]
        lines(folder / "Gyroscope.csv", ['"seconds_elapsed","time","x","y","z"', *rows])
        movie(folder / f"{self.START_MS}.mp4")
        shots = read_recording(folder)
        assert shots.layout == "sensor_logger"
        assert shots.imu.gyro_rad_s[0].tolist() == [0.0, 0.5, 0.0]

    def test_epochs_that_are_none(self, folder):
        movie(folder / f"{self.START_MS}.mp4", epochs=(1, 2, 3, 4))
        assert read_recording(folder).offset_std_s is None

    def test_pictures(self, folder):
        for ms in (250, 0):
            picture(folder / "Camera" / f"{self.START_MS + ms}.jpg")
        shots = read_recording(folder)
        assert (shots.start_ns - self.START_MS * 10**6).tolist() == [0, 250_000_000]
        assert shots.offset_std_s is None and shots.movie is None
        np.testing.assert_array_equal(shots.R_cam_imu, PORTRAIT)

    @pytest.mark.parametrize("count", [0, 2])
    def test_not_one_movie(self, folder, count):
        for k in range(count):
            movie(folder / f"{self.START_MS + k}.mp4")
        with pytest.raises(CaptureError, match=rf"expected one movie or pictures named by ms .*, got {count} movies"):
            read_recording(folder)

    def test_a_movie_that_is_none(self, folder):
        (folder / f"{self.START_MS}.mp4").write_bytes(b"not a movie")
        with pytest.raises(ImageError):
            read_recording(folder)

    def test_phyphox_is_another_app(self, folder):
        (folder / "Gyroscope.csv").write_text('"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"\n')
        assert layout_of(folder) is None


@pytest.mark.shared_data
class TestRealRecordings:
    def test_opencamera(self, shared_data):
        folders = sorted(path for path in (shared_data / "gyro/nolic-opencamera_s").iterdir() if path.is_dir())
        assert len(folders) == 10
        for folder in folders:
            assert layout_of(folder).NAME == "opencamera"
            if folder.name == "20220713_114713":
                continue
            with pytest.raises(CaptureError, match=r"expected VID_\d+_\d+.mp4 in it or beside it, or frames/STAMP.jpg"):
                read_recording(folder)
        shots = read_recording(shared_data / "gyro/nolic-opencamera_s/20220713_114713")
        assert shots.size_px == (1080, 1920) and shots.start_ns[0] == 1015312315089152
        np.testing.assert_array_equal(shots.R_cam_imu, PORTRAIT)  # as fitted: NOTES.json
        assert shots.imu.time_ns[0] < shots.start_ns[0] and shots.start_ns[-1] < shots.imu.time_ns[-1]

    def test_phone_dash(self, shared_data):
        shots = read_recording(shared_data / "video/phone_dash_gyro")
        assert len(shots) == 18 and shots.size_px == (800, 600)
        assert ((shots.exposure_s > 0.0052) & (shots.exposure_s < 0.0056)).all()  # NOTES.json
        assert shots.frame_rate_hz == pytest.approx(1 / 0.033313, rel=1e-3)
        np.testing.assert_array_equal(shots.R_cam_imu, LANDSCAPE)  # as fitted: NOTES.json
        assert [what for what, _ in shots.missing()] == ["focal length"]

    def test_ios_logger(self, shared_data):
        with pytest.raises(CaptureError, match=r"expected Frames.m4v beside Frames.txt"):
            read_recording(shared_data / "gyro/nolic-ios_logger")

    def test_sensor_logger(self, shared_data):
        with pytest.raises(CaptureError, match="got 0 movies and 0 such pictures"):
            read_recording(shared_data / "gyro/sensorlogger_iphone12")
