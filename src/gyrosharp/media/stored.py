"""A picture as a file stores it: codes, metadata, kind of compression. What every container reads and writes."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from gyrosharp.errors import ImageError

MAX_PIXELS = 300_000_000
"""Larger pictures are refused before they are decoded: a file of kilobytes can ask for gigabytes of memory."""


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels.

    Attributes
    ----------
    exif : bytes or None
        EXIF block from its TIFF header on, without a container's prefix.
    icc : bytes or None
        ICC profile.
    xmp : bytes or None
        XMP packet.
    dpi : (float, float) or None
        Pixels per inch, horizontal and vertical.
    extras : tuple of (str, bytes)
        Further records of this container, kept only when it stays the same: JPEG segments, PNG chunks, TIFF tags.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    extras: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class JpegCompression:
    """How a JPEG file is compressed.

    Attributes
    ----------
    luma, chroma : tuple of 64 int
        Quantisation tables in natural order.
    subsampling : int
        Chroma subsampling: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0.
    progressive : bool
        Whether the scan is progressive.
    """

    luma: tuple[int, ...]
    chroma: tuple[int, ...]
    subsampling: int
    progressive: bool


@dataclass(frozen=True)
class TiffCompression:
    """How a TIFF file is laid out.

    Attributes
    ----------
    compressed : bool
        Whether the pixels are compressed.
    byte_order : str
        ``"<"`` or ``">"``.
    alpha_kind : int
        TIFF's ExtraSamples value: 0 unspecified, 1 premultiplied, 2 not.
    """

    compressed: bool
    byte_order: str
    alpha_kind: int = 2


@dataclass(frozen=True)
class WebpCompression:
    """Whether the compression is lossless."""

    lossless: bool


Compression = JpegCompression | TiffCompression | WebpCompression


@dataclass(frozen=True, eq=False)
class StoredImage:
    """The decoded content of an image file.

    Attributes
    ----------
    codes : (H, W, C) uint8, uint16 or float32 array
        C = 1 for grey, 3 for RGB; in the orientation stored.
    alpha : (H, W) array of the same type, or None
        Opacity codes.
    metadata : Metadata
    compression : Compression or None
        None: the container's default.
    power : float or None
        Decoding power that the container itself states beside an ICC profile (PNG's gAMA chunk), if it is not sRGB's.
    notes : tuple of str
        What reading changed or dropped, in plain words.
    """

    codes: NDArray[Any]
    alpha: NDArray[Any] | None = None
    metadata: Metadata = field(default_factory=Metadata)
    compression: Compression | None = None
    power: float | None = None
    notes: tuple[str, ...] = ()


def require_size(name: str, width: int, height: int) -> None:
    """Check a picture's size before it is decoded.

    Raises
    ------
    ImageError
        If a side is zero or there are more than `MAX_PIXELS` pixels.
    """
    if width < 1 or height < 1:
        raise ImageError(f"{name}: expected a picture, got {width} x {height} px; the file is damaged")
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise ImageError(f"{name}: expected at most {limit} megapixels, got {width} x {height} px; scale or cut it")
