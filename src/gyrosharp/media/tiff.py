"""TIFF through tifffile: grey or RGB of 8 or 16 bit, or 32-bit float (linear light), with or without alpha.

tifffile decodes LZW and a few others only with a package that is not required; OpenCV decodes those. Written files are
uncompressed if the source was, else deflated. Metadata, of which tifffile takes only a part, is added afterwards.
"""

import io
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.exif import Entry, Ifd, build_block, build_ifd, parse_block
from gyrosharp.media.opencv import decode_pixels
from gyrosharp.media.stored import Metadata, StoredImage, TiffCompression, require_size

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_XMP, _ICC, _DNG_VERSION = 700, 34675, 50706
_DESCRIPTIVE = {270, 271, 272, 274, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)}
"""Description, maker, model, orientation, software, date, artist, host, ratings, copyright, Windows' own texts."""
_CARRIED = (33723, 34377)
"""IPTC and Photoshop records: kept when TIFF stays TIFF."""
_UNCOMPRESSED, _DEFLATE, _MINISBLACK, _RGB = 1, 8, 1, 2
_TIFFFILE_DECODES = {_UNCOMPRESSED, _DEFLATE, 32946, 32773}
_TIFFFILE_PREDICTORS = {1, 2}
_LEVEL = 3

# tifffile reports through logging, which prints warnings to the terminal where no handler is set up.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode(data: bytes, name: str) -> StoredImage:
    """Decode the first full-size page of a TIFF file.

    Raises
    ------
    ImageError
        If it is too big or of an unsupported kind: palette, CMYK, other depths, camera raw.
    ValueError, KeyError, IndexError, struct.error, zlib.error
        If it is damaged or truncated.
    """
    with _page(data, name) as (page, count):
        _require_whole(page, len(data))
        planes = _planes(page, data)
        alpha_kind = int((*page.extrasamples, 2)[0])
        compression = TiffCompression(page.compression != _UNCOMPRESSED, page.parent.byteorder, alpha_kind)
    metadata, notes = _metadata(data)
    if count > 1:
        notes += (f"only the first of {count} pages of the TIFF file is kept",)
    channels = planes.shape[2] - len(page.extrasamples)
    alpha = planes[..., channels] if page.extrasamples else None
    if planes.dtype == np.float32:
        _require_linear(planes, name)
        notes += ("the floating-point TIFF file is taken as linear light",)
    return StoredImage(planes[..., :channels], alpha, metadata, compression, notes=notes)


def peek(data: bytes, name: str) -> tuple[int, int, bytes | None]:
    """Return width, height and EXIF block; raises as `decode` does."""
    with _page(data, name) as (page, _):
        return int(page.imagewidth), int(page.imagelength), _metadata(data)[0].exif


def encode(image: StoredImage) -> bytes:
    """Return a TIFF file with the codes, alpha and metadata of `image`.

    ICC, XMP, resolution, the descriptive tags and the EXIF and GPS directories are kept; IPTC and Photoshop records too
    if the source was a TIFF file.
    """
    import tifffile

    source = image.compression if isinstance(image.compression, TiffCompression) else TiffCompression(True, "<")
    order, ifd = _block(image.metadata.exif, source.byte_order)
    planes = image.codes if image.alpha is None else np.dstack([image.codes, image.alpha])
    options: dict[str, Any] = {}
    if source.compressed:
        # the predictor for floating point needs a package that is not required
        predictor = planes.dtype != np.float32
        options = {"compression": _DEFLATE, "compressionargs": {"level": _LEVEL}, "predictor": predictor}
    if image.alpha is not None:
        options["extrasamples"] = [source.alpha_kind]
    if image.metadata.dpi is not None:
        options |= {"resolution": image.metadata.dpi, "resolutionunit": "INCH"}
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(planes[..., 0] if planes.shape[2] == 1 else planes),
        photometric=_RGB if image.codes.shape[2] == 3 else _MINISBLACK,
        planarconfig=None if planes.shape[2] == 1 else "CONTIG",
        byteorder=order,
        metadata=None,
        software=False,
        **options,
    )
    return _with_metadata(buffer.getvalue(), ifd, image.metadata)


@contextmanager
def _page(data: bytes, name: str) -> Iterator[tuple[Any, int]]:
    """Open the first full-size page; yield it and the number of pages."""
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            pages = list(file.pages)
            page = next((page for page in pages if not page.is_reduced), pages[0])
            _require_readable(page, name)
            yield page, len(pages)
    except (TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError) as error:
        # tifffile trusts the tags: what they lack or contradict shows as an error of any kind
        raise ValueError("the tags are damaged") from error


