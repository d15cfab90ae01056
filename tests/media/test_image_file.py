"""Pictures survive reading and writing: every container, depth and channel count, with their metadata."""

import io
import struct
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from gyrosharp.errors import ImageError, OutputError
from gyrosharp.media import image_file, jpeg, png, stored, webp
from gyrosharp.media.exif import EXIF_IFD, GPS_IFD, Entry, Ifd, build_block, parse_block
from gyrosharp.media.header import Header, read_header
from gyrosharp.media.image_file import ImageFile, read_image, require_writable, write_image
from gyrosharp.media.stored import Metadata, StoredImage
from gyrosharp.media.transfer import LINEAR, SRGB, decode_codes

HEIGHT, WIDTH = 37, 53
XMP = b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"/><?xpacket end="w"?>'
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}
TOPS = {np.uint8: 255, np.uint16: 65535, np.float32: 1}


def display_p3_like_icc():
    """A 3-channel profile of gamma 1.8, which no one mistakes for sRGB."""
    tag = b"para\0\0\0\0\0\0\0\0" + struct.pack(">i", round(1.8 * 65536))
    offset = 128 + 4 + 36
    table = b"".join(struct.pack(">4sII", name, offset, len(tag)) for name in (b"rTRC", b"gTRC", b"bTRC"))
    size = offset + len(tag)
    header = struct.pack(">I4xI4s4s4s", size, 0x04200000, b"mntr", b"RGB ", b"XYZ ") + b"\0" * 12 + b"acsp"
    return header.ljust(128, b"\0") + struct.pack(">I", 3) + table + tag


def exif_block(order="<"):
    def entry(value):
        return Entry(2, len(value) + 1, value + b"\0")

    orientation = Entry(3, 1, struct.pack(f"{order}H", 6))
    exposure = Entry(5, 1, struct.pack(f"{order}II", 1, 15))
    nested = {EXIF_IFD: Ifd({0x829A: exposure, 0x927C: Entry(7, 9, b"makernote")}), GPS_IFD: Ifd({1: entry(b"N")})}
    return build_block(order, Ifd({0x10F: entry(b"Maker"), 0x110: entry(b"Model"), 0x112: orientation}, nested))


def picture(dtype, channels, alpha=False, seed=0):
    """Smooth codes with some noise: `StoredImage` with full metadata."""
    rng = np.random.default_rng(seed)
    planes = rng.random((HEIGHT, WIDTH, channels + alpha), np.float32)
    planes = cv2.GaussianBlur(planes, (0, 0), 4).reshape(planes.shape)
    planes = (planes - planes.min()) / np.ptp(planes)
    planes = planes if dtype is np.float32 else np.round(planes * TOPS[dtype]).astype(dtype)
    icc = display_p3_like_icc() if channels == 3 else None
    metadata = Metadata(exif_block(), icc, XMP, (300.0, 200.0))
    return StoredImage(planes[..., :channels], planes[..., channels] if alpha else None, metadata)


def file_of(tmp_path, container, stored_image, name="in"):
    path = tmp_path / (name + SUFFIXES[container])
    path.write_bytes(image_file.FORMATS[container].encode(stored_image))
    return path


CASES = [
    ("jpeg", np.uint8, 1, False),
    ("jpeg", np.uint8, 3, False),
    *[("png", dtype, c, a) for dtype in (np.uint8, np.uint16) for c in (1, 3) for a in (False, True)],
    *[("tiff", dtype, c, a) for dtype in (np.uint8, np.uint16, np.float32) for c in (1, 3) for a in (False, True)],
    ("webp", np.uint8, 3, False),
    ("webp", np.uint8, 3, True),
]
IDS = [f"{c}-{d.__name__}-{n}{'a' if a else ''}" for c, d, n, a in CASES]


