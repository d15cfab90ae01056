"""EXIF blocks are built, parsed back and survive damage."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gyrosharp.media.exif import (
    EXIF_IFD,
    GPS_IFD,
    Entry,
    Ifd,
    PhotoTags,
    build_block,
    orientation_block,
    parse_block,
    read_orientation,
    read_tags,
)


def text(value):
    raw = value.encode() + b"\0"
    return Entry(2, len(raw), raw)


def block(order="<", **changes):
    def rational(top, bottom):
        return Entry(5, 1, struct.pack(f"{order}II", top, bottom))

    def short(value):
        return Entry(3, 1, struct.pack(f"{order}H", value))

    shot = {
        0x829A: rational(1, 25),
        0x8827: short(800),
        0x920A: rational(447, 100),
        0xA405: short(26),
        0x9003: text("2024:05:06 07:08:09"),
        0x9291: text("125"),
        0x9011: text("+02:00"),
    } | changes.get("shot", {})
    ifd = Ifd(
        {0x010F: text("Maker"), 0x0110: text("Model 1"), 0x0112: short(6)},
        {EXIF_IFD: Ifd(shot), GPS_IFD: Ifd({1: text("N")})},
    )
    return build_block(order, ifd)


@pytest.mark.parametrize("order", ["<", ">"])
def test_round_trip(order):
    data = block(order)
    assert build_block(*parse_block(data)) == data
    assert read_orientation(data) == 6
    assert read_tags(data) == PhotoTags(
        exposure_time_s=0.04,
        focal_length_mm=4.47,
        focal_35mm=26.0,
        iso=800,
        make="Maker",
        model="Model 1",
        datetime_original=datetime(2024, 5, 6, 7, 8, 9, 125000, timezone(timedelta(hours=2))),
    )


def test_pillow_agrees():
    from PIL import Image

    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block())
    assert exif[0x0112] == 6
    assert exif.get_ifd(EXIF_IFD)[0x829A] == 0.04
    assert exif.get_ifd(GPS_IFD)[1] == "N"
    assert read_tags(exif.tobytes()[6:]) == read_tags(block())


@pytest.mark.parametrize(
    ("zone", "expected"), [("Z", UTC), ("   :  ", None), ("-03:30", timezone(-timedelta(hours=3.5)))]
)
def test_utc_offset(zone, expected):
    assert read_tags(block(shot={0x9011: text(zone)})).datetime_original.tzinfo == expected


def test_cleared_fields_are_none():
    zero = Entry(5, 1, struct.pack("<II", 0, 0))
    tags = read_tags(block(shot={0x829A: zero, 0x920A: zero, 0x9003: text("0000:00:00 00:00:00"), 0xA405: text("x")}))
    assert (tags.exposure_time_s, tags.focal_length_mm, tags.focal_35mm, tags.datetime_original) == (None,) * 4


def test_large_iso_is_taken_from_the_second_field():
    shot = {0x8827: Entry(3, 1, b"\xff\xff"), 0x8832: Entry(4, 1, struct.pack("<I", 102400))}
    assert read_tags(block(shot=shot)).iso == 102400


@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_block(value):
    assert read_orientation(orientation_block(value)) == value


def test_orientation_out_of_range_is_upright():
    assert read_orientation(orientation_block(9)) == 1
    assert read_orientation(None) == 1


def test_damage_never_raises():
    data = block()
    for cut in range(len(data)):
        read_tags(data[:cut])
        read_orientation(data[:cut])
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        read_tags(bytes(damaged))
        read_orientation(bytes(damaged))
    with pytest.raises(ValueError, match="TIFF header"):
        parse_block(b"JUNKJUNK")
    with pytest.raises(ValueError, match="outside"):
        parse_block(data[:20])


def test_a_loop_of_directories_ends():
    data = bytearray(orientation_block(1))
    struct.pack_into("<HHII", data, 10, EXIF_IFD, 4, 1, 8)  # the only entry points to its own directory
    assert read_tags(bytes(data)) == PhotoTags()
