"""GoPro (Nah et al., CVPR 2017): 240 fps frames averaged to blurred pictures, in two domains.

``blur`` is the mean of the frames' stored codes (a linear camera response is assumed); ``blur_gamma`` is made in
linear light: codes to the power 2.2, mean, power 1 / 2.2. Light adds up in a camera, so ``blur_gamma`` is the
physical one; the tables of most papers since (MPRNet, NAFNet and their followers) are measured on ``blur``. `read`
takes ``blur`` unless told otherwise and gives the other one in the item's `pictures`.
"""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import (
    folders_in,
    partner,
    partner_or_none,
    pictures_in,
    require_found,
    subsets,
)
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.errors import UsageError

NAME = "gopro"
DESCRIPTION = "GoPro pairs: `blur` (mean of codes) or `blur_gamma` (mean of linear light) with `sharp`"
LICENCE = "CC BY 4.0"
LAYOUT = """
{train,test}/SCENE/blur/000001.png          mean of stored codes
{train,test}/SCENE/blur_gamma/000001.png    mean in linear light, gamma 2.2
{train,test}/SCENE/sharp/000001.png         middle frame
(also SCENE/{blur,sharp} or {blur,sharp} alone)
"""
BLURS = ("blur", "blur_gamma")
SPLITS = ("train", "val", "test")


def sniff(folder: Path) -> bool:
    """Return whether blur and sharp are here, in a folder, or in a folder of train or test, without GAMD's heatmaps."""
    places = [folder, *folders_in(folder)]
    places += [scene for name in SPLITS if (folder / name).is_dir() for scene in folders_in(folder / name)]
    return any(_is_scene(path) and not (path / "cp").is_dir() for path in places)


def read(folder: Path, split: str | None = None, *, blur: str = "blur") -> list[DatasetItem]:
    """Return the pairs.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        "train", "test", or None for both.
    blur : {"blur", "blur_gamma"}
        Which blurred picture counts as the observation.

    Raises
    ------
    UsageError
        If `blur` or `split` is unknown.
    ImageError
        If a blurred picture has no sharp one.
    """
    if blur not in BLURS:
        raise UsageError(f"{NAME}: expected blur to be one of {', '.join(BLURS)}, got {blur!r}")
    items: list[DatasetItem] = []
    for name, subset in subsets(folder, _holds_scenes, split):
        scenes = [subset] if _is_scene(subset) else [path for path in folders_in(subset) if _is_scene(path)]
        for scene in scenes:
            items += _pairs(scene, name, blur, "" if scene == folder else f"{scene.relative_to(folder).as_posix()}/")
    return require_found(folder, items, f"pictures in {blur} folders")


def _pairs(scene: Path, split: str | None, blur: str, prefix: str) -> list[DatasetItem]:
    items = []
    for path in pictures_in(scene / blur):
        others = {name: partner_or_none(scene / name, path.stem) for name in BLURS if name != blur}
        items.append(
            DatasetItem(
                name=prefix + path.stem,
                split=split,
                sharp=ImageSource(partner(path, scene / "sharp", "sharp picture")),
                blurred=ImageSource(path),
                pictures={name: ImageSource(found) for name, found in others.items() if found is not None},
            )
        )
    return items


def _is_scene(folder: Path) -> bool:
    return (folder / "sharp").is_dir() and any((folder / name).is_dir() for name in BLURS)


def _holds_scenes(folder: Path) -> bool:
    return _is_scene(folder) or any(_is_scene(path) for path in folders_in(folder))
