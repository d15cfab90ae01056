"""RGB-D folders as Open3D and many recorders write them: colour and depth with the same names, 16-bit millimetres."""

import json
from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.depth import CODES_PER_M
from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._folders import partner, pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel

NAME = "open3d_rgbd"
DESCRIPTION = "RGB-D folder (Open3D, Redwood): 16-bit millimetres"
LICENCE = "the user's own; Open3D's samples: MIT repository"
LAYOUT = """
{color,image,rgb}/00000.jpg
depth/00000.png                             16-bit millimetres, 0 unknown
camera*.json or *intrinsic*.json            optional, here or one level up: width, height, intrinsic_matrix (by columns)
"""
COLOURS = ("color", "image", "rgb")
# Open3D's default, the PrimeSense sensor's.
PRIMESENSE = CameraModel(640, 480, 525.0, 525.0, 319.5, 239.5)


def sniff(folder: Path) -> bool:
    """Return whether colour and depth folders are there, without the lists of TUM and slambook."""
    lists = any((folder / name).is_file() for name in ("pose.txt", "rgb.txt"))
    return _colours(folder) is not None and (folder / "depth").is_dir() and not lists


def read(folder: Path, split: str | None = None, *, units_per_m: float = CODES_PER_M) -> list[DatasetItem]:  # noqa: ARG001
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
        If a colour frame has no depth frame of the same name.
    CaptureError
        If the camera file is no camera.
    """
    camera = _camera(folder)
    colours = _colours(folder)
    items = [
        DatasetItem(
            name=path.stem,
            sharp=ImageSource(path),
            camera=camera,
            depth=DepthSource(partner(path, folder / "depth", "depth map", (".png",)), units_per_m),
        )
        for path in (pictures_in(colours) if colours is not None else [])
    ]
    return require_found(folder, items, "pictures in color")


def _colours(folder: Path) -> Path | None:
    return next((folder / name for name in COLOURS if (folder / name).is_dir()), None)


def _camera(folder: Path) -> CameraModel:
    found = [path for place in (folder, folder.parent) for path in sorted(place.glob("*.json"))]
    path = next((path for path in found if "camera" in path.name or "intrinsic" in path.name), None)
    if path is None:
        return PRIMESENSE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        matrix = [float(value) for value in content["intrinsic_matrix"]]
        size = int(content["width"]), int(content["height"])
        return CameraModel(*size, fx=matrix[0], fy=matrix[4], cx=matrix[6], cy=matrix[7])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        raise CaptureError(
            f"{path}: expected width, height and intrinsic_matrix of a camera, got something else"
        ) from None
