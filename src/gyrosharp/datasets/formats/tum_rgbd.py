"""TUM RGB-D (Sturm et al., IROS 2012): colour and depth videos of a Kinect, registered, with time stamps.

Depth is 16-bit PNG, 5000 units per metre, 0 unknown. A colour frame goes with the depth frame nearest in time, if
that is within 20 ms. The camera is the published calibration of the sequence's Kinect (freiburg 1, 2 or 3), else the
driver's default.
"""

from pathlib import Path

import numpy as np

from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._folders import require_found, source
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import text_lines
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel

NAME = "tum_rgbd"
DESCRIPTION = "TUM RGB-D sequence: 16-bit depth, 5000 units per metre"
LICENCE = "CC BY 4.0"
LAYOUT = """
rgb/STAMP.png, depth/STAMP.png
rgb.txt, depth.txt                          `stamp path` per line, # comments
"""
UNITS_PER_M = 5000.0
LONGEST_GAP_S = 0.02
CAMERAS = {
    "freiburg1": CameraModel(640, 480, 517.3, 516.5, 318.6, 255.3),
    "freiburg2": CameraModel(640, 480, 520.9, 521.0, 325.1, 249.7),
    "freiburg3": CameraModel(640, 480, 535.4, 539.2, 320.1, 247.6),
}
DEFAULT_CAMERA = CameraModel(640, 480, 525.0, 525.0, 319.5, 239.5)


def sniff(folder: Path) -> bool:
    """Return whether rgb.txt and depth.txt are there."""
    return (folder / "rgb.txt").is_file() and (folder / "depth.txt").is_file()


def read(folder: Path, split: str | None = None, *, units_per_m: float = UNITS_PER_M) -> list[DatasetItem]:  # noqa: ARG001
    """Return the colour frames that have a depth frame; `split` means nothing here.

    Parameters
    ----------
    folder : Path
        A sequence.
    split : str or None
        Not used.
    units_per_m : float
        Depth codes per metre.

    Raises
    ------
    CaptureError
        If a line of a list is not a stamp and a path.
    ImageError
        If a listed picture is missing, or no two frames are near in time.
    """
    colours, depths = (_listed(folder / name) for name in ("rgb.txt", "depth.txt"))
    stamps = np.array([stamp for stamp, _ in depths])
    camera = next((model for name, model in CAMERAS.items() if name in folder.name), DEFAULT_CAMERA)
    items = []
    for stamp, path in colours:
        nearest = int(np.abs(stamps - stamp).argmin()) if stamps.size else -1
        if nearest < 0 or abs(stamps[nearest] - stamp) > LONGEST_GAP_S:
            continue
        depth = DepthSource(source(folder / depths[nearest][1]).path, units_per_m)
        items.append(DatasetItem(Path(path).stem, sharp=source(folder / path), camera=camera, depth=depth))
    return require_found(folder, items, "colour and depth frames within 20 ms of each other")


def _listed(path: Path) -> list[tuple[float, str]]:
    rows = []
    for number, line in text_lines(path):
        try:
            stamp, file = line.split()
            rows.append((float(stamp), file))
        except ValueError:
            raise CaptureError(f"{path}, line {number}: expected a stamp and a path, got {line[:60]!r}") from None
    return rows
