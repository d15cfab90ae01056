"""Every reader of the registry: round trip, only claim, tolerance, and one-line errors that name file and line.

Binary formats have their own half, `TestBinaryReader`: errors name the byte.
"""

import re

import numpy as np
import pytest
from imu_binary_logs import BINARY_WRITERS, CLOCK_ZERO_NS, sample_binary_log
from imu_logs import WRITERS, sample_log, shake

from gyrosharp.errors import ImuError
from gyrosharp.imu import claims, read_imu, readers

BINARY_NAMES = sorted(name for name, reader in readers().items() if hasattr(reader, "sniff_bytes"))
NAMES = sorted(set(readers()) - set(BINARY_NAMES))


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
    assert sorted(BINARY_WRITERS) == BINARY_NAMES


@pytest.mark.parametrize("name", sorted(readers()))
def test_describes_itself(name):
    reader = readers()[name]
    assert name == reader.NAME
    assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
    for line in (reader.DESCRIPTION, reader.DEVICES):
        assert line and not re.search(r"[\n|]", line)
    assert all(extension.startswith(".") for extension in reader.EXTENSIONS)
    assert reader.GYRO_UNIT in ("rad/s", "deg/s")
    assert all(word in reader.__doc__ for word in ("Units:", "Axes:"))
    assert hasattr(reader, "sniff") != hasattr(reader, "sniff_bytes")


@pytest.mark.parametrize("name", NAMES)
class TestReader:
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

    def test_cut_anywhere_in_the_last_rows(self, name, tmp_path):
        """Wherever the logger was stopped, the rows before are there."""
        log = sample_log(name, 10)
        text = log.text().rstrip("\n")
        whole = sum(len(line) + 1 for line in [*log.header, *log.rows[:-2]])
        for size in range(whole, len(text)):
            count = 8 + (text[whole:size].count("\n"))
            assert count <= len(read_imu(log.write(tmp_path, text[:size]))) <= count + 1

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


@pytest.mark.parametrize("name", BINARY_NAMES)
class TestBinaryReader:
    def test_round_trip(self, name, tmp_path):
        time, gyro, accel = shake()
        log = sample_binary_log(name)
        path = log.write(tmp_path)
        assert claims(path) == (name,)
        recording = read_imu(path)
        if log.payload_clock:
            np.testing.assert_allclose(recording.time_ns - recording.time_ns[0], time - time[0], atol=1000)
        else:
            assert np.array_equal(recording.time_ns, time + CLOCK_ZERO_NS.get(name, 0))
        np.testing.assert_allclose(recording.gyro_rad_s, gyro, atol=0.5001 * log.step_rad_s)
        np.testing.assert_allclose(recording.accel_m_s2, accel, atol=0.5001 * log.step_m_s2)
        assert recording.source == str(path)
        assert not [note for note in recording.notes if note.startswith("warning")]

    def test_cut_anywhere(self, name, tmp_path):
        """What is left of a log has its whole samples; two at least, or one line says that they are too few."""
        log = sample_binary_log(name, 6)
        whole = np.cumsum([len(log.head), *map(len, log.rounds)])
        for size in range(len(log.data())):
            path = log.write(tmp_path, log.data()[:size])
            samples = int((whole[1:] <= size).sum()) * log.samples_each
            if samples < 2 * log.samples_each:
                failing_or_short(path, name)
            else:
                assert samples <= len(read_imu(path, format=name)) <= samples + log.samples_each
        assert any(re.search("cut|missing|ends", note) for note in read_imu(path, format=name).notes)

    def test_flipped_bits(self, name, tmp_path):
        """Damage gives the log (perhaps with notes), or one line; never anything else."""
        log, rng = sample_binary_log(name, 12), np.random.default_rng(1)
        for _ in range(300):
            data = bytearray(log.data())
            for position in rng.integers(0, len(data), size=3):
                data[position] ^= 1 << rng.integers(0, 8)
            failing_or_short(log.write(tmp_path, bytes(data)), name)

    def test_backwards_stamps(self, name, tmp_path):
        log = sample_binary_log(name)
        log.rounds[20], log.rounds[25] = log.rounds[25], log.rounds[20]
        if log.payload_clock:
            failing_or_short(log.write(tmp_path), name)
            return
        message = failing(log.write(tmp_path), name)
        start = len(log.head) + sum(len(part) for part in log.rounds[:21])
        named = int(re.search(r", byte (\d+):", message)[1])
        assert start <= named < start + len(log.rounds[21])
        assert "increase" in message

    def test_another_formats_file(self, name, tmp_path):
        path = tmp_path / "notes.txt"
        path.write_text("shopping list\nmilk\nbread, butter\n" * 20)
        failing(path, name)
        assert claims(path) == ()

    def test_no_samples(self, name, tmp_path):
        log = sample_binary_log(name)
        log.head, log.rounds = log.head or b"\0", []
        failing(log.write(tmp_path), name)

    def test_forced_unit(self, name, tmp_path):
        path = sample_binary_log(name).write(tmp_path)
        declared = readers()[name].GYRO_UNIT
        other = {"rad/s": "deg/s", "deg/s": "rad/s"}[declared]
        factor = np.pi / 180 if other == "deg/s" else 180 / np.pi
        expected = read_imu(path, gyro_unit=declared).gyro_rad_s * factor
        np.testing.assert_allclose(read_imu(path, gyro_unit=other).gyro_rad_s, expected, rtol=1e-12)


def failing_or_short(path, name):
    """Read a log that may be broken: a recording, or one line."""
    try:
        read_imu(path, format=name)
    except ImuError as error:
        assert "\n" not in str(error) and path.name in str(error)


@pytest.mark.parametrize("name", [name for name in NAMES if sample_log(name).header])
def test_header_only(name, tmp_path):
    log = sample_log(name)
    log.rows = []
    failing(log.write(tmp_path), name)


def replace_cell(row, separator, value):
    """Replace the cell of a gyro rate: which one that is follows from the number of columns."""
    parts = row.split(separator)
    column = {4: 2, 5: 3, 7: 3, 9: 6, 10: 5}[len(parts)]
    parts[column] = value
    return separator.join(parts)