@pytest.mark.parametrize(("container", "dtype", "channels", "alpha"), CASES, ids=IDS)
def test_round_trip(tmp_path, container, dtype, channels, alpha):
    source = picture(dtype, channels, alpha)
    if container == "webp":
        source = replace(source, compression=stored.WebpCompression(lossless=True))
    path = file_of(tmp_path, container, source)
    first = read_image(path)
    assert (first.container, first.channels, first.bit_depth) == (container, channels, np.dtype(dtype).itemsize * 8)
    assert (first.height, first.width, first.orientation) == (HEIGHT, WIDTH, 6)
    assert first.tags.make == "Maker" and first.tags.exposure_time_s == 1 / 15
    assert not first.pixels_linear.flags.writeable
    assert read_header(path) == Header(WIDTH, HEIGHT, first.tags)
    if container != "jpeg":
        curve = LINEAR if dtype is np.float32 else (first.transfer if channels == 3 else SRGB)
        np.testing.assert_array_equal(first.pixels_linear, decode_codes(source.codes, curve))

    copy = tmp_path / ("out" + SUFFIXES[container])
    assert write_image(copy, first.pixels_linear, first) == ()
    second = read_image(copy)
    assert_same_file(first, second)
    if container == "jpeg":
        assert np.abs(second.pixels_linear - first.pixels_linear).max() < 0.05
    else:
        np.testing.assert_array_equal(second.pixels_linear, first.pixels_linear)


def assert_same_file(first, second):
    assert (second.container, second.bit_depth, second.orientation) == (
        first.container, first.bit_depth, first.orientation,
    )  # fmt: skip
    assert (second.alpha is None) == (first.alpha is None)
    if first.alpha is not None:
        np.testing.assert_array_equal(second.alpha, first.alpha)
    assert second.metadata.exif == first.metadata.exif
    assert second.metadata.icc == first.metadata.icc
    assert second.metadata.xmp == first.metadata.xmp
    assert second.metadata.extras == first.metadata.extras
    assert (second.metadata.dpi is None) == (first.metadata.dpi is None)
    if first.metadata.dpi is not None:
        assert second.metadata.dpi == pytest.approx(first.metadata.dpi, rel=1e-4)
    assert second.tags == first.tags
    assert second.transfer == first.transfer


@pytest.mark.parametrize("container", SUFFIXES)
def test_metadata_reaches_other_readers(tmp_path, container):
    path = file_of(tmp_path, container, picture(np.uint8, 3))
    with Image.open(path) as opened:
        exif = opened.getexif()
        assert set(opened.size) == {WIDTH, HEIGHT}  # Pillow turns TIFF files by their orientation, and only those
        assert (exif[0x10F], exif[0x112]) == ("Maker", 6)
        assert exif.get_ifd(EXIF_IFD)[0x829A] == pytest.approx(1 / 15)
        assert exif.get_ifd(GPS_IFD)[1] == "N"
        assert opened.info["icc_profile"] == display_p3_like_icc()
        assert (opened.info.get("xmp") or opened.tag_v2[700]) == XMP
        if container != "webp":
            assert opened.info["dpi"] == pytest.approx((300, 200), rel=1e-3)


@pytest.mark.parametrize("container", SUFFIXES)
def test_pixels_agree_with_pillow(tmp_path, container):
    source = picture(np.uint8, 3)
    source = replace(source, metadata=Metadata())
    path = file_of(tmp_path, container, source)
    with Image.open(path) as opened:
        codes = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(read_image(path).pixels_linear, decode_codes(codes, SRGB))


def test_every_code_survives_a_file(tmp_path):
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    first = read_image(file_of(tmp_path, "png", StoredImage(np.repeat(codes, 3, axis=2))))
    write_image(tmp_path / "out.png", first.pixels_linear, first)
    written = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, np.repeat(codes, 3, axis=2))


# --- JPEG