def _require_readable(page: Any, name: str) -> None:  # noqa: ANN401 (tifffile has no types)
    require_size(name, page.imagewidth, page.imagelength)
    if _DNG_VERSION in page.tags:
        raise ImageError(f"{name}: expected a developed picture, got a camera raw file; develop it to 16-bit TIFF")
    channels = page.samplesperpixel - len(page.extrasamples)
    if (page.photometric, channels) not in {(_MINISBLACK, 1), (_RGB, 3)} or len(page.extrasamples) > 1:
        kind = getattr(page.photometric, "name", page.photometric)
        raise ImageError(
            f"{name}: expected a grey or RGB TIFF, got {kind}, {page.samplesperpixel} channels; convert it"
        )
    if page.bitspersample not in (8, 16, 32) or page.dtype not in (np.uint8, np.uint16, np.float32):
        kind = f"{page.bitspersample} bit" if page.dtype is None else str(np.dtype(page.dtype))
        raise ImageError(f"{name}: expected 8 or 16 bit or 32-bit float per channel, got {kind}; convert it")


def _require_whole(page: Any, size: int) -> None:  # noqa: ANN401
    """Check that all strips or tiles lie within the file; decoders fill what is missing with zeros."""
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if not ends or max(ends) > size or min(page.databytecounts) < 1:
        raise ValueError("the file is truncated")


def _planes(page: Any, data: bytes) -> NDArray[Any]:  # noqa: ANN401
    """Return (H, W, channels) codes, in native byte order."""
    if page.compression in _TIFFFILE_DECODES and page.predictor in _TIFFFILE_PREDICTORS:
        planes = page.asarray()
        if planes.ndim == 3 and page.planarconfig == 2:  # one plane after the other
            planes = np.moveaxis(planes, 0, -1)
    else:
        planes = decode_pixels(data)
        if planes.ndim == 3:
            planes = planes[..., [2, 1, 0, 3][: planes.shape[2]]]  # OpenCV gives BGR
    planes = planes if planes.ndim == 3 else planes[..., None]
    if planes.shape != (page.imagelength, page.imagewidth, page.samplesperpixel) or planes.dtype != page.dtype:
        raise ValueError("the pixels do not fill the picture")
    return np.ascontiguousarray(planes, dtype=planes.dtype.newbyteorder("="))


def _require_linear(planes: NDArray[Any], name: str) -> None:
    """Check a floating-point picture; values a little beyond 1 are highlights, values far beyond are codes."""
    if not np.isfinite(planes).all():
        raise ImageError(f"{name}: expected finite values, got NaN or infinity; repair the picture")
    if planes.max() > 64 or planes.min() < -1:
        raise ImageError(
            f"{name}: expected linear light around [0, 1], got {planes.min():g} to {planes.max():g}; scale it"
        )


def _metadata(data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    try:
        order, ifd = parse_block(data)
    except ValueError:  # BigTIFF
        return Metadata(), ("metadata of BigTIFF files is not kept",)
    kept = Ifd({tag: entry for tag, entry in ifd.entries.items() if tag in _DESCRIPTIVE}, ifd.nested)
    extras = tuple(
        (f"{tag}/{entry.type}/{entry.count}", entry.raw) for tag, entry in ifd.entries.items() if tag in _CARRIED
    )
    icc, xmp = (ifd.entries[tag].raw if tag in ifd.entries else None for tag in (_ICC, _XMP))
    exif = build_block(order, kept) if kept.entries or kept.nested else None
    return Metadata(exif, icc, xmp, _dpi(order, ifd.entries), extras), ()


def _dpi(order: str, entries: dict[int, Entry]) -> tuple[float, float] | None:
    if _X_RESOLUTION not in entries or _Y_RESOLUTION not in entries:
        return None
    unit = entries.get(_RESOLUTION_UNIT)
    per_inch = {2: 1.0, 3: 2.54}.get(2 if unit is None else struct.unpack_from(f"{order}H", unit.raw)[0])
    values = [struct.unpack_from(f"{order}II", entries[tag].raw) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
    if per_inch is None or any(0 in value for value in values):
        return None
    x, y = (top / bottom * per_inch for top, bottom in values)
    return x, y


def _block(exif: bytes | None, byte_order: str) -> tuple[str, Ifd]:
    try:
        return parse_block(exif or b"")
    except ValueError:  # damaged in a JPEG or PNG, which keep it as it is
        return byte_order, Ifd()


def _with_metadata(data: bytes, ifd: Ifd, metadata: Metadata) -> bytes:
    """Return a one-page TIFF file with tags and nested directories added, in a new first directory at its end."""
    order, first = parse_block(data)
    entries = {tag: entry for tag, entry in ifd.entries.items() if tag in _DESCRIPTIVE}
    for key, raw in metadata.extras:
        tag, kind, count = (int(part) for part in key.split("/"))
        entries[tag] = Entry(kind, count, raw)
    for tag, kind, text in ((_ICC, 7, metadata.icc), (_XMP, 1, metadata.xmp)):
        if text is not None:
            entries[tag] = Entry(kind, len(text), text)
    padded = data + b"\0" * (len(data) % 2)
    directory = build_ifd(order, Ifd(first.entries | entries, ifd.nested), len(padded))
    return padded[:4] + struct.pack(f"{order}I", len(padded)) + padded[8:] + directory
