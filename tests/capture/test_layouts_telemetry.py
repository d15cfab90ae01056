"""Layouts of movies with telemetry: GoPro by our own reader, others through telemetry-parser; clips made in memory."""

import struct

import numpy as np
import pytest

from gpmf_files import device, klv, movie, sensor, stream, text, with_user_data
from gyrosharp.blur.field import point_tracks
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.layouts import gopro, layout_of, read_recording, telemetry_parser
from gyrosharp.capture.layouts._gopro_clock import gopro_clock
from gyrosharp.capture.layouts._parsed_telemetry import (
    ParsedTelemetry,
    camera_of,
    exposures_s,
    imu_of,
    readout_s,
    stabilisation_notes,
    time_offset_s,
)
from gyrosharp.capture.overrides import NOTHING_KNOWN, Overrides
from gyrosharp.errors import GyrosharpError, ImageError, MissingComponentError
from gyrosharp.imu import read_imu
from gyrosharp.imu.gpmf import parse_payload
from gyrosharp.imu.gpmf_log import track_of

GCSV = "GYROFLOW IMU LOG\nversion,1.3\norientation,XYZ\ntscale,0.001\ngscale,1\nt,gx,gy,gz\n" + "".join(
    f"{10 * k},0.1,0.2,{0.01 * k:.2f}\n" for k in range(100)
)
STEP_S = 1 / 200


def rates(value=(0.0, 0.0, 0.0), count=200):
    """Rates about up, left and back, which the IMU writes; never quite constant."""
    return np.tile(value, (count, 1)) + np.linspace(0, 0.002, count)[:, None]


def payload(k, *, gyro=None, shut=30, clock="STMP", streams=(), settings=(), first_frame_s=0.5):
    """Second k of a clip of 30 frames per second: the gyro's stamps begin 5 ms before the first frame's."""

    def stamp(seconds):
        if clock == "STMP":
            return (klv("STMP", "J", round(seconds * 1e6)),)
        return (klv("TICK", "L", round(seconds * 1e3)),) if clock == "TICK" else ()

    values = rates() if gyro is None else gyro
    about = (*stamp(first_frame_s - 0.005 + k), klv("SCAL", "s", 10000))
    accel = stream("ACCL", np.tile([9810, 0, 0], (200, 1)), *stamp(first_frame_s - 0.005 + k), klv("SCAL", "s", 1000))
    lit = stream("SHUT", 0.001 * np.arange(1, shut + 1), *stamp(first_frame_s + k), kind="f")
    return device(
        *settings,
        accel,
        stream("GYRO", np.rint(values * 10000).astype(int), *about),
        *((lit,) if shut else ()),
        *streams,
    )


def clip(path, *payloads, **options):
    return movie(path, [(1000 * k, data) for k, data in enumerate(payloads)], frames=30 * len(payloads), **options)


@pytest.fixture
def two_seconds(tmp_path):
    return clip(tmp_path / "GOPR1.MP4", payload(0), payload(1))