def test_jpeg_is_no_coarser_than_its_source(tmp_path):
    codes = picture(np.uint8, 3).codes
    for quality in (60, 95, 100):
        path = tmp_path / "in.jpg"
        Image.fromarray(codes).save(path, quality=quality, subsampling=1, progressive=True)
        first = read_image(path)
        write_image(tmp_path / "out.jpg", first.pixels_linear, first, overwrite=True)
        written = read_image(tmp_path / "out.jpg").compression
        limits = np.array(first.compression.luma), np.array(first.compression.chroma)
        assert (np.array(written.luma) <= limits[0]).all() and (np.array(written.chroma) <= limits[1]).all()
        assert max(written.luma) <= 0.16 * 121 + 1
        assert (written.subsampling, written.progressive) == (1, True)


def test_jpeg_quality_92_is_pillows():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=92)
    with Image.open(buffer) as opened:
        assert jpeg._fine_tables(StoredImage(np.zeros((8, 8, 3), np.uint8))) == list(opened.quantization.values())


def test_jpeg_keeps_unknown_segments_and_large_profiles(tmp_path):
    metadata = Metadata(
        icc=bytes(range(256)) * 600,
        extras=(
            ("ED", b"Photoshop 3.0\x008BIM"),
            ("FE", b"a comment"),
            ("E1", b"http://ns.adobe.com/xmp/extension/\0x"),
        ),
    )
    path = file_of(tmp_path, "jpeg", replace(picture(np.uint8, 3), metadata=metadata))
    first = read_image(path)
    assert first.metadata == metadata
    assert first.notes == ("the colour profile holds no usable tone curve; sRGB's is taken",)
    with Image.open(path) as opened:
        assert opened.info["icc_profile"] == metadata.icc
        assert opened.info["comment"] == b"a comment"


def test_multi_picture_jpeg(tmp_path):
    path = tmp_path / "in.jpg"
    frames = [Image.fromarray(picture(np.uint8, 3, seed=seed).codes) for seed in (0, 1)]
    frames[0].save(path, format="MPO", save_all=True, append_images=frames[1:])
    first = read_image(path)
    assert "further pictures" in first.notes[0]
    write_image(tmp_path / "out.jpg", first.pixels_linear, first)
    assert read_image(tmp_path / "out.jpg").notes == ()


def test_cmyk_jpeg_is_refused(tmp_path):
    Image.new("CMYK", (20, 10)).save(tmp_path / "in.jpg")
    with pytest.raises(ImageError, match="CMYK"):
        read_image(tmp_path / "in.jpg")


# --- PNG


def test_strips_deflated_side_by_side_make_one_stream(monkeypatch):
    monkeypatch.setattr(png, "_STRIP_BYTES", 1000)
    rows = np.random.default_rng(3).integers(0, 9, (50, 301), np.uint8)
    assert zlib.decompress(png._deflate(rows)) == rows.tobytes()


@pytest.mark.parametrize("mode", ["P", "1"])
def test_palette_and_bilevel_png_are_refused(tmp_path, mode):
    Image.new(mode, (20, 10)).save(tmp_path / "in.png")
    with pytest.raises(ImageError, match="convert it"):
        read_image(tmp_path / "in.png")


def test_png_gamma_and_text_chunks(tmp_path):
    extras = (("gAMA", struct.pack(">I", 100000)), ("tEXt", b"Title\0Dunes"))
    source = replace(picture(np.uint8, 3), metadata=Metadata(extras=extras))
    first = read_image(file_of(tmp_path, "png", source))
    np.testing.assert_allclose(first.pixels_linear, source.codes / 255, atol=1e-6)
    write_image(tmp_path / "out.png", first.pixels_linear, first)
    assert read_image(tmp_path / "out.png").metadata.extras == extras
    # TIFF does not state this curve: readers would take sRGB, so sRGB it is
    write_image(tmp_path / "out.tif", first.pixels_linear, first)
    np.testing.assert_allclose(read_image(tmp_path / "out.tif").pixels_linear, first.pixels_linear, atol=0.005)


