"""`gyrosharp deblur --confidence`: where each photo's map goes, what has none, and its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.cli.options import DeblurOptions
from gyrosharp.errors import OutputError, UsageError
from gyrosharp.media import png
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.media.exif import orientation_block
from gyrosharp.media.image_file import ImageFile
from gyrosharp.media.stored import Metadata, StoredImage
from gyrosharp.restore.confidence import confidence_map
from gyrosharp.restore.restoration import Restoration

AUTO = "auto"
ENDING = "_confidence"
"""What `auto` adds to the name of the result."""
SUFFIX = ".png"


def map_of(target: Path, options: DeblurOptions) -> Path | None:
    """Return where the map of a result goes; None where none is asked for."""
    if options.confidence is None:
        return None
    if options.confidence == AUTO:
        return target.with_name(target.stem + ENDING + SUFFIX)
    return Path(options.confidence)


def require_flags_fit(options: DeblurOptions) -> None:
    """Check what is known before the inputs are.

    Raises
    ------
    UsageError
        If a kernel stands for the motion, or the map's name is not that of a PNG file.
    """
    wanted = options.confidence
    if wanted is not None and options.psf is not None:
        raise UsageError("--confidence: expected a gyro log, got --psf; a map needs the camera's motion, leave it out")
    if wanted not in (None, AUTO) and Path(str(wanted)).suffix.lower() != SUFFIX:
        raise UsageError(f"--confidence: expected auto or a name that ends with {SUFFIX}, got {wanted}")


def require_no_map(source: Path, what: str, options: DeblurOptions) -> None:
    """Check that no map is asked for of an input that has none: `what` says what it is.

    Raises
    ------
    UsageError
        If one is.
    """
    if options.confidence is not None:
        raise UsageError(f"--confidence: expected photos with their motion, got {what} {source}; leave it out")


def require_map_writable(path: Path, others: tuple[Path, ...], overwrite: bool) -> None:
    """Check, before any work is done, that a map can be written.

    Raises
    ------
    OutputError
        If it would replace the photo or its result, or the file exists and `overwrite` is false, or its folder is
        missing.
    """
    if path.absolute() in (other.absolute() for other in others):
        raise OutputError(f"{path}: expected a name of its own for the map, got that of a picture; name another file")
    check_target(path, overwrite)


@contextmanager
def map_written(
    path: Path | None, result: Restoration, picture: ImageFile, options: DeblurOptions
) -> Iterator[dict[str, object]]:
    """Write the map of a result, 8-bit grey, when the block ends without an error; yield what the report says of it.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if path is None:
        yield {}
        return
    confidence = confidence_map(result, picture, tile=options.tile)
    with atomic_write(path, options.force) as temporary:
        temporary.write_bytes(_encoded(confidence, picture.orientation))
        yield {"confidence": {"map": str(path), "mean": float(confidence.mean(dtype=np.float64))}}


def _encoded(confidence: NDArray[np.float32], orientation: int) -> bytes:
    """Return the map as PNG, turned by viewers as the photo is."""
    codes = np.rint(confidence[..., None] * np.float32(255)).astype(np.uint8)
    return png.encode(StoredImage(codes, metadata=Metadata(exif=orientation_block(orientation))))
