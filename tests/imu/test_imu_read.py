"""read_imu: finding the format, ambiguity, bad files, forced units; and the table module below it."""

import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imu_logs import WRITERS, gyroblur, mars, sample_log, shake

from gyrosharp.errors import ImuError, UsageError
from gyrosharp.imu import claims, read_imu, readers
from gyrosharp.imu.readers._table import Columns, data_rows, interpolated, parse_columns, read_text, stamps_ns


class TestFinding:
    def test_two_claims(self, tmp_path, monkeypatch):
        fake = SimpleNamespace(NAME="fake", GYRO_UNIT="rad/s", sniff=lambda *_: True)
        both = {**readers(), "fake": fake}
        monkeypatch.setitem(read_imu.__globals__, "readers", lambda: both)
        path = sample_log("mars").write(tmp_path)
        with pytest.raises(ImuError, match=r"looks like mars and fake; say which with --imu-format NAME"):
            read_imu(path)
        assert len(read_imu(path, format="mars")) == 60

    def test_no_claim_lists_the_formats(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("hello,world\n1,2\n")
        with pytest.raises(ImuError, match=r"known format \(betaflight, deepgyro, euroc, gcsv, .*--imu-format NAME"):
            read_imu(path)

    def test_a_name_that_does_not_say_gyro(self, tmp_path):
        path = sample_log("sensor-logger").write(tmp_path).rename(tmp_path / "Accelerometer.csv")
        with pytest.raises(ImuError, match=r"table of sensor-logger for any sensor, .*--imu-format sensor-logger$"):
            read_imu(path)
        assert len(read_imu(path, format="sensor-logger")) == 60

    def test_unknown_format_lists_the_formats(self, tmp_path):
        with pytest.raises(
            UsageError, match=r"imu format: expected one of betaflight, deepgyro, euroc, gcsv, .*got 'gpx'"
        ):
            read_imu(tmp_path / "a.csv", format="gpx")

    def test_unknown_unit(self, tmp_path):
        with pytest.raises(UsageError, match="gyro unit: expected rad/s or deg/s, got 'rpm'"):
            read_imu(tmp_path / "a.csv", gyro_unit="rpm")

    def test_accelerometer_files_are_not_taken_for_gyros(self, tmp_path):
        others = {"opencamera": "VID_1accel.csv", "ios-logger": "Accel.txt", "tyrex": "accelerometer.txt"}
        for name, other in others.items():
            log = sample_log(name)
            (tmp_path / other).write_text(log.text())
            assert claims(tmp_path / other) == ()

    def test_a_log_with_broken_rows_is_still_claimed(self, tmp_path):
        log = sample_log("gyroblur")
        log.rows[3] = "garbage"
        with pytest.raises(ImuError, match=r"gyro_train.txt, line 4: expected 4 columns, got 1"):
            read_imu(log.write(tmp_path))


class TestBadFiles:
    @pytest.mark.parametrize("named", [None, "gcsv"])
    def test_missing(self, tmp_path, named):
        with pytest.raises(ImuError, match=r"none.gcsv: expected an IMU log, got no such file"):
            read_imu(tmp_path / "none.gcsv", format=named)

    def test_folder(self, tmp_path):
        with pytest.raises(ImuError, match="got a folder"):
            read_imu(tmp_path)

    @pytest.mark.parametrize("data", [b"", b"\n \n"])
    def test_empty(self, tmp_path, data):
        (tmp_path / "a.csv").write_bytes(data)
        with pytest.raises(ImuError, match="got an empty file"):
            read_imu(tmp_path / "a.csv")

    def test_binary(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes(bytes(range(256)) * 20)
        assert claims(path) == ()
        with pytest.raises(
            ImuError, match=r"got binary data that is none of .*witmotion-binary; export the log as text"
        ):
            read_imu(path)
        with pytest.raises(ImuError, match="expected a text log, got binary data"):
            read_imu(path, format="mars")

    def test_text_readers_never_see_binary_heads(self, tmp_path, monkeypatch):
        seen = []
        text = SimpleNamespace(NAME="text", sniff=lambda head, _: seen.append(head))
        binary = SimpleNamespace(NAME="binary", sniff_bytes=lambda head, _: seen.append(head) is None)
        monkeypatch.setitem(claims.__globals__, "readers", lambda: {"binary": binary, "text": text})
        path = tmp_path / "a.dat"
        path.write_bytes(b"\0ab")
        assert claims(path) == ("binary",) and seen == [b"\0ab"]
        path.write_bytes(b"ab\n")
        assert claims(path) == ("binary",) and seen[1:] == [b"ab\n", "ab\n"]

    def test_unreadable(self, tmp_path, monkeypatch):
        def refuse(*_args, **_kwargs):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(ImuError, match="got 'Permission denied'; check the permissions"):
            read_imu(tmp_path / "a.csv")

    def test_latin_text_is_read(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"\xff \x80\n1\n")
        assert read_text(tmp_path / "a.txt").endswith("\n1\n")

    @given(data=st.binary(max_size=400))
    def test_never_a_traceback(self, data, tmp_path_factory):
        path = tmp_path_factory.mktemp("fuzz") / "gyro.txt"
        for start in (b"", b"GYROFLOW IMU LOG\nt,gx,gy,gz\n", b"timestamp,omega_x,omega_y,omega_z\n"):
            path.write_bytes(start + data)
            try:
                read_imu(path)
            except ImuError as error:
                assert "\n" not in str(error)

    @given(
        name=st.sampled_from(sorted(WRITERS)),
        row=st.integers(0, 9),
        line=st.text(alphabet="0123456789.,-+eE \tnaif_:xyz", max_size=40),
    )
    def test_any_line_may_be_broken(self, name, row, line, tmp_path_factory):
        log = sample_log(name, 10)
        log.rows[row] = line
        try:
            read_imu(log.write(tmp_path_factory.mktemp("fuzz")), format=name)
        except ImuError as error:
            assert "\n" not in str(error)


class TestTable:
    def rows(self, text, delimiter=",", width=3):
        return data_rows(Path("log.csv"), text, 0, delimiter, width)

    def test_line_numbers_count_blank_lines(self):
        assert self.rows("1,2,3\n\n4,5,6\n").numbers == [1, 3]

    def test_whole_ticks_are_integers_others_are_floats(self):
        assert parse_columns(self.rows("1,2,3\n2,5,6\n"), 0, (1, 2)).ticks.dtype == np.int64
        assert parse_columns(self.rows("1,2,3\n2.5,5,6\n"), 0, (1, 2)).ticks.dtype == np.float64

    def test_empty_cell(self):
        with pytest.raises(ImuError, match="line 2: expected a number in column 2, got an empty cell"):
            parse_columns(self.rows("1,2,3\n4,,6\n"), 0, (1, 2))

    @pytest.mark.parametrize("cell", ["1_0", "0x10", "1d5", "--1", "1,5"])
    def test_what_python_or_excel_would_take(self, cell):
        with pytest.raises(ImuError, match="line 2"):
            parse_columns(self.rows(f"1,2,3\n4,{cell},6\n"), 0, (1, 2))

    def test_overflowing_stamp(self):
        with pytest.raises(ImuError, match="line 2: expected a stamp"):
            stamps_ns(parse_columns(self.rows("1,2,3\n99999999999999999999,5,6\n"), 0, (1, 2)), Fraction(1))

    def test_last_cell_cut_after_the_sign(self):
        columns = parse_columns(self.rows("1,2,3\n4,5,6\n7,8,-"), 0, (1, 2))
        assert columns.ticks.tolist() == [1, 4]
        assert "line 3 is not finished" in columns.notes[0]

    def test_a_full_last_row_without_a_line_end_is_kept(self):
        assert parse_columns(self.rows("1,2,3\n4,5,6"), 0, (1, 2)).ticks.tolist() == [1, 4]

    def test_text_in_a_full_last_row_is_not_a_cut(self):
        with pytest.raises(ImuError, match="line 2: expected a number in column 3, got 'oops'"):
            parse_columns(self.rows("1,2,3\n4,5,oops"), 0, (1, 2))

    @given(
        start=st.integers(0, 4 * 10**18),
        steps=st.lists(st.integers(1, 10**9), min_size=1, max_size=20),
    )
    def test_nanoseconds_survive(self, start, steps):
        stamps = [start, *(start + np.cumsum(steps)).tolist()]
        columns = parse_columns(self.rows("".join(f"{t},1,2\n" for t in stamps)), 0, (1, 2))
        assert stamps_ns(columns, Fraction(1)).tolist() == stamps

    @given(start=st.integers(0, 10**12), count=st.integers(2, 50), rate=st.integers(1, 100_000))
    def test_scaled_ticks_are_rounded_to_the_nanosecond(self, start, count, rate):
        ticks = start + np.arange(count, dtype=np.int64)
        scale = Fraction(10**9, rate)
        if (start + count) * scale > 2**62:
            return
        columns = Columns(Path("x"), ticks, np.zeros((count, 3)), np.arange(count))
        exact = [int(t) * scale for t in ticks]
        assert max(abs(int(got) - want) for got, want in zip(stamps_ns(columns, scale), exact, strict=True)) <= 1

    def test_interpolation_needs_overlap(self):
        times = np.array([0, 10], dtype=np.int64)
        values = np.ones((2, 3))
        assert interpolated(times, times + 11, values) is None
        assert interpolated(times, times[:1], values[:1]) is None
        np.testing.assert_array_equal(interpolated(times, times + 5, values), values)


def test_a_long_log_loads_fast(tmp_path):
    time_ns, gyro, accel = shake(200_000)
    path = mars(time_ns, gyro, accel).write(tmp_path)
    started = time.perf_counter()
    recording = read_imu(path)
    seconds = time.perf_counter() - started
    assert len(recording) == 200_000
    # About 0.35 s on the build machine; a Python loop over cells takes several.
    assert seconds < 2.0


def test_units_are_told_apart(tmp_path):
    time_ns, gyro, _ = shake(400)
    path = gyroblur(time_ns, np.degrees(gyro), None).write(tmp_path)
    note = read_imu(path).notes[-1]
    assert note.startswith("warning: rates look like deg/s")
    forced = read_imu(path, gyro_unit="deg/s")
    np.testing.assert_allclose(forced.gyro_rad_s, gyro)
    assert not any("look like" in note for note in forced.notes)


def test_converted_units_are_noted(tmp_path):
    """A log in deg/s by its format's word is converted, which the notes say."""
    recording = read_imu(sample_log("vmu931").write(tmp_path))
    assert "rates converted from deg/s, the unit of this format" in recording.notes
    forced = read_imu(recording.source, gyro_unit="deg/s")
    assert not any("converted" in note for note in forced.notes)
    np.testing.assert_array_equal(recording.gyro_rad_s, forced.gyro_rad_s)


class TestSensorLogger:
    """Its columns are known by their names: the app's versions order them differently."""

    START_NS = 1_700_000_000_000_000_001

    @pytest.mark.parametrize("quote", ["", '"'])
    @pytest.mark.parametrize("order", ["time,seconds_elapsed,z,y,x", "seconds_elapsed,time,x,y,z"])
    def test_order_and_quotes(self, order, quote, tmp_path):
        """Stamps stay exact: as floats, they would be rounded to 256 ns."""
        names = order.split(",")
        values = {"seconds_elapsed": "0.01", "x": "0.1", "y": "0.2", "z": "0.3"}
        rows = [{**values, "time": str(self.START_NS + k * 10_000_001)} for k in range(5)]
        table = [names, *([row[name] for name in names] for row in rows)]
        path = tmp_path / "Gyroscope.csv"
        path.write_text("".join(",".join(f"{quote}{cell}{quote}" for cell in line) + "\n" for line in table))
        log = read_imu(path)
        assert log.time_ns.tolist() == [self.START_NS + k * 10_000_001 for k in range(5)]
        assert log.gyro_rad_s[0].tolist() == [0.1, 0.2, 0.3]

    def test_no_time(self, tmp_path):
        path = tmp_path / "Gyroscope.csv"
        path.write_text("seconds_elapsed,x,y,z\n0.0,1,2,3\n")
        with pytest.raises(ImuError, match=r"line 1: expected a column time, got 'seconds_elapsed,x,y,z'; check"):
            read_imu(path, format="sensor-logger")

    @pytest.mark.parametrize(("tick_ns", "warned"), [(10_000_000, False), (10, True), (2 * 10**9, True)])
    def test_stamps_in_another_unit_are_warned_of(self, tick_ns, warned, tmp_path):
        path = tmp_path / "Gyroscope.csv"
        rows = [f"{self.START_NS + k * tick_ns},0,0.3,0.2,0.{k}" for k in range(5)]
        path.write_text("\n".join(["time,seconds_elapsed,z,y,x", *rows, ""]))
        assert any("no gyro's rate" in note for note in read_imu(path).notes) == warned
