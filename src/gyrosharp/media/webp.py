"""WebP through Pillow: 8-bit RGB, with or without alpha. Layout after RFC 9649."""

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gyrosharp.errors import ImageError, OutputError
from gyrosharp.media.stored import Metadata, StoredImage, WebpCompression, require_size

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_MAX_SIDE = 16383
_QUALITY = 95
"""The file does not say at which quality it was made; 95 is finer than what cameras and editors use."""
_PREFIX = b"Exif\0\0"


def decode(data: bytes, name: str) -> StoredImage:
    """Decode a WebP file.

    Raises
    ------
    ImageError
        If it is too big or animated.
    OSError, ValueError, struct.error
        If it is damaged or truncated.
    """
    chunks = dict(_chunks(data))
    with _opened(data, chunks, name) as picture:
        pixels = np.asarray(picture)
    metadata = Metadata(_exif(chunks), chunks.get(b"ICCP"), chunks.get(b"XMP "))
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    return StoredImage(pixels[..., :3], alpha, metadata, WebpCompression(lossless=b"VP8L" in chunks))


def peek(data: bytes, name: str) -> tuple[int, int, bytes | None]:
    """Return width, height and EXIF block; raises as `decode` does."""
    chunks = dict(_chunks(data))
    with _opened(data, chunks, name) as picture:
        return (*picture.size, _exif(chunks))


def encode(image: StoredImage) -> bytes:
    """Return a WebP file with the codes (H, W, 3) uint8, alpha and metadata of `image`; lossless if the source was.

    Raises
    ------
    OutputError
        If a side is longer than a WebP can hold.
    """
    from PIL import Image

    height, width = image.codes.shape[:2]
    if max(height, width) > _MAX_SIDE:
        raise OutputError(
            f"expected sides of at most {_MAX_SIDE} px for WebP, got {width} x {height}; write .png or .tif"
        )
    planes = image.codes if image.alpha is None else np.dstack([image.codes, image.alpha])
    lossless = isinstance(image.compression, WebpCompression) and image.compression.lossless
    # For lossless files quality is effort; `exact` keeps the colour of transparent pixels.
    options: dict[str, object] = {"lossless": lossless, "quality": 50 if lossless else _QUALITY, "exact": True}
    texts = {"exif": image.metadata.exif, "icc_profile": image.metadata.icc, "xmp": image.metadata.xmp}
    options |= {key: value for key, value in texts.items() if value is not None}
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(planes)).save(buffer, "WEBP", method=2, **options)
    return buffer.getvalue()


def _opened(data: bytes, chunks: dict[bytes, bytes], name: str) -> "ImageFile":
    from PIL import WebPImagePlugin

    if b"ANIM" in chunks:
        raise ImageError(f"{name}: expected one picture, got an animated WebP; extract a frame first")
    picture = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
    require_size(name, *picture.size)
    return picture


def _exif(chunks: dict[bytes, bytes]) -> bytes | None:
    block = chunks.get(b"EXIF")
    return None if block is None else block.removeprefix(_PREFIX)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    (size,) = struct.unpack_from("<I", data, 4)
    end = size + 8
    if end > len(data):
        raise ValueError("the file is truncated")
    position = 12
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
