"""Size and shot data of a picture without decoding its pixels."""

from dataclasses import dataclass
from pathlib import Path

from gyrosharp.media.exif import PhotoTags, read_tags
from gyrosharp.media.image_file import FORMATS, load, reading


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


def read_header(path: str | Path) -> Header:
    """Return size and shot data of an image file.

    Raises
    ------
    ImageError
        If the file does not exist or is no supported image.
    """
    file = Path(path)
    with reading(file):
        container, data = load(file)
        width, height, exif = FORMATS[container].peek(data, str(file))
    return Header(width, height, read_tags(exif))
