"""Image files in linear light: `read_image`, `write_image`, and what a file remembers in between."""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError, OutputError
from gyrosharp.media import jpeg, png, tiff, webp
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.media.exif import PhotoTags, read_orientation, read_tags
from gyrosharp.media.icc import curve_from_icc
from gyrosharp.media.stored import Compression, JpegCompression, Metadata, StoredImage, WebpCompression
from gyrosharp.media.transfer import LINEAR, SRGB, TransferCurve, decode_codes, encode_codes, power_curve

_HEAD_BYTES = 64
_CODE_TYPES: dict[int, type[np.generic]] = {8: np.uint8, 16: np.uint16, 32: np.float32}


@dataclass(frozen=True)
class Format:
    """One image container: suffixes, start of file, depths in bit (largest last), what it can hold, and its codec.

    `peek` returns width, height and EXIF block without decoding the pixels.
    """

    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    depths: tuple[int, ...]
    has_alpha: bool
    has_grey: bool
    peek: Callable[[bytes, str], tuple[int, int, bytes | None]]
    decode: Callable[[bytes, str], StoredImage]
    encode: Callable[[StoredImage], bytes]


FORMATS = {
    "jpeg": Format((".jpg", ".jpeg"), (b"\xff\xd8\xff",), (8,), False, True, jpeg.peek, jpeg.decode, jpeg.encode),
    "png": Format((".png",), (png.SIGNATURE,), (8, 16), True, True, png.peek, png.decode, png.encode),
    "tiff": Format(
        (".tif", ".tiff"),
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        (8, 16, 32),
        True,
        True,
        tiff.peek,
        tiff.decode,
        tiff.encode,
    ),
    "webp": Format((".webp",), (b"RIFF",), (8,), True, False, webp.peek, webp.decode, webp.encode),
}
"""The supported containers by name."""
IMAGE_SUFFIXES = tuple(suffix for kind in FORMATS.values() for suffix in kind.suffixes)
"""Suffixes of files that `read_image` and `write_image` support, lower case."""
RAW_SUFFIXES = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw")
"""Suffixes of camera raw files, which are recognised and refused with advice."""
_UNSUPPORTED = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"8BPS": "Photoshop",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
}
_HEIF_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"hevc": "HEIC", b"avif": "AVIF"}


