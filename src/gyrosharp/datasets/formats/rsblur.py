"""RSBlur (Rim et al., ECCV 2022): real blur with the sharp frames taken during it, and synthetic blur made of them."""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import folders_in, require_found, source
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import paths_rows
from gyrosharp.errors import UsageError

NAME = "rsblur"
DESCRIPTION = "RSBlur: real blur, synthetic blur of the same moment, saturation mask, truth"
LICENCE = "CC BY 4.0"
LAYOUT = """
NNNN/NNNNNN/real_blur/real_blur.png         real blurred picture
NNNN/NNNNNN/avg65_img/avg_blur.png          mean of 65 interpolated frames
NNNN/NNNNNN/avg65_mask_100/avg_blur.png     share of saturated frames
NNNN/NNNNNN/gt/gt_sharp.png                 truth
RSBlur_real_{train,val,test}.txt            optional: lists of `gt blur` pairs that name the subsets
"""
SPLITS = ("train", "val", "test")
BLURS = {"real": "real_blur/real_blur.png", "synthetic": "avg65_img/avg_blur.png"}
TRUTH = "gt/gt_sharp.png"
MASK = "avg65_mask_100/avg_blur.png"


def sniff(folder: Path) -> bool:
    """Return whether a shot folder with a truth and a real or averaged picture is two levels down."""
    return bool(_shots(folder))


def read(folder: Path, split: str | None = None, *, blur: str = "real") -> list[DatasetItem]:
    """Return the shots.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        "train", "val" or "test", where the list files are there.
    blur : {"real", "synthetic"}
        Which blurred picture counts as the observation; the other one is in `pictures`.

    Raises
    ------
    UsageError
        If `blur` is unknown, or there is no such list.
    CaptureError
        If a list line holds no pair.
    ImageError
        If a picture of a shot is missing.
    """
    if blur not in BLURS:
        raise UsageError(f"{NAME}: expected blur to be one of {', '.join(BLURS)}, got {blur!r}")
    listed = {name: _listed(folder, name) for name in SPLITS if _list(folder, name).is_file()}
    if split is not None and split not in listed:
        raise UsageError(f"{folder}: expected {_list(folder, split).name} for subset {split}, got no such file")
    subset_of = {shot: name for name, shots in listed.items() for shot in shots}
    shots = listed[split] if split is not None else _shots(folder)
    items = [_item(folder, shot, subset_of.get(shot), blur) for shot in shots]
    return require_found(folder, items, "shots NNNN/NNNNNN")


def _item(folder: Path, shot: str, split: str | None, blur: str) -> DatasetItem:
    root = folder / shot
    others = {name: root / file for name, file in BLURS.items() if name != blur}
    mask = root / MASK
    return DatasetItem(
        name=shot,
        split=split,
        sharp=source(root / TRUTH),
        blurred=source(root / BLURS[blur]),
        pictures={name: ImageSource(path) for name, path in others.items() if path.is_file()},
        saturation=mask if mask.is_file() else None,
    )


def _shots(folder: Path) -> list[str]:
    shots = [shot for scene in folders_in(folder) for shot in folders_in(scene)]
    return [
        shot.relative_to(folder).as_posix()
        for shot in shots
        if any((shot / file).is_file() for file in BLURS.values()) and (shot / "gt").is_dir()
    ]


def _list(folder: Path, split: str) -> Path:
    return folder / f"RSBlur_real_{split}.txt"


def _listed(folder: Path, split: str) -> list[str]:
    """Shots of a list: its paths read [RSBlur/]NNNN/NNNNNN/gt/gt_sharp.png."""
    rows = paths_rows(_list(folder, split), 2, "the paths of a truth and a blurred picture")
    return ["/".join(Path(truth).parts[-4:-2]) for _, (truth, *_) in rows]
