"""Frames of movies made in memory: the right one, at the right time, with the rotation stated."""

import struct

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from made_movies import damage, irregular, make

from gyrosharp.errors import ImageError
from gyrosharp.media.exif import read_orientation
from gyrosharp.media.image_file import read_image, write_image
from gyrosharp.media.movie import frame_times, movie_size, read_frame
from gyrosharp.media.transfer import SRGB, encode_codes

COUNT, RATE_HZ = 30, 25
# The matrix of a track header, as 16.16 numbers a b u c d v x y w, for each turn a phone asks of its player.
MATRICES = {6: (0, 1, 0, -1, 0, 0), 3: (-1, 0, 0, 0, -1, 0), 8: (0, -1, 0, 1, 0, 0)}


def make_movie(path, height=64, width=96, options=None, pix_fmt="yuv420p", codec="libx264"):
    """Write frames of even grey 16, 20, 24 ... with B frames and a key frame every 10."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE_HZ, options=options or {"g": "10", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        for index in range(COUNT):
            grey = np.full((height, width, 3), 16 + 4 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())
    return path


def rotated(path, orientation):
    """Set the display matrix in the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version 0: flags, times and id, reserved, layer to volume
    struct.pack_into(">6i", data, start, *(value << 16 for value in MATRICES[orientation]))
    path.write_bytes(data)
    return path


def level(picture):
    return encode_codes(picture.pixels_linear, SRGB, np.uint8).mean()


def test_every_frame_comes_back_in_order(tmp_path):
    path = make_movie(tmp_path / "a.mp4")
    np.testing.assert_allclose(np.diff(frame_times(path)), 1 / RATE_HZ, atol=1e-9)
    assert frame_times(path).size == COUNT
    assert movie_size(path) == (96, 64)
    for index in range(COUNT):
        picture = read_frame(path, index)
        assert picture.pixels_linear.shape == (64, 96, 3)
        assert (picture.orientation, picture.bit_depth, picture.notes) == (1, 8, ())
        assert level(picture) == pytest.approx(16 + 4 * index, abs=2)


@pytest.mark.parametrize("orientation", MATRICES)
def test_rotation_is_stated_and_not_applied(tmp_path, orientation):
    path = rotated(make_movie(tmp_path / "a.mp4"), orientation)
    picture = read_frame(path, 3)
    assert picture.pixels_linear.shape == (64, 96, 3)
    assert picture.orientation == orientation == read_orientation(picture.metadata.exif)
    write_image(tmp_path / "frame.png", picture.pixels_linear, picture)
    assert read_image(tmp_path / "frame.png").orientation == orientation


def test_untagged_hd_is_bt709(tmp_path):
    pixels = np.zeros((720, 64, 3), np.uint8)
    pixels[..., 1] = 200
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 720, "yuv420p"
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.colorspace = 2
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    codes = encode_codes(read_frame(tmp_path / "a.mp4", 0).pixels_linear, SRGB, np.uint8)
    np.testing.assert_allclose(codes[300, 30], [0, 200, 0], atol=3)


def test_ten_bit_movies_become_sixteen_bit_pictures(tmp_path):
    path = make_movie(tmp_path / "a.mkv", pix_fmt="yuv420p10le", codec="ffv1", options={})
    picture = read_frame(path, 7)
    assert picture.bit_depth == 16
    assert encode_codes(picture.pixels_linear, SRGB, np.uint16).mean() / 257 == pytest.approx(44, abs=1)


def test_hdr_curves_are_noted(tmp_path):
    path = make_movie(tmp_path / "a.mp4", options={"x264-params": "transfer=smpte2084"})
    assert read_frame(path, 0).notes == ("the movie's PQ curve is read as sRGB",)


@pytest.mark.parametrize("index", [-1, COUNT])
def test_frame_out_of_range(tmp_path, index):
    with pytest.raises(ImageError, match=f"frame from 0 to {COUNT - 1}, got {index}"):
        read_frame(make_movie(tmp_path / "a.mp4"), index)


def test_what_is_no_movie(tmp_path, capfd):
    (tmp_path / "a.mp4").write_bytes(b"hello, I am no movie" * 10)
    for path, words in ((tmp_path / "none.mp4", "no such file"), (tmp_path, "folder"), (tmp_path / "a.mp4", "damaged")):
        with pytest.raises(ImageError, match=words):
            frame_times(path)
        with pytest.raises(ImageError, match=words):
            read_frame(path, 0)
    assert capfd.readouterr() == ("", "")


def test_truncated_movie(tmp_path, capfd):
    path = make_movie(tmp_path / "a.mp4")
    data = path.read_bytes()
    for share in (0.1, 0.5, 0.9):  # the index is at the end
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(ImageError):
            read_frame(path, 5)
    assert capfd.readouterr() == ("", "")


def test_sound_is_no_movie(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ImageError, match="without pictures"):
        frame_times(tmp_path / "a.wav")


def test_a_frame_that_does_not_decode(tmp_path):
    path = make(tmp_path / "a.mov", irregular(4), codec="mjpeg", pix_fmt="yuvj420p")
    damage(path, 2)
    with pytest.raises(ImageError, match="frame 2 cannot be decoded: it cannot be decoded"):
        read_frame(path, 2)
    assert read_frame(path, 3).notes == ()


def test_a_damaged_frame_is_shown_with_a_note(tmp_path):
    path = make(tmp_path / "a.mp4", irregular(30))
    damage(path, 13)  # the fourth packet of the second group, which shows as its fifth frame
    notes = [read_frame(path, index).notes for index in (13, 14, 20)]
    assert notes[0] == notes[2] == ()
    assert notes[1][0].startswith("frame 14 is broken: its data is damaged")


@pytest.mark.shared_data
def test_phone_recording(shared_data):
    path = shared_data / "realblur/honorv10_mars/movie.mp4"
    times_s = frame_times(path)
    assert times_s.size == 25
    np.testing.assert_allclose(np.diff(times_s), 0.0334, atol=0.001)
    with av.open(str(path)) as container:
        # without these flags swscale is a whole code too dark
        rounded = int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT)
        frames = [frame.to_ndarray(format="rgb24", interpolation=rounded) for frame in container.decode(video=0)]
    for index in (0, 11, 24):
        codes = encode_codes(read_frame(path, index).pixels_linear, SRGB, np.uint8).astype(int)
        np.testing.assert_allclose(codes, frames[index], atol=1)
