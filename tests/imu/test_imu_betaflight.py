"""Blackbox logs as CSV: both programs' headers, units by name or by settings, and what is refused."""

import numpy as np
import pytest

from gyrosharp.errors import ImuError
from gyrosharp.imu import claims, read_imu

DEG, G = np.pi / 180, 9.80665


def names(rotation="", acceleration="", time=" (us)", gap=", "):
    gyro = [f"gyroADC[{k}]{rotation}" for k in range(3)]
    accel = [f"accSmooth[{k}]{acceleration}" for k in range(3)]
    return gap.join(["loopIteration", f"time{time}", *gyro, *accel, "flightModeFlags (flags)"]) + "\n"


ROWS = "1, 1000, 90, -90, 45, 0, 2048, 0, 0\n2, 2000, 90, -90, 45, 0, 2048, 0, ANGLE|ARM\n"


def read(folder, text, **options):
    path = folder / "LOG00001.01.csv"
    path.write_text(text)
    return read_imu(path, **options)


@pytest.mark.parametrize(("unit", "scale"), [(" (deg/s)", DEG), (" (rad/s)", 1.0), ("", DEG)])
def test_rates(tmp_path, unit, scale):
    recording = read(tmp_path, names(unit) + ROWS, gyro_unit=None)
    np.testing.assert_allclose(recording.gyro_rad_s, np.array([[90, -90, 45]] * 2) * scale)
    assert recording.time_ns.tolist() == [1_000_000, 2_000_000]
    assert recording.accel_m_s2 is None and recording.R_cam_imu is None
    assert any("no unit" in note for note in recording.notes) == (unit == "")
    assert any("rates are in rad/s" in note for note in recording.notes) == ("rad" in unit)


@pytest.mark.parametrize(("unit", "scale"), [(" (g)", G), (" (m/s/s)", 1.0), (" (m/s2)", 1.0)])
def test_accelerations_with_a_unit(tmp_path, unit, scale):
    recording = read(tmp_path, names(" (deg/s)", unit) + ROWS)
    np.testing.assert_allclose(recording.accel_m_s2[0], [0, 2048 * scale, 0])


@pytest.mark.parametrize(("unit", "step_ns"), [(" (us)", 1000), (" (ms)", 10**6), (" (s)", 10**9), ("", 1000)])
def test_time(tmp_path, unit, step_ns):
    assert np.diff(read(tmp_path, names(time=unit) + ROWS).time_ns).tolist() == [1000 * step_ns]


class TestBlackboxExplorer:
    SETTINGS = (
        '"frameIntervalI",32\n"frameIntervalPNum",1\n"rates","70,70,70"\n"acc_1G",2048\n'
        '"gyroScale",1.7453292519943296e-8\n"blackbox_high_resolution",{}\n'
    )

    def text(self, high_resolution=0, padding=0):
        settings = self.SETTINGS.format(high_resolution) + '"padding","some long text"\n' * padding
        header = names(time="", gap=",").replace("flightModeFlags (flags)", "flightModeFlags")
        quoted = ",".join(f'"{name}"' for name in header.strip().split(","))
        return settings + quoted + "\n" + ROWS.replace(" ", "").replace("ANGLE|ARM", "NaN")

    @pytest.mark.parametrize(("high_resolution", "scale"), [(0, DEG), (1, DEG / 10)])
    def test_settings_give_the_units(self, tmp_path, high_resolution, scale):
        """gyroScale is in rad/us: 1.745e-8 is one deg/s per step. In high resolution a step is a tenth of that."""
        recording = read(tmp_path, self.text(high_resolution))
        np.testing.assert_allclose(recording.gyro_rad_s[0], np.array([90, -90, 45]) * scale, rtol=1e-12)
        np.testing.assert_allclose(recording.accel_m_s2[0], [0, G, 0])
        assert recording.time_ns.tolist() == [1_000_000, 2_000_000]
        assert not any("no unit" in note for note in recording.notes)

    def test_more_settings_than_the_head_holds(self, tmp_path):
        recording = read(tmp_path, self.text(padding=300))
        assert claims(recording.source) == ("betaflight",) and len(recording) == 2

    def test_line_numbers_count_the_settings(self, tmp_path):
        with pytest.raises(ImuError, match="line 9: expected a finite number in column 4, got 'NaN'"):
            read(tmp_path, self.text().replace("2,2000,90,-90", "2,2000,90,NaN"))


def test_empty_cells_before_the_first_fix(tmp_path):
    header = names(" (deg/s)").strip() + ", GPS_numSat, GPS_altitude\n"
    rows = "".join(line + ", , \n" for line in ROWS.splitlines())
    assert len(read(tmp_path, header + rows)) == 2


def test_without_a_header(tmp_path):
    with pytest.raises(ImuError, match=r"expected columns time and gyroADC\[0\] to gyroADC\[2\], got none"):
        read(tmp_path, "loopIteration, time (us), motor[0]\n1, 2, 3\n", format="betaflight")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (names(" (furlongs)"), r"line 1: expected rates in deg/s or rad/s, got 'furlongs'"),
        (names(time=" (h)"), r"line 1: expected time in us, ms or s, got 'h'"),
    ],
)
def test_unknown_units(tmp_path, header, words):
    with pytest.raises(ImuError, match=words):
        read(tmp_path, header + ROWS)
