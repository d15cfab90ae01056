"""Every reader of the registry: round trip, only claim, tolerance, and one-line errors that name file and line."""

import re

import numpy as np
import pytest
from imu_logs import WRITERS, sample_log, shake

from gyrosharp.errors import ImuError
from gyrosharp.imu import claims, read_imu, readers

NAMES = sorted(readers())


def failing(path, name, line=None):
    """Read a broken log and return the message, which must be one line with the file, and the line if given."""
    with pytest.raises(ImuError) as caught:
        read_imu(path, format=name)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    assert "expected" in message and "got" in message and ";" in message
    if line is not None:
        assert f"line {line}:" in message
    return message


def test_every_reader_has_a_writer():
    assert sorted(WRITERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
class TestReader:
    def test_describes_itself(self, name):
        reader = readers()[name]
        assert name == reader.NAME
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert reader.DESCRIPTION and "\n" not in reader.DESCRIPTION
        assert all(extension.startswith(".") for extension in reader.EXTENSIONS)
        assert reader.GYRO_UNIT in ("rad/s", "deg/s")
        assert all(word in reader.__doc__ for word in ("Units:", "Axes:"))

    def test_round_trip(self, name, tmp_path):
        time, gyro, accel = shake()
        log = sample_log(name)
        path = log.write(tmp_path)
        assert claims(path) == (name,)
        recording = read_imu(path)
        assert np.array_equal(recording.time_ns, time)
        np.testing.assert_allclose(recording.gyro_rad_s, gyro, atol=1e-12)
        assert (recording.accel_m_s2 is not None) == log.has_accel
        if log.has_accel:
            np.testing.assert_allclose(recording.accel_m_s2, accel, atol=1e-12)
        assert recording.source == str(path)
        assert not [note for note in recording.notes if note.startswith("warning")]

    def test_tolerates_bom_crlf_blank_lines_and_trailing_blanks(self, name, tmp_path):
        log = sample_log(name)
        log.rows = [row + (" , " if "," in row else "  ") for row in log.rows]
        log.rows.insert(5, "")
        path = log.write(tmp_path, b"\xef\xbb\xbf" + (log.text("\r\n") + "\r\n\r\n").encode())
        recording = read_imu(path)
        assert np.array_equal(recording.time_ns, shake()[0])

    def test_tolerates_a_leading_blank_line(self, name, tmp_path):
        if name == "gyro-chart":
            return  # its first two lines are told by their place
        path = sample_log(name).write(tmp_path, "\n" + sample_log(name).text())
        assert len(read_imu(path)) == 60

    def test_drops_a_row_that_was_being_written(self, name, tmp_path):
        log = sample_log(name)
        log.rows[-1] = log.rows[-1][: len(log.rows[-1]) // 2].rstrip(" ,\t")
        recording = read_imu(log.write(tmp_path, log.text()[:-1]))
        assert len(recording) == 59
        assert any("cut" in note for note in recording.notes)

    def test_text_in_a_cell(self, name, tmp_path):
        log = sample_log(name)
        separator = next(s for s in ("\t", ",", " ") if s in log.rows[7])
        log.rows[7] = replace_cell(log.rows[7], separator, "oops")
        message = failing(log.write(tmp_path), name, log.line_of(7))
        assert "oops" in message

    @pytest.mark.parametrize("value", ["nan", "NaN", "inf"])
    def test_not_a_number(self, name, value, tmp_path):
        log = sample_log(name)
        separator = next(s for s in ("\t", ",", " ") if s in log.rows[7])
        log.rows[7] = replace_cell(log.rows[7], separator, value)
        assert value in failing(log.write(tmp_path), name, log.line_of(7))

    def test_short_row(self, name, tmp_path):
        log = sample_log(name)
        separator = next(s for s in ("\t", ",", " ") if s in log.rows[7])
        log.rows[7] = log.rows[7].rsplit(separator, 1)[0]
        assert "columns" in failing(log.write(tmp_path), name, log.line_of(7))

    def test_long_row(self, name, tmp_path):
        log = sample_log(name)
        separator = next(s for s in ("\t", ",", " ") if s in log.rows[7])
        log.rows[7] += separator + "1.5"
        assert "columns" in failing(log.write(tmp_path), name, log.line_of(7))

    def test_backwards_stamps(self, name, tmp_path):
        log = sample_log(name)
        log.rows[20], log.rows[30] = log.rows[30], log.rows[20]
        assert "increase" in failing(log.write(tmp_path), name, log.line_of(21))

    def test_one_sample(self, name, tmp_path):
        log = sample_log(name)
        log.rows = log.rows[:1]
        assert "at least 2" in failing(log.write(tmp_path), name)

    def test_another_formats_file(self, name, tmp_path):
        path = tmp_path / "notes.txt"
        path.write_text("shopping list\nmilk\nbread, butter\n")
        failing(path, name)

    def test_duplicate_stamps_are_averaged(self, name, tmp_path):
        log = sample_log(name)
        log.rows[10] = log.rows[9]
        recording = read_imu(log.write(tmp_path))
        assert np.array_equal(recording.time_ns, np.delete(shake()[0], 10))
        assert any(note.startswith("1 samples repeat") for note in recording.notes)

    def test_forced_unit(self, name, tmp_path):
        path = sample_log(name).write(tmp_path)
        gyro = read_imu(path).gyro_rad_s
        declared = readers()[name].GYRO_UNIT
        other = {"rad/s": "deg/s", "deg/s": "rad/s"}[declared]
        factor = np.pi / 180 if other == "deg/s" else 180 / np.pi
        np.testing.assert_array_equal(read_imu(path, gyro_unit=declared).gyro_rad_s, gyro)
        forced = read_imu(path, gyro_unit=other)
        np.testing.assert_allclose(forced.gyro_rad_s, gyro * factor, rtol=1e-12)
        assert any("on request" in note for note in forced.notes)


@pytest.mark.parametrize("name", [name for name in NAMES if sample_log(name).header])
def test_header_only(name, tmp_path):
    log = sample_log(name)
    log.rows = []
    failing(log.write(tmp_path), name)


def replace_cell(row, separator, value):
    """Replace the cell of a gyro rate: which one that is follows from the number of columns."""
    parts = row.split(separator)
    column = {4: 2, 5: 3, 7: 3, 9: 6}[len(parts)]
    parts[column] = value
    return separator.join(parts)