@dataclass(frozen=True, eq=False)
class ImageFile:
    """A picture in linear light, with all that is needed to write one like it.

    Attributes
    ----------
    path : Path
        Where it comes from.
    pixels_linear : (H, W, C) float32 array, read-only
        Linear light, [0, 1]; C = 1 grey or 3 RGB. As stored: rows and columns are the sensor's, to which the gyro's
        axes refer; `orientation` says how viewers turn it. Floating-point files may exceed 1.
    container : str
        ``"jpeg"``, ``"png"``, ``"tiff"`` or ``"webp"``.
    bit_depth : int
        8, 16, or 32 for floating point.
    alpha : (H, W) array or None
        Opacity codes, passed through.
    transfer : TransferCurve
        Between codes and linear light.
    metadata : Metadata
        EXIF, ICC, XMP, resolution and further records.
    compression : Compression or None
        How the pixels were compressed.
    orientation : int
        EXIF Orientation, 1 to 8; 1 = upright as stored.
    tags : PhotoTags
        What EXIF says about the shot.
    notes : tuple of str
        What reading assumed or dropped, in plain words.
    lossy : bool
        Whether an encoder has left its traces in the pixels, and taken noise out of them.
    """

    path: Path
    pixels_linear: NDArray[np.float32]
    container: str
    bit_depth: int
    alpha: NDArray[Any] | None = None
    transfer: TransferCurve = SRGB
    metadata: Metadata = field(default_factory=Metadata)
    compression: Compression | None = None
    orientation: int = 1
    tags: PhotoTags = field(default_factory=PhotoTags)
    notes: tuple[str, ...] = ()
    lossy: bool = False

    @property
    def width(self) -> int:
        """Columns, as stored."""
        return int(self.pixels_linear.shape[1])

    @property
    def height(self) -> int:
        """Rows, as stored."""
        return int(self.pixels_linear.shape[0])

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB; alpha does not count."""
        return int(self.pixels_linear.shape[2])


def read_image(path: str | Path) -> ImageFile:
    """Read an image file to linear light.

    Parameters
    ----------
    path : str or Path
        JPEG, PNG, TIFF or WebP; the content decides, not the suffix.

    Returns
    -------
    ImageFile

    Raises
    ------
    ImageError
        If it does not exist, is no image, of an unsupported kind, truncated, damaged, or over 300 megapixels.
    """
    file = Path(path)
    with reading(file):
        container, data = load(file)
        stored = FORMATS[container].decode(data, str(file))
    curve, notes = _curve(stored)
    pixels = decode_codes(stored.codes, curve)
    pixels.setflags(write=False)
    return ImageFile(
        path=file,
        pixels_linear=pixels,
        container=container,
        bit_depth=stored.codes.dtype.itemsize * 8,
        alpha=stored.alpha,
        transfer=curve,
        metadata=stored.metadata,
        compression=stored.compression,
        orientation=read_orientation(stored.metadata.exif),
        tags=read_tags(stored.metadata.exif),
        notes=stored.notes + notes,
        lossy=container == "jpeg"
        or (isinstance(stored.compression, WebpCompression) and not stored.compression.lossless),
    )


def _is_lossy(compression: Compression | None) -> bool:
    if isinstance(compression, WebpCompression):
        return not compression.lossless
    return isinstance(compression, JpegCompression)


def write_image(
    path: str | Path, image_linear: NDArray[np.float32], like: ImageFile, overwrite: bool = False
) -> tuple[str, ...]:
    """Write a picture in the manner of another: container, bit depth, alpha, curve, quality and metadata.

    Parameters
    ----------
    path : str or Path
        Target. Its suffix may name another supported container than `like` has; what that container cannot hold is
        converted or dropped, and noted.
    image_linear : (H, W, C) float32 array
        Linear light, of the shape of `like`; clipped to [0, 1] unless the file holds floating point.
    like : ImageFile
        The picture it was made from.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    tuple of str
        What was converted or dropped, in plain words.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is false, cannot be written, has an unknown suffix, or the picture has
        another shape than `like` or holds NaN or infinity.
    """
    file = Path(path)
    container = require_writable(file, overwrite)
    if image_linear.shape != like.pixels_linear.shape:
        raise OutputError(f"{file}: expected a picture of shape {like.pixels_linear.shape}, got {image_linear.shape}")
    if not np.isfinite(image_linear).all():
        raise OutputError(f"{file}: expected finite values, got NaN or infinity; nothing is written")
    bit_depth = next(depth for depth in reversed(FORMATS[container].depths) if depth <= like.bit_depth)
    image_linear = np.asarray(image_linear, dtype=np.float32)
    codes = encode_codes(image_linear, _output_curve(like, container), _CODE_TYPES[bit_depth])
    stored = StoredImage(codes, like.alpha, like.metadata, like.compression)
    stored, notes = (stored, ()) if container == like.container else _converted(stored, like, container)
    with _encoding(file):
        data = FORMATS[container].encode(stored)
    with atomic_write(file, overwrite) as temporary:
        temporary.write_bytes(data)
    return notes


def require_writable(path: Path, overwrite: bool = False) -> str:
    """Check, before any work is done, that a picture can be written to `path`; return the container of its suffix.

    Raises
    ------
    OutputError
        If the suffix is unknown, the file exists and `overwrite` is false, or its folder is missing.
    """
    suffix = path.suffix.lower()
    for name, kind in FORMATS.items():
        if suffix in kind.suffixes:
            check_target(path, overwrite)
            return name
    known = " ".join(IMAGE_SUFFIXES)
    raise OutputError(f"{path}: expected one of the suffixes {known}, got {suffix or 'none'}; choose one of them")


def load(path: Path) -> tuple[str, bytes]:
    """Return container and content of an image file; to be called within `reading`.

    Raises
    ------
    ImageError
        If the content is no supported image. It is read whole only after that is settled.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        return _container(path, head), head + stream.read()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every failure of reading an image file within the block into an `ImageError` of one line.

    What is not listed here is a bug and stays one.
    """
    if not path.exists():
        raise ImageError(f"{path}: expected an image file, got no such file; check the path")
    if not path.is_file():
        raise ImageError(f"{path}: expected an image file, got a folder or device; name a file")
    try:
        yield
    except (ValueError, SyntaxError, EOFError, struct.error, zlib.error, LookupError) as error:
        raise ImageError(f"{path}: expected a whole image, got a damaged or truncated file ({_line(error)})") from error
    except OSError as error:  # with a number: from the system; without: Pillow's word for damage
        kind = "cannot be read" if error.errno else "expected a whole image, got a damaged or truncated file"
        raise ImageError(f"{path}: {kind} ({error.strerror or _line(error)})") from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory; scale it down") from error


@contextmanager
def _encoding(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: the picture cannot be encoded ({_line(error)}); choose another suffix") from error
    except OutputError as error:
        raise OutputError(f"{path}: {error}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _container(path: Path, head: bytes) -> str:
    if not head:
        raise ImageError(f"{path}: expected an image, got an empty file; copy it again")
    if path.suffix.lower() in RAW_SUFFIXES:
        raise ImageError(f"{path}: expected a developed picture, got a camera raw file; develop it to 16-bit TIFF")
    brand = _HEIF_BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None
    brand = brand or next((name for magic, name in _UNSUPPORTED.items() if head.startswith(magic)), None)
    if brand is not None:
        raise ImageError(f"{path}: {brand} is not supported yet; convert it to JPEG, PNG or TIFF")
    for name, kind in FORMATS.items():
        if head.startswith(kind.magic) and (name != "webp" or head[8:12] == b"WEBP"):
            return name
    raise ImageError(f"{path}: expected a JPEG, PNG, TIFF or WebP image, got something else; check the file")


def _curve(stored: StoredImage) -> tuple[TransferCurve, tuple[str, ...]]:
    """Return the transfer curve of a file: its ICC profile's, its container's, or sRGB."""
    if stored.codes.dtype == np.float32:
        return LINEAR, ()
    if stored.metadata.icc is not None:
        curve = curve_from_icc(stored.metadata.icc)
        if curve is None:
            return SRGB, ("the colour profile holds no usable tone curve; sRGB's is taken",)
        return curve, ()
    return (SRGB if stored.power is None else power_curve(stored.power)), ()


def _output_curve(like: ImageFile, container: str) -> TransferCurve:
    """Return the curve that readers of the output will assume: the source's only where its statement travels along."""
    if container == like.container:
        return like.transfer
    return (curve_from_icc(like.metadata.icc) if like.metadata.icc else None) or SRGB