class TestGopro:
    def test_what_is_in_it(self, two_seconds):
        recording = read_recording(two_seconds)
        assert recording.layout == "gopro" and len(recording) == 60 and recording.size_px == (64, 48)
        assert len(recording.imu) == 400 and recording.imu.rate_hz == pytest.approx(200, rel=1e-3)
        assert recording.imu.clock == "movie" and recording.image_R_cam is None and recording.readout_s is None
        np.testing.assert_allclose(recording.imu.accel_m_s2, np.tile([9.81, 0, 0], (400, 1)), atol=1e-9)
        assert [what for what, _ in recording.missing()] == ["focal length"]
        assert recording.read_with == NOTHING_KNOWN

    def test_stamps_join_the_clocks(self, two_seconds):
        """The gyro's first stamp is 5 ms before the first frame's, whose movie time is 0."""
        recording = read_recording(two_seconds)
        assert recording.imu.time_ns[0] == pytest.approx(-5e6, abs=2e3) and recording.time_offset_s == 0.0
        assert recording.offset_std_s == pytest.approx(0.005)

    def test_ticks_are_a_frame_late(self, tmp_path):
        recording = read_recording(clip(tmp_path / "a.mp4", *(payload(k, clock="TICK") for k in range(2))))
        assert recording.imu.time_ns[0] == pytest.approx(-5e6, abs=1e6)
        assert recording.time_offset_s == pytest.approx(1 / 30, abs=1e-4)
        assert any("one frame (33.3 ms) late" in note for note in recording.notes)

    def test_ticks_of_another_clock(self):
        """A clock 100 ppm fast is 12 ms off after two minutes: the line through the payloads takes it back."""
        payloads = []
        for k in range(120):
            ticks = klv("TICK", "L", round(1e3 * (50.0 + k * 1.0001)))
            turning = stream("GYRO", np.zeros((200, 3), int), ticks)
            payloads.append(
                (float(k), parse_payload(device(turning, stream("SHUT", [0.01] * 30, ticks, kind="f")), ""))
            )
        clock = gopro_clock(track_of(payloads, "GYRO"), payloads, np.arange(3600) / 30)
        np.testing.assert_allclose(clock.gyro_s, np.arange(24_000) / 200, atol=1e-3)

    def test_without_stamps(self, tmp_path):
        recording = read_recording(clip(tmp_path / "a.mp4", *(payload(k, clock="") for k in range(3))))
        assert recording.imu.time_ns[0] == pytest.approx(0, abs=1e6)
        assert recording.offset_std_s > 0.015 and any("without stamps" in note for note in recording.notes)

    def test_stamps_without_exposure_times(self, tmp_path):
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0, shut=0), payload(1, shut=0)))
        assert np.isnan(recording.exposure_s).all()
        assert recording.imu.time_ns[0] == pytest.approx(0, abs=1e6)

    def test_pictures_that_begin_late(self, tmp_path):
        """With an edit list of half a second the gyro keeps its place in the movie."""
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0), payload(1), start=15))
        assert recording.start_ns[0] == pytest.approx(0.5e9, abs=1e6)
        assert recording.imu.time_ns[0] == pytest.approx(-5e6, abs=2e3)

    @pytest.mark.parametrize(
        ("turn", "moves"),
        [
            # Rates about up, left, back. Turning left about up is negative yaw: the scene moves right.
            ((0.5, 0.0, 0.0), (1.0, 0.0)),
            # About left, right-handed: the camera looks down, negative pitch, the centre moves up.
            ((0.0, 0.5, 0.0), (0.0, -1.0)),
        ],
    )
    def test_yaw_and_pitch_have_the_right_sign(self, tmp_path, turn, moves):
        path = clip(tmp_path / "a.mp4", payload(0, gyro=rates(turn)), payload(1, gyro=rates(turn)))
        capture = read_recording(path, Overrides(fx=70.0, exposure_s=0.02))[30]
        motion = CameraMotion.from_capture(capture)
        track = point_tracks(motion, np.array([[31.5, 23.5]]), np.array([0.0, 1.0]))[0][0]
        expected = 70.0 * np.tan(0.5 * 0.02) * np.array(moves)
        np.testing.assert_allclose(track[1] - track[0], expected, atol=0.01)

    def test_roll_has_the_right_sign(self, tmp_path):
        """Rates about back are negative roll: the scene turns clockwise on the screen, right goes down."""
        path = clip(tmp_path / "a.mp4", *(payload(k, gyro=rates((0.0, 0.0, 0.5))) for k in range(2)))
        motion = CameraMotion.from_capture(read_recording(path, Overrides(fx=70.0, exposure_s=0.02))[30])
        track = point_tracks(motion, np.array([[51.5, 23.5]]), np.array([0.0, 1.0]))[0][0]
        np.testing.assert_allclose(track[1] - track[0], [0.0, 20 * np.sin(0.5 * 0.02)], atol=0.02)

    def test_letters_turn_what_is_stored(self, tmp_path):
        gyro = sensor("GYRO", rates((0.5, 0.0, 0.0)) @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), letters="XzY")
        recording = read_recording(clip(tmp_path / "a.mp4", device(gyro, name="GoPro Max")))
        camera = recording.imu.gyro_rad_s @ recording.R_cam_imu.T
        np.testing.assert_allclose(camera[0], [0.0, -0.5, 0.0], atol=1e-3)

    def test_exposures_belong_to_frames(self, two_seconds):
        exposure_s = read_recording(two_seconds).exposure_s
        np.testing.assert_allclose(exposure_s, np.tile(0.001 * np.arange(1, 31), 2), rtol=1e-6)

    def test_iso(self, tmp_path, two_seconds):
        gain = stream("ISOG", [1.0, 2.0] * 15, klv("STMP", "J", 500_000), kind="f")
        sensor_iso = stream("ISOE", [400] * 30, klv("STMP", "J", 500_000), kind="S")
        for streams, expected in (((gain,), [100.0, 200.0]), ((gain, sensor_iso), [400.0, 400.0])):
            path = clip(tmp_path / "a.mp4", payload(0, streams=streams))
            np.testing.assert_array_equal(read_recording(path).iso[:2], expected)
        assert read_recording(two_seconds).iso is None

    def test_a_missing_first_exposure(self, tmp_path):
        """A HERO5 has 29 values in its first payload and 30 in the others: frame 0 is the one without."""
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0, shut=29), payload(1), payload(2)))
        np.testing.assert_allclose(recording.exposure_s[1:30], 0.001 * np.arange(1, 30), rtol=1e-6)
        np.testing.assert_allclose(recording.exposure_s[30:60], 0.001 * np.arange(1, 31), rtol=1e-6)
        assert recording.exposure_s[0] == pytest.approx(0.001)

    def test_frames_without_exposure(self, tmp_path):
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0), payload(1), payload(2, shut=0)))
        assert np.isnan(recording.exposure_s[-20:]).all() and np.isfinite(recording.exposure_s[:60]).all()

    @pytest.mark.parametrize("bad", [-1.0, 0.0, 1e9, float("nan")])
    def test_impossible_exposures_are_unknown(self, tmp_path, bad):
        shut = stream("SHUT", [bad] * 30, klv("STMP", "J", 500_000), kind="f")
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0, shut=0, streams=(shut,))))
        assert np.isnan(recording.exposure_s).all()

    def test_a_log_that_the_user_gives(self, two_seconds, tmp_path):
        (tmp_path / "log.gcsv").write_text(GCSV)
        recording = read_recording(two_seconds, Overrides(gyro=tmp_path / "log.gcsv"))
        assert len(recording.imu) == 100 and not recording.clocks_joined and np.isfinite(recording.exposure_s).all()

    def test_low_pass(self, two_seconds):
        smooth = read_recording(two_seconds, Overrides(low_pass_hz=20.0))
        assert any("low" in note for note in smooth.imu.notes)

    def test_without_gyro(self, tmp_path):
        shut = stream("SHUT", [0.01] * 30, klv("STMP", "J", 0), kind="f")
        recording = read_recording(clip(tmp_path / "a.mp4", device(shut)))
        assert recording.imu is None and not recording.clocks_joined
        assert any("no gyroscope" in note for note in recording.notes)
        assert "gyro log" in [what for what, _ in recording.missing()]

    def test_what_it_claims(self, two_seconds, tmp_path):
        assert layout_of(two_seconds).NAME == "gopro"
        plain = movie(tmp_path / "plain.mp4", [(0, b"mebx")], kind=b"mebx")
        dash = movie(tmp_path / "dash.mp4", [(0, b"another format")])
        (tmp_path / "notes.txt").write_text("x")
        (tmp_path / "cut.mp4").write_bytes(two_seconds.read_bytes()[:1000])
        for path in (plain, dash, tmp_path / "notes.txt", tmp_path / "none.mp4", tmp_path, tmp_path / "cut.mp4"):
            assert not gopro.claims(path) and not telemetry_parser.claims(path)
        assert layout_of(plain).NAME == "movie"


