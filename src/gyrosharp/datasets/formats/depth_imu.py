"""The data of the depth + IMU U-Net (Oulu thesis): pairs with depth and linear kernels; no layout was published.

The thesis feeds its network with depth and kernel planes rescaled to 0..255. Here the kernel picture is 128 + dx in
red and 128 + dy in green, rounded and clipped to a byte, and the depth picture is 16-bit millimetres, clipped below
65.536 m, 0 where unknown; both exact arrays are stored beside them, and `read` takes those.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.depth import CODES_PER_M
from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._folders import partner, pictures_in, require_found, subsets
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._planes import PlaneSource, chw_planes, offset_planes
from gyrosharp.datasets.formats._shots import encoding_of, shot_files, shot_reader
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.sample_files import npy_of
from gyrosharp.errors import UsageError
from gyrosharp.media.opencv import png_of

NAME = "depth_imu"
DESCRIPTION = (
    "Depth + IMU U-Net (thesis): pairs with depth and linear kernels (gyrosharp's own layout: none was published)"
)
LICENCE = "not published"
LAYOUT = """
{train,test}/blurred/NAME.png
{train,test}/sharp/NAME.png
{train,test}/depth/NAME.png                 16-bit millimetres, 0 unknown
{train,test}/depth/NAME.npy                 (H, W) float32 metres, NaN unknown
{train,test}/linear_kernel/NAME.png         RGB = 128 + dx, 128 + dy, 0
{train,test}/linear_kernel/NAME.npy         (2, H, W) float32, px
{train,test}/shots/NAME.*                   camera and motion
"""
NEEDS = ("linear_kernel",)
OFFSET = 128
BANDS = (0, 1)


def sniff(folder: Path) -> bool:
    """Return whether blurred, sharp, depth and linear_kernel are there, here or one level down."""
    return _holds(folder) or any(_holds(path) for path in folder.iterdir() if path.is_dir())


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:
    """Return the pairs with depth and the fields ``linear_kernel`` (exact) and ``rounded``.

    Raises
    ------
    UsageError
        If there is no such subset.
    ImageError
        If a blurred picture lacks its truth, depth or kernels.
    """
    found = subsets(folder, _holds, split)
    items = [_item(subset, path, name) for name, subset in found for path in pictures_in(subset / "blurred")]
    return require_found(folder, items, "pictures in blurred folders")


def _item(subset: Path, path: Path, split: str | None) -> DatasetItem:
    rounded = partner(path, subset / NEEDS[0], "kernel picture", (".png",))
    return DatasetItem(
        name=path.stem,
        split=split,
        sharp=ImageSource(partner(path, subset / "sharp", "sharp picture")),
        blurred=ImageSource(path),
        depth=DepthSource(partner(path, subset / "depth", "depth map", (".npy", ".png"))),
        fields={
            NEEDS[0]: PlaneSource((partner(path, subset / NEEDS[0], "kernels", (".npy",)),), chw_planes),
            "rounded": PlaneSource((rounded,), partial(offset_planes, offset=OFFSET, bands=BANDS)),
        },
        capture_of=shot_reader(subset, path.stem),
    )


def _holds(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in ("blurred", "sharp", "depth", NEEDS[0]))


def files_of(sample: BlurSample, split: str) -> dict[str, bytes]:
    """Return the files of one sample.

    Raises
    ------
    UsageError
        If the sample has no depth, lacks the encoding ``linear_kernel``, or has it on a coarser grid.
    """
    if sample.depth_m is None:
        raise UsageError(f"{NAME}: expected depth in sample {sample.name}, got none; make samples from an RGB-D set")
    planes = encoding_of(sample, NAME, NEEDS[0], full_size=True)
    depth = f"depth/{sample.name}.npy"
    return {
        f"{split}/blurred/{sample.name}.png": png_of(sample.blurred),
        f"{split}/sharp/{sample.name}.png": png_of(sample.sharp),
        f"{split}/depth/{sample.name}.png": png_of(_millimetres(sample.depth_m)),
        f"{split}/{depth}": npy_of(sample.depth_m),
        f"{split}/{NEEDS[0]}/{sample.name}.png": png_of(_kernel_codes(planes)),
        f"{split}/{NEEDS[0]}/{sample.name}.npy": npy_of(planes),
        **shot_files(sample, split, f"blurred/{sample.name}.png", depth),
    }


def _millimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    codes = np.nan_to_num(depth_m.astype(np.float64), nan=0.0) * CODES_PER_M
    return np.rint(np.clip(codes, 0, 65535)).astype(np.uint16)


def _kernel_codes(planes: NDArray[np.float32]) -> NDArray[np.uint8]:
    codes = np.clip(np.rint(planes + OFFSET), 0, 255).astype(np.uint8)
    return np.stack([codes[0], codes[1], np.zeros_like(codes[0])], axis=-1)