def test_compressed_xmp_and_transparent_colour(tmp_path):
    data = png.encode(replace(picture(np.uint8, 3), metadata=Metadata()))
    end = data.index(b"IDAT") - 4
    packet = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)
    chunks = png._chunk(b"iTXt", packet) + png._chunk(b"tRNS", b"\0" * 6)
    (tmp_path / "in.png").write_bytes(data[:end] + chunks + data[end:])
    first = read_image(tmp_path / "in.png")
    assert first.metadata.xmp == XMP and first.alpha is None
    assert "transparent colour" in first.notes[0]


def test_a_bomb_in_a_chunk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(png, "_MAX_TEXT_BYTES", 1000)
    metadata = Metadata(icc=b"\0" * 5000)
    with pytest.raises(ImageError, match="too long"):
        read_image(file_of(tmp_path, "png", replace(picture(np.uint8, 3), metadata=metadata)))


# --- TIFF


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg-free lzw 16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_compressions(tmp_path, compression, channels):
    path = tmp_path / "in.tif"
    if compression == "jpeg-free lzw 16":
        codes = picture(np.uint16, channels).codes
        cv2.imwrite(str(path), codes[..., ::-1])
    else:
        codes = picture(np.uint8, channels).codes
        Image.fromarray(codes[..., 0] if channels == 1 else codes).save(path, compression=compression)
    first = read_image(path)
    np.testing.assert_array_equal(first.pixels_linear, decode_codes(codes, SRGB))
    write_image(tmp_path / "out.tif", first.pixels_linear, first)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert (file.pages[0].compression == 1) == (compression is None)
    np.testing.assert_array_equal(read_image(tmp_path / "out.tif").pixels_linear, first.pixels_linear)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_tiff_layouts(tmp_path, order, planar, tile):
    codes = picture(np.uint16, 3).codes
    pixels = np.moveaxis(codes, -1, 0) if planar == "separate" else codes
    path = tmp_path / "in.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", planarconfig=planar, byteorder=order, tile=tile)
    first = read_image(path)
    np.testing.assert_array_equal(first.pixels_linear, decode_codes(codes, SRGB))
    write_image(tmp_path / "out.tif", first.pixels_linear, first)
    second = read_image(tmp_path / "out.tif")
    np.testing.assert_array_equal(second.pixels_linear, first.pixels_linear)
    assert second.compression.byte_order == order


def test_tiff_keeps_byte_order_iptc_and_resolution_in_cm(tmp_path):
    tags = [(33723, 7, 7, b"\x1c\x02\x05\0\2IP", True)]
    codes = picture(np.uint8, 3).codes
    path = tmp_path / "in.tif"
    tifffile.imwrite(path, codes, photometric="rgb", resolution=(100, 50), resolutionunit="CENTIMETER", extratags=tags)
    first = read_image(path)
    assert first.metadata.dpi == (254.0, 127.0)
    write_image(tmp_path / "out.tif", first.pixels_linear, first)
    assert read_image(tmp_path / "out.tif").metadata.extras == first.metadata.extras == (("33723/7/7", tags[0][3]),)


def test_premultiplied_alpha_stays_premultiplied(tmp_path):
    source = picture(np.uint8, 3, alpha=True)
    planes = np.dstack([source.codes, source.alpha])
    tifffile.imwrite(tmp_path / "in.tif", planes, photometric="rgb", extrasamples=["assocalpha"])
    first = read_image(tmp_path / "in.tif")
    write_image(tmp_path / "out.tif", first.pixels_linear, first)
    assert read_image(tmp_path / "out.tif").compression.alpha_kind == 1


def test_further_tiff_pages_are_noted(tmp_path):
    codes = picture(np.uint8, 3).codes
    tifffile.imwrite(tmp_path / "in.tif", np.stack([codes, codes]), photometric="rgb")
    assert "first of 2 pages" in read_image(tmp_path / "in.tif").notes[0]


