"""What a movie holds: size, stamps, colour, rotation, other streams."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.movie_colour import curve_note
from gyrosharp.media.movie_file import PacketTable, first_picture, open_movie, read_table, seconds
from gyrosharp.media.stored import require_size


@dataclass(frozen=True)
class ColourTags:
    """A movie's colour tags as ITU-T H.273 numbers them; 2 (for the range 0) says unspecified."""

    matrix: int
    primaries: int
    transfer: int
    range: int


@dataclass(frozen=True)
class MasteringDisplay:
    """The display an HDR movie was graded on (SMPTE ST 2086) and how bright it gets (CTA-861.3).

    Attributes
    ----------
    colours : tuple of 8 int
        x, y of red, green, blue and white, in units of 0.00002.
    luminance : tuple of 2 int
        Darkest and brightest level, in units of 0.0001 cd/m^2.
    content_light : tuple of 2 int or None
        Brightest pixel and brightest frame average, cd/m^2.
    """

    colours: tuple[int, ...]
    luminance: tuple[int, int]
    content_light: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class MovieInfo:
    """What a movie holds, found by reading its packets and decoding one frame.

    Attributes
    ----------
    path : Path
        The file.
    width, height : int
        Size of the frames as stored, px.
    rotation_deg : int
        Degrees counter-clockwise that a frame must be turned to stand upright; it is never turned here.
    display_matrix : tuple of 9 int or None
        The track's display matrix (16.16 and 2.30 fixed point), of which the rotation is a part.
    bit_depth : int
        Bits of a sample, 8 to 16.
    pix_fmt, codec : str
        FFmpeg's names of the pixel format and the codec.
    bit_rate : int or None
        Of the pictures, bit/s.
    stamps : (N,) int64 array
        When each frame is shown, in ticks of `time_base`, strictly increasing.
    time_base : Fraction
        Seconds per tick.
    last_duration : int
        How long the last frame is shown, in ticks, at least 1.
    colour : ColourTags
        Matrix, primaries, transfer curve and range.
    pixel_aspect : Fraction
        Width of a pixel over its height; 1 if the file does not say.
    other_streams : tuple of str
        The kinds of the other streams in file order, e.g. ``("audio", "data")``.
    keys : (K,) int64 array
        Stamps of the frames that decode on their own.
    notes : tuple of str
        What is wrong or unusual: cut, frames that share a stamp, HDR curve.
    mastering : MasteringDisplay or None
        What an HDR movie says of the display it was made for.
    """

    path: Path
    width: int
    height: int
    rotation_deg: int
    display_matrix: tuple[int, ...] | None
    bit_depth: int
    pix_fmt: str
    codec: str
    bit_rate: int | None
    stamps: NDArray[np.int64]
    time_base: Fraction
    last_duration: int
    colour: ColourTags
    pixel_aspect: Fraction
    other_streams: tuple[str, ...]
    keys: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    mastering: MasteringDisplay | None = None

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(N,) float64: when each frame is shown, seconds in the movie's own clock."""
        return seconds(self.stamps, self.time_base)


def movie_info(path: str | Path) -> MovieInfo:
    """Read a movie's packets, decode one frame, and tell what it holds.

    Raises
    ------
    ImageError
        If the file does not exist, is no movie, is too big, or none of its frames can be decoded.
    """
    file = Path(path)
    with open_movie(file) as (container, stream):
        table = read_table(container, stream)
        others = tuple(other.type for other in container.streams if other.index != stream.index)
    if not table.stamps.size:
        raise ImageError(f"{file}: expected a movie with frames, got none; is the file cut?")
    with open_movie(file) as (container, stream):
        require_size(str(file), stream.width, stream.height)
        picture = first_picture(container, stream)
        if picture is None:
            raise ImageError(f"{file}: expected frames that can be decoded, got none; is the file damaged?")
        return _described(file, stream, picture, table, others)


def _described(file: Path, stream: Any, picture: Any, table: PacketTable, others: tuple[str, ...]) -> MovieInfo:  # noqa: ANN401
    matrix = display_matrix(picture)
    interlaced = (
        "the movie is interlaced; its frames are handled as they are stored" if picture.interlaced_frame else None
    )
    notes = (*table.notes, curve_note(int(picture.color_trc)), interlaced)
    gaps = np.diff(table.stamps)
    return MovieInfo(
        path=file,
        width=int(picture.width),
        height=int(picture.height),
        rotation_deg=round(picture.rotation),
        display_matrix=matrix,
        bit_depth=max(component.bits for component in picture.format.components),
        pix_fmt=picture.format.name,
        codec=stream.codec_context.codec.canonical_name,
        bit_rate=stream.bit_rate,
        stamps=table.stamps,
        time_base=stream.time_base,
        last_duration=table.last_duration or (int(np.median(gaps)) if gaps.size else 1),
        colour=ColourTags(
            int(picture.colorspace), int(picture.color_primaries), int(picture.color_trc), int(picture.color_range)
        ),
        pixel_aspect=stream.sample_aspect_ratio or Fraction(1),
        other_streams=others,
        keys=table.keys,
        notes=tuple(note for note in notes if note),
        mastering=mastering_display(picture),
    )


def display_matrix(picture: Any) -> tuple[int, ...] | None:  # noqa: ANN401 (av has no types here)
    """Return the nine numbers of a frame's display matrix as FFmpeg keeps them, or None if it has none."""
    data = _side_data(picture, "DISPLAYMATRIX")
    return None if data is None else struct.unpack_from("=9i", data)


def mastering_display(picture: Any) -> MasteringDisplay | None:  # noqa: ANN401
    """Return what a frame's side data say of the mastering display, or None if they are missing or incomplete.

    FFmpeg keeps ten fractions (x, y of red, green, blue and white; darkest, brightest level) and two flags.
    """
    data = _side_data(picture, "MASTERING_DISPLAY_METADATA")
    if data is None or len(data) < 88:
        return None
    *numbers, has_colours, has_luminance = struct.unpack_from("=22i", data)
    if not (has_colours and has_luminance) or 0 in numbers[1::2]:
        return None
    values = [Fraction(top, bottom) for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
    light = _side_data(picture, "CONTENT_LIGHT_LEVEL")
    return MasteringDisplay(
        tuple(round(value * 50000) for value in values[:8]),
        (round(values[8] * 10000), round(values[9] * 10000)),
        None if light is None else struct.unpack_from("=2I", light),
    )


def _side_data(picture: Any, name: str) -> bytes | None:  # noqa: ANN401
    return next((bytes(item) for item in picture.side_data if item.type.name == name), None)
