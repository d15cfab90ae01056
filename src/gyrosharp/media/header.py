"""Size and shot data of a picture without decoding its pixels."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from gyrosharp.errors import ImageError
from gyrosharp.media.exif import PhotoTags, read_tags
from gyrosharp.media.image_file import read_image


@dataclass(frozen=True)
class Header:
    """What stands in front of a picture's pixels.

    Attributes
    ----------
    width, height : int
        Size as stored, px.
    tags : PhotoTags
        What EXIF says about the shot.
    """

    width: int
    height: int
    tags: PhotoTags


def read_header(path: Path) -> Header:
    """Return size and shot data of an image file.

    Raises
    ------
    ImageError
        If the file does not exist or is no supported image.
    """
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise ImageError(f"{path}: expected an image, got no such file; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                return Header(*picture.size, tags=read_tags(picture.info.get("exif")))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # Pillow does not know every TIFF; what is no image at all is refused here with a better message.
        image = read_image(path)
        return Header(image.width, image.height, image.tags)