def test_bigtiff(tmp_path):
    codes = picture(np.uint8, 3).codes
    tifffile.imwrite(tmp_path / "in.tif", codes, photometric="rgb", bigtiff=True)
    first = read_image(tmp_path / "in.tif")
    assert first.notes == ("metadata of BigTIFF files is not kept",)
    write_image(tmp_path / "out.tif", first.pixels_linear, first)


def test_highlights_of_floating_point_files_survive(tmp_path):
    codes = picture(np.float32, 3).codes * 3 - 0.01
    first = read_image(file_of(tmp_path, "tiff", StoredImage(codes)))
    np.testing.assert_array_equal(first.pixels_linear, codes)
    assert "linear light" in first.notes[0]


@pytest.mark.parametrize(
    ("codes", "photometric", "words"),
    [
        (np.zeros((9, 9), np.float64), "minisblack", "float64"),
        (np.zeros((9, 9), np.int16), "minisblack", "int16"),
        (np.zeros((9, 9), np.uint32), "minisblack", "uint32"),
        (np.zeros((9, 9), np.uint8), "miniswhite", "MINISWHITE"),
        (np.zeros((9, 9, 4), np.uint8), "separated", "SEPARATED"),
        (np.zeros((9, 9, 5), np.uint8), "rgb", "5 channels"),
        (np.full((9, 9), np.nan, np.float32), "minisblack", "NaN"),
        (np.full((9, 9), 255, np.float32), "minisblack", "linear light"),
    ],
)
def test_unsupported_tiff(tmp_path, codes, photometric, words):
    tifffile.imwrite(tmp_path / "in.tif", codes, photometric=photometric)
    with pytest.raises(ImageError, match=words):
        read_image(tmp_path / "in.tif")


def test_dng_with_a_tiff_suffix_is_refused(tmp_path):
    tags = [(50706, 1, 4, b"\1\4\0\0", True)]
    tifffile.imwrite(tmp_path / "in.tif", np.zeros((9, 9), np.uint8), extratags=tags)
    with pytest.raises(ImageError, match="raw"):
        read_image(tmp_path / "in.tif")


# --- WebP


def test_webp_lossy_stays_lossy_and_small_in_error(tmp_path):
    first = read_image(file_of(tmp_path, "webp", picture(np.uint8, 3)))
    assert not first.compression.lossless
    write_image(tmp_path / "out.webp", first.pixels_linear, first)
    assert np.abs(read_image(tmp_path / "out.webp").pixels_linear - first.pixels_linear).max() < 0.1


def test_animated_webp_is_refused(tmp_path):
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "in.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="animated"):
        read_image(tmp_path / "in.webp")


# --- other containers


def test_sixteen_bit_rgba_to_jpeg(tmp_path):
    first = read_image(file_of(tmp_path, "png", picture(np.uint16, 3, alpha=True)))
    notes = write_image(tmp_path / "out.jpg", first.pixels_linear, first)
    assert [word in " ".join(notes) for word in ("JPEG instead of PNG", "8 bit", "alpha")] == [True] * 3
    second = read_image(tmp_path / "out.jpg")
    assert (second.metadata.exif, second.metadata.icc, second.metadata.xmp) == (
        first.metadata.exif,
        first.metadata.icc,
        XMP,
    )
    assert second.transfer == first.transfer


def test_grey_floating_point_alpha_to_webp(tmp_path):
    source = picture(np.float32, 1, alpha=True)
    first = read_image(file_of(tmp_path, "tiff", source))
    notes = write_image(tmp_path / "out.webp", first.pixels_linear, first)
    assert "grey is written as RGB" in notes
    second = read_image(tmp_path / "out.webp")
    assert (second.channels, second.bit_depth, second.transfer) == (3, 8, SRGB)
    np.testing.assert_array_equal(second.alpha, np.round(source.alpha * 255))
    assert second.orientation == 6


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_moves_from_jpeg_to_tiff_and_back(tmp_path, order):
    source = picture(np.uint8, 3)
    source = replace(source, metadata=replace(source.metadata, exif=exif_block(order)))
    first = read_image(file_of(tmp_path, "jpeg", source))
    write_image(tmp_path / "out.tif", first.pixels_linear, first)
    second = read_image(tmp_path / "out.tif")
    assert parse_block(second.metadata.exif) == parse_block(first.metadata.exif)
    write_image(tmp_path / "back.jpg", second.pixels_linear, second)
    assert read_image(tmp_path / "back.jpg").metadata.exif == first.metadata.exif


