"""RealBlur (Rim et al., ECCV 2020): real pairs of two cameras behind a beam splitter, as JPEG (J) and raw (R) sets.

The two cameras are aligned by homography, phase correlation and centroid; what is left is under a pixel or so but not
zero. The authors' own evaluation registers each result to its truth (ECC) before it measures; figures without that are
lower and do not compare (RealBlur issue 7).
"""

from pathlib import Path

from gyrosharp.datasets.formats._folders import require_found, source
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import paths_rows
from gyrosharp.errors import UsageError

NAME = "realblur"
DESCRIPTION = "RealBlur-J and -R pairs by their list files"
LICENCE = "CC BY 4.0"
LAYOUT = """
RealBlur_{J,R}_{train,test}_list.txt        one `gt blur` pair of paths per line
RealBlur-J_ECC_IMCORR_centroid_itensity_ref/sceneNNN/{blur/blur_M.png,gt/gt_M.png}
RealBlur-R_BM3D_ECC_IMCORR_centroid_itensity_ref/sceneNNN/{blur/blur_M.png,gt/gt_M.png}
"""
CAMERAS = ("J", "R")
SPLITS = ("train", "test")
NOTE = "pairs of two cameras: register a result to its truth before measuring, as the authors do (ECC)"


def sniff(folder: Path) -> bool:
    """Return whether a list file is there."""
    return any(_list(folder, camera, split).is_file() for camera in CAMERAS for split in SPLITS)


def read(folder: Path, split: str | None = None, *, camera: str | None = None) -> list[DatasetItem]:
    """Return the pairs of the list files.

    Parameters
    ----------
    folder : Path
        Root, with the list files.
    split : str or None
        "train", "test", or None for both.
    camera : {"J", "R"} or None
        Set of camera JPEGs or of developed raw files; None takes both.

    Raises
    ------
    UsageError
        If `camera` or `split` is unknown.
    CaptureError
        If a list line holds no pair.
    ImageError
        If a listed picture is missing.
    """
    if split not in (None, *SPLITS) or camera not in (None, *CAMERAS):
        raise UsageError(
            f"{NAME}: expected split {' or '.join(SPLITS)} and camera {' or '.join(CAMERAS)}, got {split} and {camera}"
        )
    items = [
        item
        for kind in CAMERAS
        for part in SPLITS
        if camera in (None, kind) and split in (None, part)
        for item in _listed(_list(folder, kind, part), kind, part)
    ]
    return require_found(folder, items, "listed pairs")


def _list(folder: Path, camera: str, split: str) -> Path:
    return folder / f"RealBlur_{camera}_{split}_list.txt"


def _listed(path: Path, camera: str, split: str) -> list[DatasetItem]:
    if not path.is_file():
        return []
    items = []
    for _, (truth, blurred, *_) in paths_rows(path, 2, "the paths of a truth and a blurred picture"):
        file = path.parent / truth
        name = f"{camera}/{file.parent.parent.name}/{file.stem.removeprefix('gt_')}"
        items.append(DatasetItem(name, split, sharp=source(file), blurred=source(path.parent / blurred), notes=(NOTE,)))
    return items