def _converted(stored: StoredImage, like: ImageFile, container: str) -> tuple[StoredImage, tuple[str, ...]]:
    """Fit a picture into another container than it came from."""
    target, metadata = FORMATS[container], replace(stored.metadata, extras=())
    codes, alpha = stored.codes, stored.alpha
    notes = [f"written as {container.upper()} instead of {like.container.upper()}, as the suffix asks"]
    bit_depth = codes.dtype.itemsize * 8
    if bit_depth != like.bit_depth:
        notes.append(f"{container.upper()} holds {bit_depth} bit per channel, the source {like.bit_depth}")
    if alpha is not None and not target.has_alpha:
        notes.append("the alpha channel is dropped")
        alpha = None
    if alpha is not None:
        alpha = _requantised(alpha, codes.dtype)
    if codes.shape[2] == 1 and not target.has_grey:
        notes.append("grey is written as RGB")
        codes, metadata = np.repeat(codes, 3, axis=2), replace(metadata, icc=None)  # a grey profile does not fit RGB
    if container == "jpeg":
        metadata, dropped = _fit_segments(metadata)
        notes += dropped
    return StoredImage(codes, alpha, metadata), tuple(notes)


def _requantised(alpha: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return opacity codes in another integer or floating-point type."""
    top = 1.0 if alpha.dtype == np.float32 else float(np.iinfo(alpha.dtype).max)
    opacity = np.clip(alpha.astype(np.float32) / top, 0, 1)
    return encode_codes(opacity, LINEAR, dtype.type)


def _fit_segments(metadata: Metadata) -> tuple[Metadata, list[str]]:
    notes = []
    if metadata.exif is not None and not jpeg.fits(metadata.exif):
        metadata = replace(metadata, exif=None)
        notes.append("EXIF does not fit into a JPEG file (64 KB) and is dropped")
    if metadata.xmp is not None and not jpeg.fits(metadata.xmp):
        metadata = replace(metadata, xmp=None)
        notes.append("XMP does not fit into a JPEG file (64 KB) and is dropped")
    return metadata, notes