QUARTER = np.sqrt(0.5)


class TestGoproStabilisation:
    def turned(self, tmp_path, quaternions, *settings):
        values = np.rint(np.array(quaternions) * 32767).astype(int)
        turns = stream("IORI", values, klv("STMP", "J", 500_000), klv("SCAL", "s", 32767))
        return read_recording(clip(tmp_path / "a.mp4", payload(0, streams=(turns,), settings=settings)))

    def test_a_quarter_roll_by_hand(self, tmp_path):
        """q = (cos 45, 0, 0, sin 45) turns camera vectors to the picture: what was right is down."""
        recording = self.turned(tmp_path, [[QUARTER, 0, 0, QUARTER]] * 30, klv("EISE", "c", b"Y"))
        np.testing.assert_allclose(recording.image_R_cam[7], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-4)
        assert any("IORI" in note and "warning" not in note for note in recording.notes)

    def test_it_turns_the_motion(self, tmp_path):
        """Yaw of the camera in a picture turned by a quarter is pitch of the picture: the scene moves up, not right."""
        values = np.rint(np.array([[QUARTER, 0, 0, QUARTER]] * 30) * 32767).astype(int)
        turns = stream("IORI", values, klv("STMP", "J", 500_000), klv("SCAL", "s", 32767))
        path = clip(tmp_path / "a.mp4", payload(0, gyro=rates((0.5, 0.0, 0.0)), streams=(turns,)))
        motion = CameraMotion.from_capture(read_recording(path, Overrides(fx=70.0, exposure_s=0.02))[15])
        track = point_tracks(motion, np.array([[31.5, 23.5]]), np.array([0.0, 1.0]))[0][0]
        np.testing.assert_allclose(track[1] - track[0], [0.0, 70.0 * np.tan(0.5 * 0.02)], atol=0.01)

    def test_no_turn_is_none(self, tmp_path):
        recording = self.turned(tmp_path, [[1.0, 0, 0, 0]] * 30)
        assert recording.image_R_cam is None and not any("stabilised" in note for note in recording.notes)

    def test_damaged_quaternions_are_no_turn(self, tmp_path):
        recording = self.turned(tmp_path, [[0.0, 0, 0, 0]] * 15 + [[QUARTER, 0, 0, QUARTER]] * 15)
        np.testing.assert_array_equal(recording.image_R_cam[0], np.eye(3))

    @pytest.mark.parametrize("setting", [klv("EISE", "c", b"Y"), text("EISA", "HyperSmooth")])
    def test_stabilised_without_a_record(self, tmp_path, setting):
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0, settings=(setting,))))
        assert any(note.startswith("warning: stabilised in the camera") for note in recording.notes)

    @pytest.mark.parametrize("setting", [klv("EISE", "c", b"N"), text("EISA", "N/A"), text("EISA", "N")])
    def test_not_stabilised(self, tmp_path, setting):
        recording = read_recording(clip(tmp_path / "a.mp4", payload(0, settings=(setting,))))
        assert not any("stabilised" in note for note in recording.notes)


