"""WitMotion's binary stream and VideoIMUCapture's protocol buffer: bytes worked out by hand, damage, and odd clocks."""

import numpy as np
import pytest
from imu_binary_logs import (
    RATE_STEP,
    sample_binary_log,
    witmotion_binary,
    witmotion_frame,
    witmotion_time,
    witmotion_values,
)
from imu_logs import DEG, G, shake

import pb3_files as pb3
from gyrosharp.errors import ImuError
from gyrosharp.imu import claims, read_imu
from gyrosharp.imu.readers.video_imu_capture import read_meta


class TestWitMotion:
    # 2022-07-13 09:03:57.250; 0, 1, 0 g; 125, -125, 0 deg/s; each with its sum by hand.
    TIME = "55 50 16 07 0d 09 03 39 fa 00 0e"
    ACCEL = "55 51 00 00 00 08 00 00 00 00 ae"
    GYRO = "55 52 00 08 00 f8 00 00 00 00 a7"

    def write(self, folder, *parts):
        path = folder / "DATA.TXT"
        path.write_bytes(b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts))
        return path

    def test_by_hand(self, tmp_path):
        later = self.TIME.replace("fa 00 0e", "ff 00 13")
        recording = read_imu(self.write(tmp_path, self.TIME, self.ACCEL, self.GYRO, later, self.ACCEL, self.GYRO))
        assert recording.time_ns.tolist() == [1657703037_250_000_000, 1657703037_255_000_000]
        np.testing.assert_allclose(recording.gyro_rad_s, [[125 * DEG, -125 * DEG, 0]] * 2)
        np.testing.assert_allclose(recording.accel_m_s2, [[0, G, 0]] * 2)
        assert recording.R_cam_imu is None

    def test_damage_costs_what_it_hits(self, tmp_path):
        """A byte of the third round's rate is wrong: that sample goes, the rest stays, and the note has the place."""
        log = sample_binary_log("witmotion-binary")
        data = bytearray(log.data())
        size = len(log.rounds[0])
        at = 2 * size + 22
        data[at + 4] ^= 0x40
        recording = read_imu(log.write(tmp_path, bytes(data)))
        assert len(recording) == 59
        assert f"11 bytes belong to no whole frame (damaged or cut), the first at byte {at}: skipped" in recording.notes

    def test_a_lost_time_costs_its_sample(self, tmp_path):
        log = sample_binary_log("witmotion-binary")
        log.rounds[5] = log.rounds[5][11:]
        recording = read_imu(log.write(tmp_path))
        assert len(recording) == 59
        assert "1 samples have no time frame of their own: dropped" in recording.notes

    def test_a_lost_acceleration_is_interpolated(self, tmp_path):
        time, gyro, accel = shake()
        accel[4], accel[6] = (0, 8, 0), (0, 10, 2)
        log = witmotion_binary(time, gyro, accel)
        log.rounds[5] = log.rounds[5][:11] + log.rounds[5][22:]
        recording = read_imu(log.write(tmp_path))
        np.testing.assert_allclose(recording.accel_m_s2[5], [0, 9, 1], atol=log.step_m_s2)

    def test_rates_alone(self, tmp_path):
        time, gyro, accel = shake()
        log = witmotion_binary(time, gyro, accel)
        log.rounds = [part[:11] + part[22:33] for part in log.rounds]
        recording = read_imu(log.write(tmp_path))
        assert recording.accel_m_s2 is None and len(recording) == 60

    def test_starting_inside_a_frame(self, tmp_path):
        log = sample_binary_log("witmotion-binary")
        path = log.write(tmp_path, log.data()[7:])
        assert claims(path) == ("witmotion-binary",)
        recording = read_imu(path)
        assert len(recording) == 59 and any("the first at byte 0" in note for note in recording.notes)

    @pytest.mark.parametrize(("month", "day"), [(13, 1), (2, 30)])
    def test_impossible_date(self, tmp_path, month, day):
        bad = witmotion_frame(0x50, bytes([22, month, day, 9, 3, 57, 0, 0]))
        rate = witmotion_values(0x52, (1, 2, 3), RATE_STEP)
        with pytest.raises(ImuError, match=rf"byte 22: expected a date, got day {day} of month {month}; cut"):
            read_imu(self.write(tmp_path, witmotion_time(0), rate, bad, rate))

    def test_a_clock_that_was_never_set(self, tmp_path):
        rate = witmotion_values(0x52, (1, 2, 3), RATE_STEP)
        rounds = [witmotion_frame(0x50, bytes([0, 0, 0, 0, 0, 1, 10 * k, 0])) + rate for k in range(3)]
        recording = read_imu(self.write(tmp_path, *rounds))
        assert np.diff(recording.time_ns).tolist() == [10_000_000] * 2

    def test_without_rates(self, tmp_path):
        with pytest.raises(ImuError, match="expected frames 0x55 0x52 of angular rates, got 0; check"):
            read_imu(self.write(tmp_path, *[self.TIME] * 9), format="witmotion-binary")

    def turning(self, interval_s, rate_rad_s):
        """Rounds without time of a sensor that turns about its z axis, with the yaw that follows."""
        rounds = []
        for k in range(200):
            w = rate_rad_s * np.sin(0.1 * k)
            yaw = -rate_rad_s * interval_s * np.cos(0.1 * k) / 0.1  # integral of w
            rounds.append(
                witmotion_values(0x52, (0, 0, w), RATE_STEP)
                + witmotion_values(0x53, (0, 0, np.degrees(yaw)), 180 / 32768)
            )
        return rounds

    def test_the_angles_tell_the_interval(self, tmp_path):
        recording = read_imu(self.write(tmp_path, *self.turning(0.02, 3.0)))
        # The mean of two neighbours is sin(0.1) / 0.1 / ... of the turn between them: 0.1 % here.
        assert np.diff(recording.time_ns) == pytest.approx(20_000_000, rel=2e-3)
        assert any(note.startswith("warning: no time frames") for note in recording.notes)

    @pytest.mark.parametrize("rounds", ["still", "no angles"])
    def test_nothing_tells_the_interval(self, tmp_path, rounds):
        parts = self.turning(0.02, 0.0) if rounds == "still" else [part[:11] for part in self.turning(0.02, 3.0)]
        with pytest.raises(ImuError, match=r"expected time frames \(0x55 0x50\), got none, .* switch time output on"):
            read_imu(self.write(tmp_path, *parts))


