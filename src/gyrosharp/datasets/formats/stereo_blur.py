"""Stereo Blur of DAVANet (Zhou et al., CVPR 2019): stereo videos averaged in linear light, with disparities.

The set does not come with the rig's calibration, so depth needs `focal_px` and `baseline_m`.
"""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._depth import DepthSource, StereoRig
from gyrosharp.datasets.formats._folders import (
    folders_in,
    partner,
    partner_or_none,
    pictures_in,
    require_found,
    subsets,
)
from gyrosharp.datasets.formats._item import DatasetItem

NAME = "stereo_blur"
DESCRIPTION = "DAVANet's Stereo Blur: left and right views, disparity (depth with `focal_px` and `baseline_m`)"
LICENCE = "not stated (code MIT)"
LAYOUT = """
[{train,test}/]SCENE/image_left/0001.png            truth
[{train,test}/]SCENE/image_left_blur_ga/0001.png    mean in linear light
[{train,test}/]SCENE/image_right[_blur_ga]/0001.png the other view
[{train,test}/]SCENE/disparity_left/0001.exr        disparity, px
"""
DISPARITY_SUFFIXES = (".exr", ".pfm", ".npy", ".tif")


def sniff(folder: Path) -> bool:
    """Return whether image_left and image_left_blur_ga are one or two levels down."""
    return _holds_scenes(folder) or any(_holds_scenes(path) for path in folders_in(folder))


def read(
    folder: Path, split: str | None = None, *, focal_px: float | None = None, baseline_m: float | None = None
) -> list[DatasetItem]:
    """Return the left views; the right ones are `pictures` right and right_blurred.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        Name of one subset.
    focal_px, baseline_m : float or None
        Calibration of the rig, px of the disparity map and metres; depth is given only with both.

    Raises
    ------
    ImageError
        If a blurred picture has no sharp one.
    """
    rig = None if focal_px is None or baseline_m is None else StereoRig(focal_px, baseline_m)
    items: list[DatasetItem] = []
    for name, subset in subsets(folder, _holds_scenes, split):
        for scene in [subset] if _is_scene(subset) else folders_in(subset):
            items += [_item(folder, scene, path, name, rig) for path in pictures_in(scene / "image_left_blur_ga")]
    return require_found(folder, items, "pictures in image_left_blur_ga folders")


def _item(folder: Path, scene: Path, path: Path, split: str | None, rig: StereoRig | None) -> DatasetItem:
    right = {"right": "image_right", "right_blurred": "image_right_blur_ga"}
    found = {name: partner_or_none(scene / other, path.stem) for name, other in right.items()}
    disparity = partner_or_none(scene / "disparity_left", path.stem, DISPARITY_SUFFIXES)
    return DatasetItem(
        name=f"{scene.relative_to(folder).as_posix()}/{path.stem}",
        split=split,
        sharp=ImageSource(partner(path, scene / "image_left", "sharp picture")),
        blurred=ImageSource(path),
        pictures={name: ImageSource(other) for name, other in found.items() if other is not None},
        depth=DepthSource(disparity, rig=rig) if disparity is not None and rig is not None else None,
    )


def _is_scene(folder: Path) -> bool:
    return (folder / "image_left").is_dir() and (folder / "image_left_blur_ga").is_dir()


def _holds_scenes(folder: Path) -> bool:
    return _is_scene(folder) or any(_is_scene(path) for path in folders_in(folder))
