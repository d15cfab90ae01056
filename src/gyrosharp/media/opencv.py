"""Pictures through OpenCV: decoding without its messages, and PNG."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def decode_pixels(data: bytes) -> NDArray[Any]:
    """Return (H, W) or (H, W, 3 or 4) codes of an image file, unchanged in depth and orientation, in BGR order.

    Raises
    ------
    ValueError
        If OpenCV cannot decode it.
    """
    import cv2

    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError("the pixels cannot be decoded") from error
    finally:
        cv2.utils.logging.setLogLevel(level)
    if pixels is None:
        raise ValueError("the pixels cannot be decoded")
    return np.asarray(pixels)


def png_of(codes: NDArray[Any]) -> bytes:
    """Return 8- or 16-bit codes (H, W) or (H, W, 3), RGB, as PNG."""
    import cv2

    done, data = cv2.imencode(".png", np.ascontiguousarray(codes[..., ::-1] if codes.ndim == 3 else codes))
    assert done
    return bytes(data)


def png_from(data: bytes) -> NDArray[Any]:
    """Return the codes of a PNG, (H, W) or (H, W, 3), RGB.

    Raises
    ------
    ValueError
        If it cannot be decoded.
    """
    codes = decode_pixels(data)
    return np.ascontiguousarray(codes[..., ::-1] if codes.ndim == 3 else codes)