class TestVideoImuCapture:
    def write(self, folder, *parts):
        path = folder / "video_meta.pb3"
        path.write_bytes(b"".join(parts))
        return path

    def test_by_hand(self, tmp_path):
        """Field 4 of 18 bytes: field 1 a varint (300 = ac 02), field 2 three floats 1, -2, 0.5; accel 0, 0, 0."""
        floats = "0000803f 000000c0 0000003f"
        row = bytes.fromhex(f"22 1f 08 ac02 12 0c {floats} 22 0c 00000000 00000000 00000000")
        recording = read_imu(self.write(tmp_path, pb3.head(), row, row.replace(b"\xac\x02", b"\xad\x02")))
        assert recording.time_ns.tolist() == [300, 301]
        assert recording.gyro_rad_s.tolist() == [[1, -2, 0.5]] * 2
        assert recording.R_cam_imu.tolist() == [[1, 0, 0], [0, -1, 0], [0, 0, -1]]

    def test_drift_is_taken_off(self, tmp_path):
        rows = [pb3.imu(10**9 + k, (1, 2, 3), (4, 5, 6), (0.5, 0, 0), (0, 0.25, 0)) for k in range(2)]
        recording = read_imu(self.write(tmp_path, pb3.head(), *rows))
        assert recording.gyro_rad_s[0].tolist() == [0.5, 2, 3]
        assert recording.accel_m_s2[0].tolist() == [4, 4.75, 6]

    def test_floats_need_not_be_packed(self, tmp_path):
        row = pb3.block(
            4, pb3.integer(1, 10**9) + b"".join(pb3.real(2, v) for v in (1, 2, 3)) + pb3.reals(4, (0, 0, 9))
        )
        rows = row, pb3.imu(2 * 10**9, (1, 2, 3), (0, 0, 9))
        assert read_imu(self.write(tmp_path, pb3.head(), *rows)).gyro_rad_s.tolist() == [[1, 2, 3]] * 2

    def test_unknown_fields_are_passed_over(self, tmp_path):
        extra = pb3.integer(200, 5) + pb3.block(12, b"picture") + pb3.varint(9 << 3 | 1) + bytes(8)
        rows = [pb3.block(4, pb3.imu(k, (1, 2, 3), (0, 0, 9))[2:] + extra) for k in (1, 2)]
        assert len(read_imu(self.write(tmp_path, pb3.head(), *rows, pb3.block(9, b"later")), "video-imu-capture")) == 2

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            (pb3.block(4, pb3.integer(1, 5) + pb3.reals(2, (1, 2)) + pb3.reals(4, (1, 2, 3))), "three finite numbers"),
            (pb3.imu(5, (1, 2, np.nan), (1, 2, 3)), "three finite numbers"),
            (pb3.imu(2**63 - 1, (1, 2, 3), (1, 2, 3)), "a stamp in ns"),
            (pb3.imu(-(2**63), (1, 2, 3), (1, 2, 3)), "a stamp in ns"),
            (pb3.block(4, pb3.block(1, b"12") + pb3.imu(1, (1, 2, 3), (0, 0, 9))[4:]), "another type in field 1"),
            (pb3.block(4, pb3.block(2, b"12345")), "floats of four bytes"),
            (pb3.block(4, b"\x0c"), "expected a field"),
            (pb3.block(4, b"\x08" + b"\xff" * 11), "at most ten bytes"),
            (pb3.block(4, b"\x12\x09ab"), "end of the message"),
            (pb3.integer(4, 5), "expected a message"),
        ],
    )
    def test_broken_message(self, tmp_path, row, words):
        good = pb3.imu(1, (1, 2, 3), (0, 0, 9))
        start = len(pb3.head() + good)
        with pytest.raises(
            ImuError, match=rf"video_meta.pb3, byte \d+: .*{words}.*; the file is damaged there"
        ) as error:
            read_imu(self.write(tmp_path, pb3.head(), good, row, good), "video-imu-capture")
        named = int(str(error.value).split("byte ")[1].split(":")[0])
        assert start <= named < start + len(row)

    def test_only_frames(self, tmp_path):
        path = self.write(tmp_path, pb3.head(), pb3.camera(), pb3.frame(0, 10**9))
        assert claims(path) == ("video-imu-capture",)
        with pytest.raises(ImuError, match="expected IMU samples, got none"):
            read_imu(path)

    def test_frames_and_camera(self, tmp_path):
        shifts = ((10**9 + 1, 0.5, -1.5), (10**9 + 2, 0.75, 0.0))
        frames = pb3.frame(1, 2 * 10**9), pb3.frame(0, 10**9, 8_000_000, 20_000_000, 612.5, shifts)
        camera = pb3.camera((600, 601, 44.5, 79.5, 0), (0.1, 0.2, 0, 0, 0), (90, 160), 270, True, True, True, True)
        meta = read_meta(self.write(tmp_path, pb3.head(), pb3.camera(), camera, *frames))
        first, second = meta.frames
        assert (first.number, first.start_ns, first.exposure_ns, first.readout_ns) == (0, 10**9, 8_000_000, 20_000_000)
        assert first.focal_px == 612.5 and first.shifts == shifts and second.number == 1 and second.shifts == ()
        assert meta.camera.intrinsics == (600, 601, 44.5, 79.5, 0) and meta.camera.orientation_deg == 270
        assert meta.camera.size_px == (90, 160) and meta.camera.joined_clocks and meta.camera.corrected
        assert meta.camera.stabilised_optically and meta.camera.stabilised_digitally
        assert meta.notes == () and meta.offsets == ()

    def test_a_long_recording_reads_in_seconds(self, tmp_path):
        """One minute at 400 Hz in about 0.9 s on the build machine."""
        import time

        rows = [pb3.imu(k * 2_500_000 + 1, (0.1, 0.2, 0.3), (0, 9.8, 0)) for k in range(24_000)]
        path = self.write(tmp_path, pb3.head(), *rows)
        started = time.perf_counter()
        assert len(read_imu(path)) == 24_000
        assert time.perf_counter() - started < 5.0


def test_a_binary_reader_refuses_a_missing_file(tmp_path):
    for name in ("witmotion-binary", "video-imu-capture"):
        with pytest.raises(ImuError, match="got no such file"):
            read_imu(tmp_path / "none.bin", format=name)
