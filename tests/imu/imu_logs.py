"""One writer per log format: what the contract tests feed to the readers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

G = 9.80665
DEG = np.pi / 180


@dataclass
class Log:
    """A log as lines: `header` comes before the gyro's `rows`."""

    file_name: str
    header: list[str]
    rows: list[str]
    siblings: dict[str, str] = field(default_factory=dict)
    has_accel: bool = False

    def text(self, end: str = "\n") -> str:
        return "".join(line + end for line in [*self.header, *self.rows])

    def write(self, folder: Path, text: str | bytes | None = None) -> Path:
        for name, content in self.siblings.items():
            (folder / name).write_text(content, encoding="utf-8")
        path = folder / self.file_name
        data = self.text() if text is None else text
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def line_of(self, row: int) -> int:
        return len(self.header) + row + 1


def seconds(ns: int) -> str:
    return f"{ns // 10**9}.{ns % 10**9:09d}"


def cells(*parts, sep=","):
    return sep.join(p if isinstance(p, str) else repr(float(p)) for p in parts)


def table(time, columns, sep=",", stamp=str):
    return [cells(stamp(int(t)), *row, sep=sep) for t, row in zip(time, columns, strict=True)]


def gcsv(time, gyro, accel):
    header = ["GYROFLOW IMU LOG", "version,1.3", "id,test", "orientation,XYZ", "frame_readout_time,15.25"]
    header += ["frame_readout_direction,1", "tscale,0.000000001", "gscale,0.5", "ascale,0.25", "t,gx,gy,gz,ax,ay,az"]
    rows = table(time, np.hstack([gyro / 0.5, accel / (0.25 * G)]))
    return Log("a.gcsv", header, rows, has_accel=True)


def euroc(time, gyro, accel):
    axes = "w_RS_S_{} [rad s^-1]", "a_RS_S_{} [m s^-2]"
    header = ",".join(["#timestamp [ns]", *(name.format(k) for name in axes for k in "xyz")])
    return Log("data.csv", [header], table(time, np.hstack([gyro, accel])), has_accel=True)


def mars(time, gyro, accel):
    header = "Timestamp[nanosec], gx[rad/s], gy[rad/s], gz[rad/s], ax[m/s^2], ay[m/s^2], az[m/s^2]"
    return Log("gyro_accel.csv", [header], table(time, np.hstack([gyro, accel])), has_accel=True)


def opencamera(time, gyro, accel):
    lines = [[cells(*row, str(int(t))) for t, row in zip(time, part, strict=True)] for part in (gyro, accel)]
    return Log("VID_1gyro.csv", [], lines[0], {"VID_1accel.csv": "\n".join(lines[1]) + "\n"}, has_accel=True)


def deepgyro(time, gyro, accel):
    def typed(kind, columns):
        return [f"{kind} {line}" for line in table(time, columns, sep=" ")]

    return Log("imu.txt", typed(2, accel) + typed(1, accel), typed(4, gyro), has_accel=True)


def gyroblur(time, gyro, _accel):
    return Log("gyro_train.txt", [], table(time, gyro, sep="\t"))


def tyrex(time, gyro, _accel):
    return Log("gyroscope.txt", [], table(time, gyro, sep=" ", stamp=seconds))


def gyro_chart(time, gyro, _accel):
    return Log("giro_data.txt", [str(len(time)), "683163086"], table(time, gyro, sep=" "))


def witmotion(time, gyro, accel):
    header = "Time(s)\tChipTime\tax(g)\tay(g)\taz(g)\twx(deg/s)\twy(deg/s)\twz(deg/s)\tAngleX(deg)"
    rows = [
        cells(" 1:02", f"1970-1-1 {chip(int(t))}", *(a / G), *(w / DEG), "0", sep="\t")
        for t, w, a in zip(time, gyro, accel, strict=True)
    ]
    return Log("20240531.txt", ["StartTime: 2024-05-31 12:30:15", header], rows, has_accel=True)


def chip(ns: int) -> str:
    s, rest = divmod(ns, 10**9)
    return f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}.{rest // 10**6:03d}"


def sensor_logger(time, gyro, _accel):
    rows = [cells(str(int(t)), "0.1", w[2], w[1], w[0]) for t, w in zip(time, gyro, strict=True)]
    return Log("Gyroscope.csv", ["time,seconds_elapsed,z,y,x"], rows)


def phyphox(time, gyro, _accel):
    header = '"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"'
    return Log("Gyroscope.csv", [header], table(time, gyro, stamp=seconds))


def xio(time, gyro, accel):
    names = [f"Gyroscope {k} (deg/s)" for k in "XYZ"] + [f"Accelerometer {k} (g)" for k in "XYZ"]
    rows = table(time, np.hstack([gyro / DEG, accel / G]), stamp=seconds)
    return Log("sensor_data.csv", [",".join(["Time (s)", *names])], rows, has_accel=True)


def ios_logger(time, gyro, accel):
    other = "\n".join(table(time, -accel / G, stamp=seconds)) + "\n"
    return Log("Gyro.txt", [], table(time, gyro, stamp=seconds), {"Accel.txt": other}, has_accel=True)


def vmu931(time, gyro, _accel):
    rows = ["Gyroscope," + line for line in table(time // 10**6, gyro / DEG)]
    return Log("gyroscope.csv", ["Attribute,Time stamp,x,y,z"], rows)


def betaflight(time, gyro, accel):
    names = [f"gyroADC[{k}] (deg/s)" for k in range(3)] + [f"accSmooth[{k}] (g)" for k in range(3)]
    header = ", ".join(["loopIteration", "time (us)", "axisP[0]", *names, "flightModeFlags (flags)"])
    values = np.hstack([gyro / DEG, accel / G])
    rows = [
        f"{k}, {int(t) // 1000}, -3, {cells(*row, sep=', ')}, ARM|ANGLE"
        for k, (t, row) in enumerate(zip(time, values, strict=True))
    ]
    return Log("LOG00001.01.csv", [header], rows, has_accel=True)


def gyro_dump(time, gyro, _accel):
    rows = [
        f"frameid:1 gyro:{k} " + cells("x", w[0], "y", w[1], "z", w[2], "ts", str(int(t) // 1000), sep=" ")
        for k, (t, w) in enumerate(zip(time, gyro, strict=True))
    ]
    return Log("gyro_dump.txt", ["SOF  12000000000,  frameNum :1 exp time 0.005248"] * 2, rows)


WRITERS: dict[str, Callable[..., Log]] = {
    "betaflight": betaflight,
    "deepgyro": deepgyro,
    "euroc": euroc,
    "gcsv": gcsv,
    "gyro-chart": gyro_chart,
    "gyro-dump": gyro_dump,
    "gyroblur": gyroblur,
    "ios-logger": ios_logger,
    "mars": mars,
    "opencamera": opencamera,
    "phyphox": phyphox,
    "sensor-logger": sensor_logger,
    "tyrex": tyrex,
    "vmu931": vmu931,
    "witmotion": witmotion,
    "xio": xio,
}


def shake(count: int = 60, seed: int = 0):
    """Stamps (ms grid, 200 Hz, after 12 000 s), rates of a shaking hand and a turning gravity."""
    rng = np.random.default_rng(seed)
    time = 12_000 * 10**9 + np.arange(count, dtype=np.int64) * 5_000_000
    gyro = rng.normal(scale=0.5, size=(count, 3)).round(6)
    accel = np.array([0.0, 9.8, 0.0]) + rng.normal(scale=0.3, size=(count, 3)).round(6)
    return time, gyro, accel


def sample_log(name: str, count: int = 60) -> Log:
    return WRITERS[name](*shake(count))
