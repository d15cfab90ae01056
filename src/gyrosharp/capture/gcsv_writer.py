"""Write a gyro log as gyroflow's gcsv."""

from pathlib import Path

from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.atomic import atomic_write

HEADER = "GYROFLOW IMU LOG\nversion,1.3\nid,gyrosharp\norientation,XYZ\ntscale,0.000000001\ngscale,1\nascale,1\n"


def write_gcsv(recording: ImuRecording, path: Path, *, overwrite: bool = False) -> None:
    """Write stamps in ns and rates in rad/s (and acceleration in g), as they are in the recording's own frame.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, or cannot be written.
    """
    columns = "t,gx,gy,gz"
    values = recording.gyro_rad_s.tolist()
    if recording.accel_m_s2 is not None:
        columns += ",ax,ay,az"
        gravity = (recording.accel_m_s2 / 9.80665).tolist()
        values = [[*rates, *g] for rates, g in zip(values, gravity, strict=True)]
    rows = (
        f"{stamp}," + ",".join(f"{value:.9g}" for value in row)
        for stamp, row in zip(recording.time_ns.tolist(), values, strict=True)
    )
    with atomic_write(path, overwrite) as temporary:
        temporary.write_text(HEADER + columns + "\n" + "\n".join(rows) + "\n", encoding="utf-8")
