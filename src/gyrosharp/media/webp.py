"""WebP through Pillow: 8-bit RGB, with or without alpha. Layout after RFC 9649."""

import io
import struct
from collections.abc import Iterator

import numpy as np

from gyrosharp.errors import ImageError, OutputError
from gyrosharp.media.stored import Metadata, StoredImage, WebpCompression, require_size

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
    from PIL import WebPImagePlugin

    chunks = dict(_chunks(data))
    if b"ANIM" in chunks:
        raise ImageError(f"{name}: expected one picture, got an animated WebP; extract a frame first")
    with WebPImagePlugin.WebPImageFile(io.BytesIO(data)) as picture:
        require_size(name, *picture.size)
        pixels = np.asarray(picture)
    exif = chunks.get(b"EXIF")
    if exif is not None and exif.startswith(_PREFIX):
        exif = exif[len(_PREFIX) :]
    metadata = Metadata(exif, chunks.get(b"ICCP"), chunks.get(b"XMP "))
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    return StoredImage(pixels[..., :3], alpha, metadata, WebpCompression(lossless=b"VP8L" in chunks))


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
