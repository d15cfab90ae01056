"""IMU-Blur, the set of GAMD (arXiv 2402.06854): pairs with two heatmaps of a quadratic Bezier curve.

A heatmap's pixel says where the control point (``cp``) or the end point (``ep``) of the trajectory that starts there
lies. GAMD's generator writes [127 + dx, 127 + dy, 0] with OpenCV, that is in BGR order: in the file, green is 127 +
dy and blue 127 + dx. Eight bits hold whole pixels from -127 to +128; gyrosharp rounds and clips there (the generator
wraps around) and stores the exact curve beside, as (cx, cy, ex, ey) in px.
"""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import partner, pictures_in, require_found, subsets
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._planes import PlaneSource, chw_planes, offset_planes
from gyrosharp.datasets.formats._shots import encoding_of, shot_files, shot_reader
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.sample_files import npy_of
from gyrosharp.media.opencv import png_of

NAME = "imu_blur"
DESCRIPTION = "IMU-Blur (GAMD): pairs with Bezier control-point and end-point heatmaps"
LICENCE = "none stated"
LAYOUT = """
{train,test}/blur/NAME.png
{train,test}/sharp/NAME.png
{train,test}/cp/NAME.png                    control point: RGB = 0, 127 + dy, 127 + dx
{train,test}/ep/NAME.png                    end point, the same way
written besides: {train,test}/bezier_heatmap/NAME.npy (4, H, W) exact; {train,test}/shots/NAME.*
"""
NEEDS = ("bezier_heatmap",)
OFFSET = 127
# Blue is dx and green is dy, see above.
BANDS = (2, 1)
HEATMAP_FOLDERS = ("cp", "ep")


def sniff(folder: Path) -> bool:
    """Return whether blur, sharp, cp and ep are there, here or one level down."""
    return _holds(folder) or any(_holds(path) for path in folder.iterdir() if path.is_dir())


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:
    """Return the pairs; field ``bezier_heatmap`` is (4, H, W): control and end point (cx, cy, ex, ey), px.

    Raises
    ------
    UsageError
        If there is no such subset.
    ImageError
        If a blurred picture lacks its truth or a heatmap.
    """
    items = [
        _item(subset, path, name)
        for name, subset in subsets(folder, _holds, split)
        for path in pictures_in(subset / "blur")
    ]
    return require_found(folder, items, "pictures in blur folders")


def _item(subset: Path, path: Path, split: str | None) -> DatasetItem:
    heatmaps = tuple(partner(path, subset / name, f"{name} heatmap") for name in HEATMAP_FOLDERS)
    exact = subset / NEEDS[0] / f"{path.stem}.npy"
    rounded = PlaneSource(heatmaps, partial(offset_planes, offset=OFFSET, bands=BANDS))
    return DatasetItem(
        name=path.stem,
        split=split,
        sharp=ImageSource(partner(path, subset / "sharp", "sharp picture")),
        blurred=ImageSource(path),
        fields={NEEDS[0]: PlaneSource((exact,), chw_planes) if exact.is_file() else rounded, "rounded": rounded},
        capture_of=shot_reader(subset, path.stem),
    )


def _holds(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in ("blur", "sharp", *HEATMAP_FOLDERS))


def files_of(sample: BlurSample, split: str) -> dict[str, bytes]:
    """Return the files of one sample.

    Raises
    ------
    UsageError
        If the sample lacks the encoding ``bezier_heatmap``, or has it on a coarser grid.
    """
    planes = encoding_of(sample, NAME, NEEDS[0], full_size=True)
    picture = f"{sample.name}.png"
    return {
        f"{split}/blur/{picture}": png_of(sample.blurred),
        f"{split}/sharp/{picture}": png_of(sample.sharp),
        f"{split}/cp/{picture}": png_of(_heatmap(planes[:2])),
        f"{split}/ep/{picture}": png_of(_heatmap(planes[2:])),
        f"{split}/{NEEDS[0]}/{sample.name}.npy": npy_of(planes),
        **shot_files(sample, split, f"blur/{picture}"),
    }


def _heatmap(displacement_px: NDArray[np.float32]) -> NDArray[np.uint8]:
    codes = np.clip(np.rint(displacement_px + OFFSET), 0, 255).astype(np.uint8)
    return np.stack([np.zeros_like(codes[0]), codes[1], codes[0]], axis=-1)
