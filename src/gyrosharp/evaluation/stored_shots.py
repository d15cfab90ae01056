"""Shots that exist: data sets with blurred pictures, and folders of capture files with or without sharp truths."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.capture_file import SUFFIX, load_capture
from gyrosharp.datasets.formats import DatasetItem, read_dataset
from gyrosharp.errors import GyrosharpError, ImageError, UsageError
from gyrosharp.evaluation.definition import Benchmark, StoredPart
from gyrosharp.evaluation.shots import BenchmarkShot, Entry, digest_of, distinct_names, file_digest, located

# Stored shots are as they are.
CASE = "stored"
# Where a truth lies beside a picture NAME.png, in this order; the last one for folders with one shot.
TRUTHS = ("{name}_sharp{suffix}", "sharp/{name}{suffix}", "truth/{name}{suffix}", "truth{suffix}")


def stored_shots(benchmark: Benchmark, root: Path | None = None, limit: int | None = None) -> "StoredShots":
    """Return the shots of a benchmark with `stored`.

    Raises
    ------
    UsageError
        If the folder is not there, or the format or its options are not known.
    ImageError
        If the folder holds no shots.
    """
    part = benchmark.stored
    if part is None:
        raise UsageError(f"{benchmark.name}: expected stored shots, got photos to shake")
    folder = located(part.folder, root)
    items = _of_captures(folder) if part.format is None and _captures_in(folder) else _of_format(folder, part)
    items = [item for item in items if item.blurred is not None][:limit]
    if not items:
        raise ImageError(f"{folder}: expected blurred pictures, got none; name a data set or a folder of captures")
    return StoredShots(tuple(items), folder)


@dataclass(eq=False)
class StoredShots:
    """Shots of a data set.

    Parameters
    ----------
    items : sequence of DatasetItem
        Those with a blurred picture.
    folder : Path
        Root of the data set.
    """

    items: Sequence[DatasetItem]
    folder: Path

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """The shots, in the data set's order; those with one truth are pictures of one photo."""
        names = distinct_names([item.name for item in self.items])
        return tuple(
            Entry(name, CASE, self._photo(item, name), _digest(item), index)
            for index, (name, item) in enumerate(zip(names, self.items, strict=True))
        )

    def shot(self, entry: Entry) -> BenchmarkShot:
        """Read a shot.

        Raises
        ------
        ImageError
            If a picture cannot be read, or truth and picture differ in size.
        CaptureError, ImuError
            If its capture is broken.
        """
        item = self.items[entry.index]
        capture = item.capture()
        blurred = item.blurred_image()
        truth = None if item.sharp is None else item.sharp_image()
        if truth is not None and truth.shape != blurred.shape:
            raise ImageError(f"{item.name}: expected a truth of shape {blurred.shape}, got {truth.shape}")
        mask = item.mask_image()
        assert item.blurred is not None
        return BenchmarkShot(
            blurred_linear=blurred,
            truth_linear=truth,
            capture=capture,
            kernel=item.planes("kernel")[0] if "kernel" in item.fields else None,
            lossy=item.blurred.path.suffix.lower() in (".jpg", ".jpeg", ".webp"),
            mask=None if mask is None else np.asarray(mask.mean(axis=2), dtype=np.float32),
        )

    def _photo(self, item: DatasetItem, name: str) -> str:
        if item.sharp is None or item.sharp.frame is not None or not item.sharp.path.is_relative_to(self.folder):
            return name
        return item.sharp.path.relative_to(self.folder).as_posix()


def _of_format(folder: Path, part: StoredPart) -> Sequence[DatasetItem]:
    return read_dataset(folder, part.format, part.split, **part.options)


def _captures_in(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _of_captures(folder: Path) -> list[DatasetItem]:
    files = _captures_in(folder)
    return [_item(path, single=len(files) == 1) for path in files]


def _item(path: Path, *, single: bool) -> DatasetItem:
    try:
        image = load_capture(path).image
    except GyrosharpError:
        image = ImageSource(path)  # a shot that cannot be read is still a shot: the run meets the error and names it
    truth = None if image is None else _truth(image.path, single=single)
    return DatasetItem(
        name=path.name.removesuffix(SUFFIX),
        sharp=None if truth is None else ImageSource(truth),
        blurred=image,
        capture_of=lambda: load_capture(path),
    )


def _truth(picture: Path, *, single: bool) -> Path | None:
    for pattern in TRUTHS if single else TRUTHS[:-1]:
        path = picture.parent / pattern.format(name=picture.stem, suffix=picture.suffix)
        if path.is_file():
            return path
    return None


def _digest(item: DatasetItem) -> str:
    """Over pictures, mask, motion planes and what the capture says."""
    assert item.blurred is not None
    paths = [item.blurred.path, *(source.path for source in (item.sharp,) if source is not None)]
    paths += [path for plane in item.fields.values() for path in plane.paths]
    paths += [path for path in (item.mask,) if path is not None]
    return digest_of([[file_digest(path) for path in paths], item.blurred.frame, _told(item)])


def _told(item: DatasetItem) -> list[object] | None:
    """What decides a motion, as JSON; a broken capture counts by its error, which the run will meet again."""
    try:
        capture = item.capture()
        if capture is None:
            return None
        poses = capture.trajectory()
    except GyrosharpError as error:
        return [str(error)]
    shift = capture.lens_shift
    arrays = [poses.time_ns, poses.rotations, poses.positions_m, capture.depth_m]
    arrays += [] if shift is None else [shift.time_ns, shift.shift_px]
    digests = [None if array is None else hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]
    depth = None if capture.depth_file is None else file_digest(capture.depth_file)
    return [repr(capture.camera), repr(capture.exposure), digests, depth]
