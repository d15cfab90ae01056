"""Known camera poses from a text file in TUM format."""

from pathlib import Path

import numpy as np

from gyrosharp.errors import CaptureError
from gyrosharp.geometry.rotation import matrix_from_quat_xyzw
from gyrosharp.geometry.trajectory import PoseTrajectory

COLUMNS = 8


def read_poses(path: Path) -> PoseTrajectory:
    """Read camera-to-world poses, one `t_s tx ty tz qx qy qz qw` per line (seconds, metres); `#` starts a comment.

    Raises
    ------
    CaptureError
        If the file cannot be read, a line does not hold eight finite numbers, or the times do not increase.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureError(f"{path}: expected a text file of poses, got {_reason(error)}; check the path") from None
    rows = [
        _pose_row(path, number, line)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(rows) < 2:
        raise CaptureError(f"{path}: expected at least 2 poses, got {len(rows)}")
    numbers = np.array([values for _, values in rows])
    time_ns = np.array([stamp for stamp, _ in rows], dtype=np.int64)
    if (np.diff(time_ns) <= 0).any():
        late = int(np.argmax(np.diff(time_ns) <= 0)) + 2
        raise CaptureError(f"{path}: expected increasing times, got an earlier or equal time at pose {late}")
    return PoseTrajectory(time_ns, matrix_from_quat_xyzw(numbers[:, 3:]), positions_m=numbers[:, :3])


def _pose_row(path: Path, number: int, line: str) -> tuple[int, list[float]]:
    cells = line.replace(",", " ").split()
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if len(values) != COLUMNS or not np.isfinite(values).all():
        raise CaptureError(
            f"{path}, line {number}: expected 8 finite numbers t tx ty tz qx qy qz qw, got {line[:60]!r}"
        )
    return stamp_ns(cells[0]), values[1:]


def stamp_ns(text: str) -> int:
    """Return decimal seconds as integer nanoseconds without passing through a float.

    Examples
    --------
    >>> stamp_ns("1560489.219555001")
    1560489219555001
    """
    from decimal import Decimal

    return round(Decimal(text) * 1_000_000_000)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return "binary data" if isinstance(error, UnicodeDecodeError) else (getattr(error, "strerror", None) or str(error))
