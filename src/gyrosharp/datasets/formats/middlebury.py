"""Middlebury stereo: a view with its disparity, turned into depth, Z = f b / (d + doffs).

Scenes of 2014 and 2021 carry ``calib.txt`` (focal length, baseline in mm, doffs). Older scenes and copies without it
need `focal_px` and `baseline_m`. Infinite or zero disparity is unknown.
"""

import re
from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._depth import DepthSource, StereoRig
from gyrosharp.datasets.formats._folders import folders_in, pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import text_lines
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.media.header import read_header

NAME = "middlebury"
DESCRIPTION = "Middlebury stereo scenes: disparity to depth"
LICENCE = "research"
LAYOUT = """
[SCENE/]im0.png, im1.png, disp0.pfm, calib.txt
or, with the calibration given: *left.png, *right.png, *disp*.{pfm,npz,npy,tif}
"""
DISPARITIES = (".pfm", ".npz", ".npy", ".tif")
_NUMBER = r"[-+\d.eE]+"


def sniff(folder: Path) -> bool:
    """Return whether a view and its disparity are here or one level down."""
    return any(_pair(path) is not None for path in (folder, *folders_in(folder)))


def read(
    folder: Path,
    split: str | None = None,  # noqa: ARG001 (one set)
    *,
    focal_px: float | None = None,
    baseline_m: float | None = None,
    offset_px: float = 0.0,
) -> list[DatasetItem]:
    """Return the left views with their depth; `split` means nothing here.

    Parameters
    ----------
    folder : Path
        A scene, or a folder of scenes.
    split : str or None
        Not used.
    focal_px, baseline_m, offset_px : float or None
        Calibration of scenes without calib.txt: px of the disparity map, metres, px.

    Raises
    ------
    CaptureError
        If a scene has no calibration and none is given, or calib.txt is broken.
    ImageError
        If there are no scenes.
    """
    given = None if focal_px is None or baseline_m is None else StereoRig(focal_px, baseline_m, offset_px)
    pairs = [(path, _pair(path)) for path in (folder, *folders_in(folder))]
    items = [_item(scene, *pair, given) for scene, pair in pairs if pair is not None]
    return require_found(folder, items, "a view with its disparity")


def _item(scene: Path, view: Path, disparity: Path, given: StereoRig | None) -> DatasetItem:
    calibration = scene / "calib.txt"
    if calibration.is_file():
        camera, rig = _calibration(calibration)
    elif given is not None:
        header = read_header(view)
        centre = (header.width - 1) / 2, (header.height - 1) / 2
        camera, rig = CameraModel(header.width, header.height, given.focal_px, given.focal_px, *centre), given
    else:
        raise CaptureError(
            f"{calibration}: expected the rig's calibration, got no such file; give focal_px and baseline_m"
        )
    return DatasetItem(scene.name, sharp=ImageSource(view), camera=camera, depth=DepthSource(disparity, rig=rig))


def _pair(scene: Path) -> tuple[Path, Path] | None:
    views = [path for path in pictures_in(scene) if path.stem == "im0" or path.stem.endswith("left")]
    found = [path for path in sorted(scene.iterdir()) if path.suffix in DISPARITIES and "disp" in path.stem]
    views = [path for path in views if path not in found]
    return (views[0], found[0]) if views and found else None


def _calibration(path: Path) -> tuple[CameraModel, StereoRig]:
    """Camera and rig of a calib.txt: lines key=value, cam0=[fx 0 cx; 0 fy cy; 0 0 1], baseline in mm."""
    values = dict(_entry(path, number, line) for number, line in text_lines(path))
    try:
        fx, _, cx, _, fy, cy = (float(cell) for cell in re.findall(_NUMBER, values["cam0"])[:6])
        size = int(values["width"]), int(values["height"])
        rig = StereoRig(fx, float(values["baseline"]) * 1e-3, float(values.get("doffs", 0.0)))
    except KeyError as error:
        raise CaptureError(f"{path}: expected a line {error.args[0]}=..., got none") from None
    except ValueError:
        raise CaptureError(f"{path}: expected numbers in cam0, width, height, baseline and doffs, got others") from None
    return CameraModel(*size, fx=fx, fy=fy, cx=cx, cy=cy), rig


def _entry(path: Path, number: int, line: str) -> tuple[str, str]:
    key, equals, value = line.partition("=")
    if not equals:
        raise CaptureError(f"{path}, line {number}: expected key=value, got {line[:60]!r}")
    return key.strip(), value.strip()
