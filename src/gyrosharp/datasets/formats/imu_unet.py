"""The data of the IMU U-Net (Jazali): pictures with vector-norm planes; its layout was never published.

The planes are those of the encoding ``vector_norm``: the kernel's length scaled to [0, 1], dx and dy.
"""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import partner, pictures_in, require_found, subsets
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._planes import PlaneSource, chw_planes
from gyrosharp.datasets.formats._shots import encoding_of, shot_files, shot_reader
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.sample_files import npy_of
from gyrosharp.media.opencv import png_of

NAME = "imu_unet"
DESCRIPTION = "IMU U-Net: pairs with norm, dx, dy planes (gyrosharp's own layout: none was published)"
LICENCE = "not published"
LAYOUT = """
{train,test}/blurred/NAME.png
{train,test}/sharp/NAME.png
{train,test}/vector_norm/NAME.npy           (3, H, W) float32: norm in [0, 1], dx, dy
{train,test}/shots/NAME.*                   camera and motion
"""
NEEDS = ("vector_norm",)


def sniff(folder: Path) -> bool:
    """Return whether blurred, sharp and vector_norm are there, here or one level down."""
    return _holds(folder) or any(_holds(path) for path in folder.iterdir() if path.is_dir())


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:
    """Return the pairs with the field ``vector_norm``.

    Raises
    ------
    UsageError
        If there is no such subset.
    ImageError
        If a blurred picture lacks its truth or its planes.
    """
    items = [
        DatasetItem(
            name=path.stem,
            split=name,
            sharp=ImageSource(partner(path, subset / "sharp", "sharp picture")),
            blurred=ImageSource(path),
            fields={NEEDS[0]: PlaneSource((partner(path, subset / NEEDS[0], "planes", (".npy",)),), chw_planes)},
            capture_of=shot_reader(subset, path.stem),
        )
        for name, subset in subsets(folder, _holds, split)
        for path in pictures_in(subset / "blurred")
    ]
    return require_found(folder, items, "pictures in blurred folders")


def _holds(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in ("blurred", "sharp", NEEDS[0]))


def files_of(sample: BlurSample, split: str) -> dict[str, bytes]:
    """Return the files of one sample.

    Raises
    ------
    UsageError
        If the sample lacks the encoding ``vector_norm``, or has it on a coarser grid.
    """
    planes = encoding_of(sample, NAME, NEEDS[0], full_size=True)
    return {
        f"{split}/blurred/{sample.name}.png": png_of(sample.blurred),
        f"{split}/sharp/{sample.name}.png": png_of(sample.sharp),
        f"{split}/{NEEDS[0]}/{sample.name}.npy": npy_of(planes),
        **shot_files(sample, split, f"blurred/{sample.name}.png"),
    }