class TestGoproSettings:
    def settings(self, tmp_path, *entries):
        path = clip(tmp_path / "a.mp4", payload(0))
        return read_recording(with_user_data(path, b"GPMF", device(*entries, name="Global Settings")))

    def test_fisheye_from_the_field_of_view(self, tmp_path):
        """Half the diagonal is 40 px of 64 x 48; at 90 degrees it is pi / 4 of angle: 40 / (pi / 4) px per radian."""
        recording = self.settings(tmp_path, klv("ZFOV", "f", 90.0), klv("VFOV", "c", b"W"))
        assert recording.camera.fx == pytest.approx(40 / (np.pi / 4)) and recording.missing() == ()
        assert recording.camera.distortion_model == "opencv_fisheye"
        assert any("focal length assumed: 51 px, +-10%" in note for note in recording.notes)

    def test_linear_mode(self, tmp_path):
        recording = self.settings(tmp_path, klv("ZFOV", "f", 90.0), klv("VFOV", "c", b"L"))
        assert recording.camera.fx == pytest.approx(40.0) and recording.camera.distortion_model == "none"

    @pytest.mark.parametrize("angle", [0.0, -5.0, 400.0, float("nan")])
    def test_impossible_fields_of_view(self, tmp_path, angle):
        recording = self.settings(tmp_path, klv("ZFOV", "f", angle), klv("VFOV", "c", b"M"))
        assert recording.camera is None and any("mode (M)" in note for note in recording.notes)

    def test_readout(self, tmp_path):
        assert self.settings(tmp_path, klv("SROT", "f", 15.5)).readout_s == pytest.approx(0.0155)
        assert self.settings(tmp_path, klv("SROT", "f", 1e6)).readout_s is None
        assert self.settings(tmp_path, klv("SROT", "c", b"x")).readout_s is None

    def test_readout_per_frame(self, tmp_path):
        """A HERO7 writes it for each frame."""
        srot = stream("SROT", [15.5] * 30, klv("STMP", "J", 500_000), kind="f")
        assert read_recording(clip(tmp_path / "a.mp4", payload(0, streams=(srot,)))).readout_s == pytest.approx(0.0155)
        damaged = stream("SROT", [float("nan")] * 30, klv("STMP", "J", 500_000), kind="f")
        assert read_recording(clip(tmp_path / "a.mp4", payload(0, streams=(damaged,)))).readout_s is None

    def test_held_upside_down(self, tmp_path):
        recording = self.settings(tmp_path, klv("OREN", "c", b"D"))
        assert any("OREN D" in note for note in recording.notes)
        assert not any("OREN" in note for note in self.settings(tmp_path, klv("OREN", "c", b"U")).notes)

    def test_damaged_settings_are_left_out(self, tmp_path):
        path = with_user_data(clip(tmp_path / "a.mp4", payload(0)), b"GPMF", b"not GPMF at all")
        assert read_recording(path).camera is None