def test_metadata_that_does_not_fit_into_jpeg_is_dropped_and_noted(tmp_path):
    big = b"II*\0\x08\0\0\0\0\0\0\0\0\0" + b"\0" * 70000
    source = replace(picture(np.uint8, 3), metadata=Metadata(exif=big, xmp=big))
    first = read_image(file_of(tmp_path, "png", source))
    notes = " ".join(write_image(tmp_path / "out.jpg", first.pixels_linear, first))
    assert "EXIF does not fit" in notes and "XMP does not fit" in notes
    assert read_image(tmp_path / "out.jpg").metadata.exif is None


# --- damage


@pytest.mark.parametrize(("container", "dtype"), sorted({case[:2] for case in CASES}, key=str))
def test_truncated_files_are_refused(tmp_path, capfd, container, dtype):
    source = replace(picture(dtype, 3), metadata=Metadata())
    data = file_of(tmp_path, container, source).read_bytes()
    path = tmp_path / "cut.bin"
    for share in (0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert "\n" not in str(caught.value)
    if container != "tiff":  # its last bytes are metadata: without them the pixels are whole
        path.write_bytes(data[:-3])
        with pytest.raises(ImageError, match="truncated"):
            read_image(path)
    assert capfd.readouterr() == ("", "")


def test_truncated_lzw_tiff(tmp_path, capfd):
    path = tmp_path / "in.tif"
    cv2.imwrite(str(path), picture(np.uint16, 3).codes)
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(ImageError):
            read_image(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("container", SUFFIXES)
def test_flipped_bytes_give_an_image_or_one_line(tmp_path, capfd, container):
    source = picture(np.uint8, 3)
    data = file_of(tmp_path, container, source).read_bytes()
    rng = np.random.default_rng(5)
    path = tmp_path / "flipped.bin"
    for position in rng.integers(0, len(data), 300):
        damaged = bytearray(data)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            assert read_image(path).pixels_linear.ndim == 3
        except ImageError as error:
            assert "\n" not in str(error)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, I am no picture", "something else"),
        (b"GIF89a" + b"\0" * 50, "GIF is not supported yet"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 50, "HEIC is not supported yet; convert it"),
        (b"\0\0\0\x18ftypavif" + b"\0" * 50, "AVIF is not supported yet"),
        (b"RIFF\x20\0\0\0WAVE" + b"\0" * 50, "something else"),
        (b"\xff\xd8\xff", "damaged or truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"II*\0", "damaged or truncated"),
    ],
)
def test_no_image(tmp_path, content, words):
    path = tmp_path / "in.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words):
        read_image(path)


def test_missing_folder_and_raw(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        read_header(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="got a folder"):
        read_image(tmp_path)
    (tmp_path / "in.NEF").write_bytes(b"MM\0*" + b"\0" * 100)
    with pytest.raises(ImageError, match="develop it to 16-bit TIFF"):
        read_image(tmp_path / "in.NEF")


@pytest.mark.parametrize("container", SUFFIXES)
def test_huge_pictures_are_refused_before_decoding(tmp_path, monkeypatch, container):
    path = file_of(tmp_path, container, picture(np.uint8, 3))
    monkeypatch.setattr(stored, "MAX_PIXELS", HEIGHT * WIDTH - 1)
    with pytest.raises(ImageError, match="megapixels"):
        read_image(path)


def test_empty_pictures_are_refused():
    with pytest.raises(ImageError, match="0 x 5"):
        stored.require_size("in.png", 0, 5)


@pytest.mark.parametrize(
    ("error", "words"),
    [(PermissionError(13, "Permission denied"), "Permission denied"), (MemoryError(), "memory")],
    ids=["permission", "memory"],
)
def test_unreadable_and_out_of_memory(tmp_path, monkeypatch, error, words):
    path = file_of(tmp_path, "png", picture(np.uint8, 3))

    def fail(*_args):
        raise error

    monkeypatch.setattr(image_file, "_container", fail)
    with pytest.raises(ImageError, match=words):
        read_image(path)


# --- writing


def small(tmp_path):
    return read_image(file_of(tmp_path, "png", picture(np.uint8, 3)))


def test_input_is_never_overwritten_unasked(tmp_path):
    first = small(tmp_path)
    before = first.path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_image(first.path, first.pixels_linear * 0, first)
    assert first.path.read_bytes() == before
    write_image(first.path, first.pixels_linear * 0, first, overwrite=True)
    assert read_image(first.path).pixels_linear.max() == 0


def test_values_are_clipped(tmp_path):
    first = small(tmp_path)
    write_image(tmp_path / "out.png", first.pixels_linear * 9 - 4, first)
    second = read_image(tmp_path / "out.png").pixels_linear
    np.testing.assert_allclose(second, np.clip(first.pixels_linear * 9 - 4, 0, 1), atol=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    first = small(tmp_path)
    pixels = first.pixels_linear.copy()
    pixels[3, 4, 1] = value
    with pytest.raises(OutputError, match="NaN"):
        write_image(tmp_path / "out.png", pixels, first)
    assert not (tmp_path / "out.png").exists()


def test_another_shape_is_refused(tmp_path):
    first = small(tmp_path)
    with pytest.raises(OutputError, match=r"\(37, 53, 3\)"):
        write_image(tmp_path / "out.png", first.pixels_linear[1:], first)


@pytest.mark.parametrize("name", ["out", "out.gif", "out.png.txt"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.jpg .*\.webp"):
        require_writable(tmp_path / name)


def test_suffix_case_does_not_matter(tmp_path):
    assert require_writable(tmp_path / "OUT.JPEG") == "jpeg"


@pytest.mark.parametrize("name", ["out.jpg", "out.webp"])
def test_too_long_for_the_container(tmp_path, monkeypatch, name):
    first = small(tmp_path)
    monkeypatch.setattr(jpeg, "_MAX_SIDE", 50)
    monkeypatch.setattr(webp, "_MAX_SIDE", 50)
    with pytest.raises(OutputError, match=r"out.*at most 50 px"):
        write_image(tmp_path / name, first.pixels_linear, first)


def test_encoder_failure_is_one_line(tmp_path, monkeypatch):
    first = small(tmp_path)

    def fail(_image):
        raise ValueError("broken\nencoder")

    monkeypatch.setitem(image_file.FORMATS, "png", replace(image_file.FORMATS["png"], encode=fail))
    with pytest.raises(OutputError, match="broken encoder"):
        write_image(tmp_path / "out.png", first.pixels_linear, first)


def test_a_picture_made_in_memory_can_be_written(tmp_path):
    pixels = picture(np.float32, 3).codes
    write_image(tmp_path / "out.png", pixels, ImageFile(tmp_path / "none", pixels, "png", 16))
    np.testing.assert_allclose(read_image(tmp_path / "out.png").pixels_linear, pixels, atol=2e-5)


# --- real files


@pytest.mark.shared_data
def test_camera_photos_keep_their_metadata(shared_data, tmp_path):
    for name in ("mdx_Canon_EOS_350D.jpg", "mdx_Apple_iPhone_6.jpg", "mdx_Nikon_D90.jpg"):
        first = read_image(shared_data / "images/free-train1mp" / name)
        write_image(tmp_path / name, first.pixels_linear, first)
        second = read_image(tmp_path / name)
        assert_same_file(first, second)
        assert np.abs(second.pixels_linear - first.pixels_linear).mean() < 0.004
