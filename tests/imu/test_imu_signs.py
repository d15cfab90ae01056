"""One hand-worked sign test per reader: which column becomes which axis, in which unit.

A pure yaw of the phone, upright, about its y axis (up): the top of the phone stays, the phone turns to its left. Rates
are written by hand as the app writes them; 90 deg/s is pi/2 rad/s.
"""

import numpy as np
import pytest

from gyrosharp.errors import ImuError
from gyrosharp.imu import parse_axes, read_imu

# name: (file name, text with two samples of the rates (1, 2, 3) in the file's own unit, expected rates in rad/s)
DEG = np.pi / 180
CASES = {
    "betaflight": (
        "LOG.csv",
        "loopIteration, time (us), gyroADC[0] (deg/s), gyroADC[1] (deg/s), gyroADC[2] (deg/s)\n"
        "1, 1000, 90, -90, 180\n2, 2000, 90, -90, 180\n",
        (90 * DEG, -90 * DEG, 180 * DEG),
    ),
    "deepgyro": ("imu.txt", "1 1000000000 0 9.8 0\n4 1000000000 1 2 3\n4 1010000000 1 2 3\n", (1, 2, 3)),
    "euroc": (
        "data.csv",
        "#timestamp [ns],w_RS_S_x [rad s^-1],w_RS_S_y [rad s^-1],w_RS_S_z [rad s^-1],"
        "a_RS_S_x [m s^-2],a_RS_S_y [m s^-2],a_RS_S_z [m s^-2]\n"
        "1403636579758555392,1,2,3,4,5,6\n1403636579763555584,1,2,3,4,5,6\n",
        (1, 2, 3),
    ),
    # Kalibr's spelling, accelerations first: columns go by name.
    "kalibr": (
        "imu0.csv",
        "timestamp,alpha_x,alpha_y,alpha_z,omega_x,omega_y,omega_z\n"
        "1403636579758555392,4,5,6,1,2,3\n1403636579763555584,4,5,6,1,2,3\n",
        (1, 2, 3),
    ),
    # YxZ: output x is input y, output y is minus input x.
    "gcsv": (
        "a.gcsv",
        "GYROFLOW IMU LOG\nversion,1.3\nid,x\norientation,YxZ\ntscale,0.001\ngscale,0.5\nascale,1\n"
        "t,gx,gy,gz\n0,2,4,6\n1,2,4,6\n",
        (2, -1, 3),
    ),
    "gyroblur": ("gyro.txt", "250285705039633\t1\t2\t3\n250285709797133\t1\t2\t3\n", (1, 2, 3)),
    "gyro-chart": ("giro_data.txt", "2\n683163086\n0 1 2 3\n10833740 1 2 3\n\ncapture timestamp 1\n", (1, 2, 3)),
    "gyro-dump": (
        "gyro_dump.txt",
        "SOF  4328040426246,  frameNum :1 exp time 0.005248\nframeid:1 gyro:0 x 1 y 2 z 3 ts 4328040426741\n"
        "frameid:1 gyro:1 x 1 y 2 z 3 ts 4328040429167\n",
        (1, 2, 3),
    ),
    "ios-logger": ("Gyro.txt", "1627530745.150090,1,2,3\n1627530745.160098,1,2,3\n", (1, 2, 3)),
    "mars": (
        "gyro_accel.csv",
        "Timestamp[nanosec], gx[rad/s], gy[rad/s], gz[rad/s], ax[m/s^2], ay[m/s^2], az[m/s^2],Unix time[nanosec]\n"
        "1560489219555,1,2,3,4,5,6,1663406447940000000\n1560491228826,1,2,3,4,5,6,1663406447948000000\n",
        (1, 2, 3),
    ),
    "opencamera": ("VID_gyro.csv", "1,2,3,1022762243656494\n1,2,3,1022762246114307\n", (1, 2, 3)),
    "phyphox": ("Gyroscope.csv", '"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"\n1E-3,1,2,3\n2E-3,1,2,3\n', (1, 2, 3)),
    "sensor-logger": (
        "Gyroscope.csv",
        "time,seconds_elapsed,z,y,x\n1691674007031772000,0.03,3,2,1\n1691674007041816800,0.04,3,2,1\n",
        (1, 2, 3),
    ),
    "tyrex": ("gyroscope.txt", "0.501474412 1 2 3\n0.506509812 1 2 3\n", (1, 2, 3)),
    "vmu931": (
        "g.csv",
        "gyroscope,411480,90,-90,180\ngyroscope,411484,90,-90,180\n",
        (90 * DEG, -90 * DEG, 180 * DEG),
    ),
    "witmotion": (
        "w.txt",
        "Time(s)\tax(g)\tay(g)\taz(g)\twx(deg/s)\twy(deg/s)\twz(deg/s)\tAngleX(deg)\n"
        "12:30:15.25\t0\t1\t0\t90\t-90\t180\t0\n12:30:15.26\t0\t1\t0\t90\t-90\t180\t0\n",
        (90 * DEG, -90 * DEG, 180 * DEG),
    ),
    "xio": (
        "sensor_data.csv",
        "Time (s),Gyroscope X (deg/s),Gyroscope Y (deg/s),Gyroscope Z (deg/s),Accelerometer X (g),Accelerometer Y (g),"
        "Accelerometer Z (g)\n0,90,-90,180,0,1,0\n0.01,90,-90,180,0,1,0\n",
        (90 * DEG, -90 * DEG, 180 * DEG),
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_columns_axes_and_units(name, tmp_path):
    file_name, text, expected = CASES[name]
    path = tmp_path / file_name
    path.write_text(text)
    np.testing.assert_allclose(read_imu(path).gyro_rad_s, [expected, expected], rtol=1e-14)


@pytest.mark.parametrize(("separator", "point"), [("\t", "."), (";", "."), ("\t", ","), (";", ",")])
def test_phyphox_exports(tmp_path, separator, point):
    rows = [['"Time (s)"', '"X (rad/s)"', '"Y (rad/s)"', '"Z (rad/s)"'], ["0.25", "1.5", "-2E-1", "3"]]
    rows.append(["0.5", *rows[1][1:]])
    path = tmp_path / "Gyroscope.csv"
    path.write_text("".join(separator.join(cells).replace(".", point) + "\n" for cells in rows))
    recording = read_imu(path)
    assert recording.time_ns.tolist() == [250_000_000, 500_000_000]
    assert recording.gyro_rad_s.tolist() == [[1.5, -0.2, 3.0]] * 2


# Column order as one system writes it; the columns go by name, so any order is the same.
@pytest.mark.parametrize("order", ["zyx", "xyz", "yzx"])
def test_sensor_logger_columns_go_by_name(tmp_path, order):
    values = {"x": "1", "y": "2", "z": "3"}
    rows = [f"169167400703177{k}000,0.0{k}," + ",".join(values[axis] for axis in order) for k in (1, 2)]
    path = tmp_path / "Gyroscope.csv"
    path.write_text("\n".join(["time,seconds_elapsed," + ",".join(order), *rows, ""]))
    recording = read_imu(path)
    assert recording.gyro_rad_s.tolist() == [[1, 2, 3]] * 2
    assert recording.time_ns.tolist() == [1691674007031771000, 1691674007031772000]


def test_a_stamp_at_the_end_of_the_last_row_may_be_cut(tmp_path):
    """The logger was killed while writing a stamp: what is there is a number, but hundreds of years too early."""
    path = tmp_path / "VID_gyro.csv"
    path.write_text("1,2,3,1022762243656494\n1,2,3,1022762246114307\n1,2,3,10227622")
    recording = read_imu(path)
    assert len(recording) == 2 and any("line 3 is not finished" in note for note in recording.notes)


def test_stamps_of_whole_nanoseconds_are_exact(tmp_path):
    # 1403636579758555392 has no exact neighbour in float64 within 256 ns: one more nanosecond must survive.
    path = tmp_path / "data.csv"
    path.write_text(CASES["kalibr"][1].replace("8555392", "8555393"))
    assert read_imu(path).time_ns.tolist() == [1403636579758555393, 1403636579763555584]


class TestGcsv:
    HEAD = "GYROFLOW IMU LOG\nversion,1.3\nid,x\norientation,XYZ\n"

    def read(self, folder, header="", rows="0,1,2,3\n1,1,2,3\n", head=HEAD, columns="t,gx,gy,gz"):
        path = folder / "a.gcsv"
        path.write_text(f"{head}{header}{columns}\n{rows}")
        return read_imu(path)

    @pytest.mark.parametrize(
        ("tscale", "rows", "stamps"),
        [
            ("0.001", "0,1,2,3\n1,1,2,3\n", [0, 1_000_000]),
            ("1e-6", "1686840000123457,1,2,3\n1686840000124457,1,2,3\n", [1686840000123457000, 1686840000124457000]),
            (
                "0.000000001",
                "1403636579758555393,1,2,3\n1403636579758555395,1,2,3\n",
                [1403636579758555393, 1403636579758555395],
            ),
            ("1", "0.5,1,2,3\n0.75,1,2,3\n", [500_000_000, 750_000_000]),
            # A clock of 32768 Hz: 30517.578125 ns per tick.
            ("0.000030517578125", "32768,1,2,3\n32769,1,2,3\n", [1_000_000_000, 1_000_030_518]),
        ],
    )
    def test_time_scale(self, tmp_path, tscale, rows, stamps):
        assert self.read(tmp_path, f"tscale,{tscale}\n", rows).time_ns.tolist() == stamps

    def test_default_scales(self, tmp_path):
        recording = self.read(tmp_path)
        assert recording.time_ns.tolist() == [0, 1_000_000]
        assert recording.gyro_rad_s.tolist() == [[1, 2, 3]] * 2

    def test_time_column_may_be_called_time(self, tmp_path):
        assert len(self.read(tmp_path, columns="time,gx,gy,gz")) == 2

    def test_accelerometer_follows_the_letters_in_g(self, tmp_path):
        head = self.HEAD.replace("XYZ", "zXy")
        recording = self.read(
            tmp_path, "ascale,0.5\n", "0,1,2,3,2,4,6,9,9,9\n1,1,2,3,2,4,6,9,9,9\n", head, "t,gx,gy,gz,ax,ay,az,mx,my,mz"
        )
        np.testing.assert_allclose(recording.accel_m_s2[0], np.array([-3, 1, -2]) * 9.80665)
        np.testing.assert_allclose(recording.gyro_rad_s[0], [-3, 1, -2])

    def test_frame_is_gyroflows(self, tmp_path):
        # With letters XYZ, g[0] is the rate about the camera's up axis: up is -y in camera axes.
        recording = self.read(tmp_path, rows="0,1,0,0\n1,1,0,0\n")
        assert (recording.R_cam_imu @ recording.gyro_rad_s[0]).tolist() == [0, -1, 0]
        np.testing.assert_array_equal(recording.R_cam_imu, parse_axes("gyroflow"))

    def test_without_letters_axes_are_unknown(self, tmp_path):
        recording = self.read(tmp_path, head="CAMERA IMU LOG\nversion,1.0\nid,x\n")
        assert recording.R_cam_imu is None
        assert any("no orientation" in note for note in recording.notes)

    def test_mirroring_letters_are_noted(self, tmp_path):
        recording = self.read(tmp_path, head=self.HEAD.replace("XYZ", "xzY"))
        assert recording.gyro_rad_s[0].tolist() == [-1, -3, 2]
        assert any("left-handed" in note for note in recording.notes)

    @pytest.mark.parametrize(
        ("header", "shutter"),
        [
            ("", "rolling_top_to_bottom"),
            ("frame_readout_direction,0\n", "rolling_top_to_bottom"),
            ("frame_readout_direction,1\n", "rolling_bottom_to_top"),
            ("frame_readout_direction,2\n", "rolling_left_to_right"),
            ("frame_readout_direction,3\n", "rolling_right_to_left"),
            ("frame_readout_direction,BottomToTop\n", "rolling_bottom_to_top"),
        ],
    )
    def test_frame_hints(self, tmp_path, header, shutter):
        hints = self.read(tmp_path, f"frame_readout_time,15.25\nfps,29.97\n{header}").frame_hints
        assert hints.readout_s == pytest.approx(0.01525)
        assert hints.shutter == shutter
        assert hints.frame_rate_hz == 29.97

    def test_negative_readout_turns_the_direction(self, tmp_path):
        hints = self.read(tmp_path, "frame_readout_time,-15\n").frame_hints
        assert (hints.readout_s, hints.shutter) == (pytest.approx(0.015), "rolling_bottom_to_top")

    def test_no_frame_lines_no_hints(self, tmp_path):
        hints = self.read(tmp_path).frame_hints
        assert (hints.readout_s, hints.shutter, hints.frame_rate_hz) == (None, None, None)

    def test_readout_does_not_move_stamps(self, tmp_path):
        assert self.read(tmp_path, "frame_readout_time,15\n").time_ns.tolist() == [0, 1_000_000]

    @pytest.mark.parametrize(
        ("line", "named"),
        [
            ("tscale,fast\n", "tscale"),
            ("tscale,0\n", "tscale"),
            ("gscale,-1\n", "gscale"),
            ("gscale,1/0\n", "gscale"),
            ("frame_readout_time,long\n", "frame_readout_time"),
            ("frame_readout_time,nan\n", "frame_readout_time"),
            ("frame_readout_time,15000\n", "frame_readout_time"),
            ("frame_readout_time,15\nframe_readout_direction,up\n", "frame_readout_direction"),
            ("orientation,XYY\n", "orientation"),
            ("orientation,XY\n", "orientation"),
        ],
    )
    def test_bad_header_line(self, tmp_path, line, named):
        with pytest.raises(ImuError, match=rf"line \d+: expected {named}"):
            self.read(tmp_path, line)

    def test_bad_columns(self, tmp_path):
        with pytest.raises(ImuError, match="line 5: expected columns t,gx,gy,gz"):
            self.read(tmp_path, columns="t,wx,wy,wz")

    def test_no_column_line(self, tmp_path):
        with pytest.raises(ImuError, match="expected a line 't,gx,gy,gz'"):
            self.read(tmp_path, columns="0,0,0,0")

    def test_stamp_that_does_not_fit(self, tmp_path):
        with pytest.raises(ImuError, match="line 8: expected a stamp under 292 years"):
            self.read(tmp_path, "tscale,1\n", "0,1,2,3\n99999999999,1,2,3\n")


class TestWitMotion:
    # {0} is between seconds and milliseconds, {1} between cells.
    ROWS = "".join(f"2024-05-31 12:30:15{{0}}{ms}{{1}}0{{1}}1{{1}}0{{1}}90{{1}}0{{1}}-90{{1}}0\n" for ms in (250, 260))
    STAMPS = (1717158615_250_000_000, 1717158615_260_000_000)

    def read(self, folder, text, encoding="utf-8"):
        path = folder / "w.txt"
        path.write_bytes(text.encode(encoding))
        return read_imu(path)

    def check(self, recording):
        assert tuple(recording.time_ns) == self.STAMPS
        np.testing.assert_allclose(recording.gyro_rad_s[0], [np.pi / 2, 0, -np.pi / 2])
        np.testing.assert_allclose(recording.accel_m_s2[0], [0, 9.80665, 0])

    def test_short_english_names(self, tmp_path):
        header = "time\tAccX(g)\tAccY(g)\tAccZ(g)\tAsX(°/s)\tAsY(°/s)\tAsZ(°/s)\tAngleX(°)\n"
        self.check(self.read(tmp_path, header + self.ROWS.format(":", "\t")))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
    def test_chinese_names(self, tmp_path, encoding):
        header = "时间\t加速度X(g)\t加速度Y(g)\t加速度Z(g)\t角速度X(°/s)\t角速度Y(°/s)\t角速度Z(°/s)\t角度X(°)\n"
        self.check(self.read(tmp_path, header + self.ROWS.format(".", "\t"), encoding))

    def test_long_english_names_with_commas(self, tmp_path):
        quantities = (("Acceleration", "g"), ("Angular velocity", "°/s"))
        names = [f"{name} {axis}({unit})" for name, unit in quantities for axis in "XYZ"]
        header = ",".join(["Time", *names, "Angle X(°)"]) + "\n"
        self.check(self.read(tmp_path, header + self.ROWS.format(".", ",")))

    def test_blanks_date_and_time_apart_decimal_commas(self, tmp_path):
        header = "Date Time ax ay az wx wy wz AngleX\n"
        rows = self.ROWS.format(".", " ").replace(" 90 ", " 90,0 ")
        self.check(self.read(tmp_path, "Start time: 2024-05-31\n" + header + rows))

    def test_chip_time_is_preferred_unless_it_is_null(self, tmp_path):
        header = "time\tChip Time()\tAccX(g)\tAccY(g)\tAccZ(g)\tAsX(°/s)\tAsY(°/s)\tAsZ(°/s)\tAngleX(°)\n"
        rows = self.ROWS.format(".", "\t")
        chip = "".join("2000-1-1 0:0:0.0\t" + line + "\n" for line in rows.splitlines())
        self.check(self.read(tmp_path, header + chip))
        null = rows.replace("250\t", "250\tnull\t").replace("260\t", "260\tnull\t")
        self.check(self.read(tmp_path, header + null))

    def test_header_repeated_after_a_reconnect(self, tmp_path):
        header = "time\tAccX(g)\tAccY(g)\tAccZ(g)\tAsX(°/s)\tAsY(°/s)\tAsZ(°/s)\tAngleX(°)\n"
        first, second = self.ROWS.format(":", "\t").splitlines(keepends=True)
        self.check(self.read(tmp_path, header + first + header + second))

    def test_bluetooth_names_without_units(self, tmp_path):
        header = "timestamp,AccX,AccY,AccZ,AngX,AngY,AngZ,AsX,AsY,AsZ\n"
        row = "{},0,{},0,0,0,0,90,0,-90\n"
        for size, unit in ((1, "g"), (9.8, "m/s")):
            text = header + row.format("1717158615.25", size) + row.format("1717158615.5", size)
            recording = self.read(tmp_path, text)
            assert recording.time_ns.tolist() == [1717158615_250_000_000, 1717158615_500_000_000]
            np.testing.assert_allclose(recording.gyro_rad_s[0], [np.pi / 2, 0, -np.pi / 2])
            assert 9.7 < recording.accel_m_s2[0, 1] < 9.9
            assert any(f"taken as {unit}" in note for note in recording.notes)

    def test_repeats_of_a_fast_poll_are_dropped(self, tmp_path):
        header = "timestamp,AccX,AccY,AccZ,AsX,AsY,AsZ\n"
        rows = [f"{k // 1000}.{k % 1000:03d},0,1,0,{k // 20},0,0\n" for k in range(400)]
        recording = self.read(tmp_path, header + "".join(rows))
        assert len(recording) == 21  # 20 values, and the last row, which keeps the length
        assert recording.duration_s == pytest.approx(0.399)
        assert any(note.startswith("379 rows repeat") for note in recording.notes)

    def test_repeats_at_the_sensors_own_rate_are_kept(self, tmp_path):
        header = "timestamp,AccX,AccY,AccZ,AsX,AsY,AsZ\n"
        rows = [f"{k // 100}.{k % 100:02d},0,1,0,{k // 20},0,0\n" for k in range(400)]
        assert len(self.read(tmp_path, header + "".join(rows))) == 400

    def test_several_sensors_in_one_file(self, tmp_path):
        header = "time\tDeviceName\tAsX(°/s)\tAsY(°/s)\tAsZ(°/s)\n"
        row = "2024-05-31 12:30:15.250\t{}\t1\t2\t3\n"
        with pytest.raises(ImuError, match="line 3: expected samples of one sensor"):
            self.read(tmp_path, header + row.format("WT1") + row.format("WT2"))

    @pytest.mark.parametrize("time", ["yesterday", "2024-13-45 12:00:00"])
    def test_bad_time(self, tmp_path, time):
        header = "time\tAsX(°/s)\tAsY(°/s)\tAsZ(°/s)\n"
        with pytest.raises(ImuError, match="line 3: expected a"):
            self.read(tmp_path, f"{header}2024-05-31 12:30:15.250\t1\t2\t3\n{time}\t1\t2\t3\n")

    def test_no_time_at_all(self, tmp_path):
        with pytest.raises(ImuError, match="expected rows with a time"):
            self.read(tmp_path, "time\tAsX(°/s)\tAsY(°/s)\tAsZ(°/s)\nnull\t1\t2\t3\n")

    def test_header_that_does_not_fit_the_rows(self, tmp_path):
        # Seen in the wild: 14 names over 11 values, so that quaternions stand under the names of rates.
        header = "timestamp,AccX,AccY,AccZ,AngX,AngY,AngZ,AsX,AsY,AsZ,Q0,Q1,Q2,Q3\n"
        rows = "1.5,0,1,0,0,0,0,0.9,0,0,-0.3\n1.6,0,1,0,0,0,0,0.9,0,0,-0.3\n"
        with pytest.raises(ImuError, match="line 2: expected 14 columns, got 11; no line fits: correct the header"):
            self.read(tmp_path, header + rows)

    def test_rates_in_another_unit_are_not_claimed(self, tmp_path):
        with pytest.raises(ImuError, match="known format"):
            self.read(tmp_path, "time\tAsX(rad/s)\tAsY(rad/s)\tAsZ(rad/s)\n1.5\t1\t2\t3\n1.6\t1\t2\t3\n")


class TestSiblings:
    def test_accelerometer_is_interpolated(self, tmp_path):
        (tmp_path / "Agyro.csv").write_text("0,0,0,10000000000\n0,0,1,10000000010\n")
        (tmp_path / "Aaccel.csv").write_text("0,0,0,9999999990\n0,30,3,10000000020\n")
        recording = read_imu(tmp_path / "Agyro.csv")
        np.testing.assert_allclose(recording.accel_m_s2, [[0, 10, 1], [0, 20, 2]])

    def test_accelerometer_of_another_time_is_left_out(self, tmp_path):
        (tmp_path / "Agyro.csv").write_text("0,0,0,10000000000\n0,0,1,10000000010\n")
        (tmp_path / "Aaccel.csv").write_text("0,0,0,99999999990\n0,30,3,99999999999\n")
        recording = read_imu(tmp_path / "Agyro.csv")
        assert recording.accel_m_s2 is None
        assert any("does not overlap" in note for note in recording.notes)

    def test_broken_accelerometer_is_named(self, tmp_path):
        (tmp_path / "Agyro.csv").write_text("0,0,0,10000000000\n0,0,1,10000000010\n")
        (tmp_path / "Aaccel.csv").write_text("0,0,0,9999999990\n0,x,3,10000000020\n")
        with pytest.raises(ImuError, match=r"Aaccel.csv, line 2"):
            read_imu(tmp_path / "Agyro.csv")

    def test_empty_accelerometer_is_ignored(self, tmp_path):
        (tmp_path / "Agyro.csv").write_text("0,0,0,10000000000\n0,0,1,10000000010\n")
        (tmp_path / "Aaccel.csv").write_text("")
        assert read_imu(tmp_path / "Agyro.csv").accel_m_s2 is None

    def test_ios_logger_swapped_neighbours(self, tmp_path):
        lines = [f"1627530745.{k:03d},{k},0,0" for k in (0, 10, 30, 20, 40)]
        (tmp_path / "Gyro.txt").write_text("\n".join(lines) + "\n")
        recording = read_imu(tmp_path / "Gyro.txt")
        assert recording.gyro_rad_s[:, 0].tolist() == [0, 10, 20, 30, 40]
        assert any("1 pairs" in note for note in recording.notes)


class TestDeepGyro:
    def test_odd_type(self, tmp_path):
        path = tmp_path / "imu.txt"
        path.write_text("4 1000000000 1 2 3\n4 1010000000 1 2 3\ngyro 1020000000 1 2 3\n4 1030000000 1 2 3\n")
        with pytest.raises(ImuError, match="line 3: expected a sensor type"):
            read_imu(path)

    def test_no_gyro(self, tmp_path):
        path = tmp_path / "imu.txt"
        path.write_text("1 1000000000 1 2 3\n1 1010000000 1 2 3\n")
        with pytest.raises(ImuError, match="expected rows of IMU samples"):
            read_imu(path)


class TestGyroChart:
    def test_capture_stamp_is_noted_and_the_tail_is_not_read(self, tmp_path):
        path = tmp_path / "giro_data.txt"
        path.write_text(CASES["gyro-chart"][1])
        recording = read_imu(path)
        assert len(recording) == 2
        assert "capture stamp 683163086 ns" in recording.notes

    def test_fewer_samples_than_promised(self, tmp_path):
        path = tmp_path / "giro_data.txt"
        path.write_text("5\n683163086\n0 1 2 3\n10833740 1 2 3\n")
        assert any("promises 5 samples, the file has 2" in note for note in read_imu(path).notes)

    @pytest.mark.parametrize(("text", "line"), [("x\n1\n0 1 2 3\n", 1), ("2\nx\n0 1 2 3\n", 2), ("2\n", 2)])
    def test_bad_header(self, tmp_path, text, line):
        path = tmp_path / "giro_data.txt"
        path.write_text(text)
        with pytest.raises(ImuError, match=f"line {line}: expected the"):
            read_imu(path, format="gyro-chart")