class TestGoproDamage:
    def test_a_damaged_payload_is_noted(self, tmp_path):
        path = clip(tmp_path / "a.mp4", payload(0), b"no GPMF" * 10, payload(2))
        recording = read_recording(path)
        assert len(recording.imu) == 400
        assert any("GPMF payload 1" in note and "left out" in note for note in recording.imu.notes)

    def test_flipped_payloads(self, tmp_path):
        data, rng = [payload(k) for k in range(2)], np.random.default_rng(0)
        for _ in range(40):
            damaged = [bytearray(one) for one in data]
            for one in damaged:
                for position in rng.integers(0, 400, size=3):
                    one[position] ^= 1 << rng.integers(0, 8)
            readable_or_one_line(clip(tmp_path / "a.mp4", *map(bytes, damaged)))

    def test_cut_and_flipped_movies(self, two_seconds, tmp_path):
        data, rng, path = two_seconds.read_bytes(), np.random.default_rng(1), tmp_path / "b.mp4"
        for size in range(0, len(data), len(data) // 25):
            path.write_bytes(data[:size])
            readable_or_one_line(path)
        for _ in range(60):
            flipped = bytearray(data)
            for position in rng.integers(data.rindex(b"moov"), len(data), size=3):
                flipped[position] ^= 1 << rng.integers(0, 8)
            path.write_bytes(bytes(flipped))
            readable_or_one_line(path)

    def test_a_movie_without_frames(self, two_seconds, monkeypatch):
        monkeypatch.setattr(gopro, "frame_times", lambda _: np.empty(0))
        monkeypatch.setattr(telemetry_parser, "frame_times", lambda _: np.empty(0))
        for layout in (gopro, telemetry_parser):
            with pytest.raises(ImageError, match="movie with frames"):
                layout.read(two_seconds, Overrides(gyro=two_seconds))


def readable_or_one_line(path):
    try:
        read_recording(path)
    except GyrosharpError as error:
        assert path.name in str(error) and "\n" not in str(error)


def camm(path, turn):
    """A movie with a camera motion track (CAMM): type 2 is the gyro, rad/s about the camera's right, down, forward."""
    packets = [(5 * k, struct.pack("<HH3f", 0, 2, *(np.array(turn) + 1e-4 * k))) for k in range(200)]
    return movie(path, packets, kind=b"camm")


@pytest.fixture
def package():
    return pytest.importorskip("telemetry_parser")


class TestTelemetryParser:
    def test_claims_by_tracks_marks_and_names(self, tmp_path):
        for kind, maker in ((b"rtmd", "Sony"), (b"djmd", "DJI"), (b"camm", "CAMM")):
            path = movie(tmp_path / f"{maker}.mp4", [(0, b"data")], kind=kind)
            assert telemetry_parser.claims(path) and maker in telemetry_parser._maker(path)
            assert layout_of(path).NAME == "telemetry-parser"
        insta = movie(tmp_path / "a.insv", [(0, b"data")], kind=b"none")
        assert not telemetry_parser.claims(insta)
        insta.write_bytes(insta.read_bytes() + b"8db42d694ccc418790edff439fe026bf")
        assert telemetry_parser.claims(insta)
        (tmp_path / "a.mxf").write_bytes(b"header" * 10)
        (tmp_path / "b.mxf").write_bytes(bytes(5_000_000) + b'<Device manufacturer="Sony" modelName="FX9"/>')
        (tmp_path / "c.braw").write_bytes(b"x")
        claimed = [telemetry_parser.claims(tmp_path / name) for name in ("a.mxf", "b.mxf", "c.braw", "none.mp4")]
        assert claimed == [False, True, True, False]

    def test_the_package_is_missing(self, tmp_path, monkeypatch):
        def missing(_):
            raise ImportError

        path = movie(tmp_path / "C0001.MP4", [(0, b"data")], kind=b"rtmd")
        monkeypatch.setattr(telemetry_parser, "import_module", missing)
        with pytest.raises(MissingComponentError, match=r'C0001.MP4: .*Sony.*pip install "gyrosharp\[telemetry\]"'):
            read_recording(path)
        (tmp_path / "log.gcsv").write_text(GCSV)
        recording = read_recording(path, Overrides(gyro=tmp_path / "log.gcsv"))
        assert len(recording.imu) == 100 and not recording.clocks_joined

    @pytest.mark.usefixtures("package")
    @pytest.mark.parametrize("turn", [(0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.5)])
    def test_signs_and_units_on_a_known_track(self, tmp_path, turn):
        """The package gives deg/s in its own frame; what arrives at the camera is what was written for the camera."""
        recording = read_recording(camm(tmp_path / "a.mp4", turn))
        assert recording.layout == "telemetry-parser" and len(recording.imu) == 200
        expected = np.array(turn) + 1e-4 * np.arange(200)[:, None]
        np.testing.assert_allclose(recording.imu.gyro_rad_s @ recording.R_cam_imu.T, expected, atol=1e-6)
        np.testing.assert_allclose(recording.imu.time_ns, 5e6 * np.arange(200), atol=1e3)

    @pytest.mark.usefixtures("package")
    def test_metadata_that_the_package_cannot_read(self, tmp_path):
        recording = read_recording(movie(tmp_path / "a.mp4", [(0, b"damaged")], kind=b"rtmd"))
        assert recording.imu is None and not recording.clocks_joined
        assert any("warning: telemetry-parser cannot read" in note or "no gyro" in note for note in recording.notes)

    def test_panics_do_not_get_out(self, tmp_path, monkeypatch):
        class Panic(BaseException):
            pass

        class Package:
            @staticmethod
            def Parser(_):
                raise Panic("assertion failed\nat line 3")

        monkeypatch.setattr(telemetry_parser, "import_module", lambda _: Package)
        recording = read_recording(movie(tmp_path / "a.mp4", [(0, b"data")], kind=b"djmd"))
        assert any("(assertion failed)" in note for note in recording.notes)

    def test_an_interrupt_gets_out(self, tmp_path, monkeypatch):
        class Package:
            @staticmethod
            def Parser(_):
                raise KeyboardInterrupt

        monkeypatch.setattr(telemetry_parser, "import_module", lambda _: Package)
        with pytest.raises(KeyboardInterrupt):
            read_recording(movie(tmp_path / "a.mp4", [(0, b"data")], kind=b"djmd"))

    @pytest.mark.usefixtures("package")
    def test_flipped_tracks(self, tmp_path):
        data, rng, path = camm(tmp_path / "a.mp4", (0, 0, 0)).read_bytes(), np.random.default_rng(2), tmp_path / "b.mp4"
        for _ in range(60):
            flipped = bytearray(data)
            for position in rng.integers(0, len(data), size=5):
                flipped[position] ^= 1 << rng.integers(0, 8)
            path.write_bytes(bytes(flipped))
            readable_or_one_line(path)


def parsed(*samples, rows=()):
    return ParsedTelemetry("test", samples, rows)


def row(time_ms, gyro, accl=None):
    return {"timestamp_ms": time_ms, "gyro": gyro, "accl": accl}


class TestParsedTelemetry:
    def test_rates_and_gravity_by_hand(self):
        """180 deg/s is pi; 1 is in g; the first sample is at the movie's first frame, 2 s."""
        rows = [row(5.0 * k, (180.0, 90.0, float(k)), (1.0, 0.0, 0.0)) for k in range(10)]
        imu = imu_of(parsed(rows=rows), "test", 2.0)
        np.testing.assert_allclose(imu.gyro_rad_s[0], [np.pi, np.pi / 2, 0.0])
        np.testing.assert_allclose(imu.accel_m_s2[0], [9.80665, 0, 0])
        assert imu.time_ns[:2].tolist() == [2_000_000_000, 2_005_000_000]
        np.testing.assert_allclose(imu.R_cam_imu, [[0, -1, 0], [-1, 0, 0], [0, 0, -1]])
        metric = imu_of(parsed(rows=[row(5.0 * k, (1.0, 2.0, float(k)), (9.8, 0.0, 0.0)) for k in range(10)]), "t", 0.0)
        assert metric.accel_m_s2[0, 0] == pytest.approx(9.8)

    def test_rows_without_gyro_or_out_of_order(self):
        rows = [row(10.0, (1.0, 2.0, 3.0)), row(0.0, (4.0, 5.0, 6.0)), row(5.0, None), row(7.0, (1.0, "x", 2.0))]
        imu = imu_of(parsed(rows=rows), "test", 0.0)
        assert len(imu) == 2 and imu.accel_m_s2 is None and any("sorted" in note for note in imu.notes)
        assert imu_of(parsed(rows=rows[2:]), "test", 0.0) is None

    def test_a_slower_accelerometer_is_left_out(self):
        rows = [row(5.0 * k, (1.0, 2.0, float(k)), (1.0, 0.0, 0.0) if k < 5 else None) for k in range(10)]
        imu = imu_of(parsed(rows=rows), "test", 0.0)
        assert imu.accel_m_s2 is None and any("another rate" in note for note in imu.notes)

    @pytest.mark.parametrize(
        ("axis", "camera"),
        [("x", (0.5, 0.0, 0.0)), ("y", (0.0, -0.5, 0.0)), ("z", (0.0, 0.0, -0.5))],
    )
    def test_rates_from_orientations(self, axis, camera):
        """A body with x right, y up, z back that turns by 0.5 rad/s; the sign of a quaternion does not count."""
        items = []
        for k in range(20):
            half = 0.5 * 0.01 * k / 2
            v = {"w": np.cos(half), "x": 0.0, "y": 0.0, "z": 0.0, axis: np.sin(half)}
            items.append({"t": 10.0 * k, "v": {name: (-1) ** k * value for name, value in v.items()}})
        imu = imu_of(parsed({"Quaternion": {"Data": items}}), "test", 0.0)
        np.testing.assert_allclose(imu.gyro_rad_s @ imu.R_cam_imu.T, np.tile(camera, (19, 1)), atol=1e-9)
        assert imu.time_ns[0] == 5_000_000 and any("orientations" in note for note in imu.notes)

    @pytest.mark.parametrize(
        ("samples", "expected"),
        [
            ([{"Exposure": {"Data": [0.01] * 2}}, {"Exposure": {"Data": [0.02] * 2}}], [0.01, 0.01, 0.02, 0.02]),
            ([{"Exposure": {"Data": [{"t": 0.0, "v": 0.01}] * 4}}], [0.01] * 4),
            ([{"Imager": {"ExposureTime": 8.0}}] * 4, [0.008] * 4),
            ([{"Exposure": {"ShutterSpeed": [1, 50]}}] * 4, [0.02] * 4),
            ([{"Exposure": {"ShutterAngle": 180.0}}] * 4, [0.02] * 4),
            ([{"Exposure": {"ShutterSpeed": [1, 0]}}] * 4, [np.nan] * 4),
            ([{"Imager": {"ExposureTime": -1.0}}] * 4, [np.nan] * 4),
            ([{"Imager": {"ExposureTime": "8 ms"}}] * 4, [np.nan] * 4),
            ([{"Imager": {"ExposureTime": 8.0}}] * 3, [0.008] * 3 + [np.nan]),
        ],
    )
    def test_exposures(self, samples, expected):
        values, notes = exposures_s(parsed(*samples), 4, 0.04)
        np.testing.assert_allclose(values, expected)
        assert notes == ()

    def test_exposures_of_another_number(self):
        values, notes = exposures_s(parsed({"Exposure": {"Data": [0.01, 0.02, 0.02]}}), 40, 0.04)
        np.testing.assert_allclose(values, 0.02)
        assert "3 exposure times for 40 frames" in notes[0]

    def test_readout(self):
        assert readout_s(parsed({"Imager": {"FrameReadoutTime": 8.7}})) == pytest.approx(0.0087)
        assert readout_s(parsed({"Default": {"Metadata": {"rolling_shutter_time": 15.0}}})) == pytest.approx(0.015)
        profile = {"fisheye_params": {}, "frame_readout_time": 12.0}
        assert readout_s(parsed({"Lens": {"Data": profile}})) == pytest.approx(0.012)
        assert readout_s(parsed({"Imager": {"FrameReadoutTime": 5000.0}})) is None and readout_s(parsed()) is None

    def test_sony_stamps(self):
        """Read from 20 ms, exposed for 8 ms, gyro from 2 ms on: exposure begins 10 ms after the first gyro sample."""
        sample = {"Imager": {"FirstFrameTimestamp": 20.0, "ExposureTime": 8.0}, "Gyroscope": {"TimeOffset": 2.0}}
        offset_s, notes = time_offset_s(parsed(sample))
        assert offset_s == pytest.approx(-0.010) and "-10.0 ms" in notes[0]
        assert time_offset_s(parsed())[0] == 0.0

    def test_cameras(self):
        profile = {
            "calib_dimension": {"w": 200, "h": 100},
            "fisheye_params": {
                "camera_matrix": [[150.0, 0, 100.0], [0, 151.0, 50.0], [0, 0, 1]],
                "distortion_coeffs": [0.1, 0.2, 0.3, 0.4],
            },
        }
        camera, _ = camera_of(parsed({"Lens": {"Data": profile}}), 400, 200)
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (300.0, 302.0, 199.5, 99.5)
        assert (camera.distortion_model, camera.distortion) == ("opencv_fisheye", (0.1, 0.2, 0.3, 0.4))
        # 43.27 mm is the film's diagonal: its lens has a focal length of one image diagonal, 500 px of 400 x 300.
        camera, note = camera_of(parsed({"Lens": {"LensZoom35mm": 43.27}}), 400, 300)
        assert camera.fx == pytest.approx(500.0) and "+-10%" in note
        for lens in ({}, {"LensZoom35mm": 0.0}, {"Data": {"fisheye_params": {}}}, {"Data": "x"}):
            assert camera_of(parsed({"Lens": lens}), 400, 300)[0] is None

    def test_moving_sensors_are_told(self):
        assert "IBIS" in stabilisation_notes(parsed({"IBIS": {}}))[0] and stabilisation_notes(parsed()) == ()


def test_gcsv_against_telemetry_parser(package, tmp_path):
    """The package's reading of a gcsv, through our conversion, gives what our own reader gives, but for its zero."""
    path = tmp_path / "log.gcsv"
    path.write_text(GCSV)
    ours = read_imu(path)
    theirs = imu_of(ParsedTelemetry("", (), package.Parser(str(path)).normalized_imu()), "test", 0.0)
    np.testing.assert_allclose(theirs.gyro_rad_s @ theirs.R_cam_imu.T, ours.gyro_rad_s @ ours.R_cam_imu.T, atol=1e-9)
    np.testing.assert_allclose(np.diff(theirs.time_ns), np.diff(ours.time_ns), atol=1e3)
