"""The RGB-D frames of slambook2 (chapter 12), which are rendered ICL-NUIM views: 5000 depth units per metre.

The set counts y upwards: its code has fy = -480. In the picture itself, y runs down, so fy is +480 here, and the
poses of ``pose.txt``, which belong to the mirrored frame, are not read.
"""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._folders import partner, pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.geometry.camera import CameraModel

NAME = "slambook"
DESCRIPTION = "slambook2 / ICL-NUIM frames: 16-bit depth, 5000 units per metre"
LICENCE = "MIT repository"
LAYOUT = """
color/1.png
depth/1.png                                 16-bit, 5000 per metre
pose.txt                                    tx ty tz qx qy qz qw per frame, y upwards (not read)
"""
UNITS_PER_M = 5000.0
CAMERA = CameraModel(640, 480, 481.2, 480.0, 319.5, 239.5)


def sniff(folder: Path) -> bool:
    """Return whether color, depth and pose.txt are there."""
    return all((folder / name).is_dir() for name in ("color", "depth")) and (folder / "pose.txt").is_file()


def read(folder: Path, split: str | None = None, *, units_per_m: float = UNITS_PER_M) -> list[DatasetItem]:  # noqa: ARG001
    """Return the frames; `split` means nothing here.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        Not used.
    units_per_m : float
        Depth codes per metre.

    Raises
    ------
    ImageError
        If a colour frame has no depth frame.
    """
    items = [
        DatasetItem(
            name=path.stem,
            sharp=ImageSource(path),
            camera=CAMERA,
            depth=DepthSource(partner(path, folder / "depth", "depth map", (".png",)), units_per_m),
        )
        for path in pictures_in(folder / "color")
    ]
    return require_found(folder, items, "pictures in color")
