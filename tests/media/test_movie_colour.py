"""Colour of movie frames: hand-worked codes, another converter, and the way back, code for code."""

from dataclasses import replace

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from made_movies import irregular, make, scene

from gyrosharp.media.movie_colour import curve_note, frame_colour, from_linear, luma, planes, to_linear
from gyrosharp.media.movie_reader import read_frames
from gyrosharp.media.transfer import SRGB, encode_codes


def picture(pix_fmt, codes, size=(16, 8), matrix=1, code_range=1, transfer=1):
    """A frame whose planes are filled with one code each."""
    frame = av.VideoFrame(*size, pix_fmt)
    for plane, code in zip(planes(frame), codes, strict=True):
        plane[...] = code
    frame.colorspace, frame.color_range, frame.color_trc = matrix, code_range, transfer
    return frame


def natural(pix_fmt, height=60, width=86, matrix=1, code_range=1):
    frame = av.VideoFrame.from_ndarray(scene(5, height, width), format="rgb24")
    colour = "ITU709" if matrix == 1 else "ITU601"
    frame = frame.reformat(format=pix_fmt, dst_colorspace=colour, dst_color_range=code_range)
    frame.colorspace, frame.color_range = matrix, code_range
    return frame


def shown(frame, codec="h264"):
    """The R'G'B' of the middle of a frame, in 8-bit units."""
    pixels = to_linear(frame, frame_colour(frame, codec))
    return encode_codes(pixels, SRGB, np.uint16)[frame.height // 2, frame.width // 2] / 257


@pytest.mark.parametrize(
    ("frame", "rgb"),
    [
        # limited range: black 16, white 235; full: 0 and 255; more bits shift them left
        (("yuv420p", (16, 128, 128)), (0, 0, 0)),
        (("yuv420p", (235, 128, 128)), (255, 255, 255)),
        (("yuv420p10le", (940, 512, 512)), (255, 255, 255)),
        (("yuv422p12le", (16 * 16, 2048, 2048)), (0, 0, 0)),
        (("yuvj420p", (255, 128, 128)), (255, 255, 255)),
        (("yuvj420p", (127, 128, 128)), (127, 127, 127)),
        # pure red in BT.709: Y' = 0.2126, C_b = -0.2126 / 1.8556, C_r = 1/2, in steps of 219 and 224
        (("yuv444p", (62.56, 102.34, 240)), (255, 0, 0)),
        # the same in BT.601: Y' = 0.299, C_b = -0.299 / 1.772
        (("yuv444p", (81.48, 90.20, 240), (16, 8), 5), (255, 0, 0)),
        # planes of RGB come as G, B, R
        (("gbrp", (10, 20, 30)), (30, 10, 20)),
        (("gbrp10le", (1023, 0, 0)), (0, 255, 0)),
        (("gray", (77,), (16, 8), 1, 0), (77, 77, 77)),
        (("gray12le", (4095,), (16, 8), 1, 2), (255, 255, 255)),
    ],
)
def test_hand_worked_codes(frame, rgb):
    pix_fmt, codes, *rest = frame
    np.testing.assert_allclose(shown(picture(pix_fmt, np.rint(codes), *rest)), rgb, atol=1.2)


def test_luma_is_between_black_and_white():
    frame = picture("yuv420p10le", (64 + 876 / 4, 512, 512))
    np.testing.assert_allclose(luma(frame, frame_colour(frame, "h264")), 0.25, atol=1e-6)
    frame = picture("gbrp", (200, 100, 50))
    wanted = (0.7152 * 200 + 0.0722 * 100 + 0.2126 * 50) / 255
    np.testing.assert_allclose(luma(frame, frame_colour(frame, "h264")), wanted, atol=1e-6)


def test_untagged_frames_follow_their_height():
    assert frame_colour(picture("yuv420p", (0, 0, 0), (16, 719), 2), "h264").k_r == 0.299
    assert frame_colour(picture("yuv420p", (0, 0, 0), (16, 720), 2), "h264").k_r == 0.2126


def test_curves():
    linear = picture("gbrp16le", (32768, 32768, 32768), transfer=8)
    np.testing.assert_allclose(to_linear(linear, frame_colour(linear, "ffv1")), 0.5, atol=1e-4)
    gamma = picture("gbrp16le", (32768, 32768, 32768), transfer=4)
    np.testing.assert_allclose(to_linear(gamma, frame_colour(gamma, "ffv1")), 0.5**2.2, atol=1e-4)
    assert "PQ" in curve_note(16)
    assert curve_note(1) is None


EXACT = int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT)
"""Without these flags swscale is up to a whole code too dark."""


def differs_from_swscale(frame, colour, **options):
    # the borders differ in how chroma goes on outside
    theirs = frame.to_ndarray(format="rgb24", interpolation=EXACT, **options).astype(float)
    ours = encode_codes(to_linear(frame, colour), SRGB, np.uint16) / 257
    return np.abs(ours - theirs)[4:-4, 4:-4].max()


@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p"])
def test_agrees_with_swscale(pix_fmt, matrix):
    """Another converter gives the same 8-bit codes, to its rounding; it takes chroma of such frames as centred."""
    frame = natural(pix_fmt, matrix=matrix)
    assert differs_from_swscale(frame, frame_colour(frame, "mjpeg")) < 0.52


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p"])
def test_chroma_of_h264_lies_on_the_even_columns(tmp_path, pix_fmt):
    frame = next(read_frames(make(tmp_path / "a.mp4", irregular(3), pix_fmt=pix_fmt, size=(128, 96))))
    assert differs_from_swscale(frame.picture, frame.colour, src_colorspace=5) < 0.52
    assert differs_from_swscale(frame.picture, replace(frame.colour, centred=True), src_colorspace=5) > 2


PLANAR = ["yuv420p", "yuvj420p", "yuv422p", "yuv440p", "yuv420p10le", "yuv444p12le", "gbrp", "gbrp10le", "gray"]
PACKED = ["nv12", "p010le", "yuyv422", "rgb24", "bgra", "yuva444p10le", "yuv411p"]


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
@pytest.mark.parametrize("pix_fmt", PLANAR + PACKED)
def test_there_and_back(pix_fmt, codec):
    """Light back to codes gives the codes it came from: all of them, in every format."""
    width = 96 if pix_fmt in PACKED else 86
    frame = natural(pix_fmt, width=width, code_range=2 if pix_fmt.startswith("yuvj") else 1)
    colour = frame_colour(frame, codec)
    again = from_linear(to_linear(frame, colour), frame, colour)
    assert again.format.name == pix_fmt
    assert (again.colorspace, again.color_range) == (frame.colorspace, frame.color_range)
    if pix_fmt == "yuv411p":  # through 4:4:4 by way of swscale: close, not exact
        return
    plain = {"p010le": "yuv420p10le", "yuyv422": "yuv422p", "nv12": "yuv420p", "rgb24": "gbrp", "bgra": "gbrap"}
    if pix_fmt in plain:  # packed: the same samples one by one
        frame, again = (each.reformat(format=plain[pix_fmt]) for each in (frame, again))
    for before, after in zip(planes(frame), planes(again), strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 5), (9, 12)])
def test_odd_sizes(height, width):
    frame = natural("yuv420p", height, width)
    colour = frame_colour(frame, "h264")
    pixels = to_linear(frame, colour)
    assert pixels.shape == (height, width, 3)
    again = from_linear(pixels, frame, colour)
    np.testing.assert_allclose(planes(again)[0].astype(int), planes(frame)[0], atol=1)


def test_what_lies_outside_is_clipped():
    frame = picture("yuv420p", (255, 128, 128))  # brighter than white
    colour = frame_colour(frame, "h264")
    pixels = to_linear(frame, colour)
    assert pixels.max() == 1.0
    assert planes(from_linear(pixels * 4 - 1, frame, colour))[0][0, 0] == 235


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["video/gopro_gpmf/karma.mp4", "realblur/honorv10_mars/movie.mp4"])
def test_real_frames_come_back(shared_data, name, record_property):
    """Luma of real frames survives the way to light and back but where it is brighter than white or out of gamut."""
    with av.open(str(shared_data / name)) as container:
        frame = next(container.decode(video=0))
    colour = frame_colour(frame, "h264")
    again = from_linear(to_linear(frame, colour), frame, colour)
    off = np.abs(planes(frame)[0].astype(int) - planes(again)[0])
    record_property("luma_exact_share", float((off == 0).mean()))
    assert (off == 0).mean() > 0.99
    assert (off <= 1).mean() > 0.995
