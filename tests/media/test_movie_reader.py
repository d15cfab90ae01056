"""Movies frame by frame: one frame per stamp at the right place, whatever is damaged, missing or cut."""

from fractions import Fraction

import av
import numpy as np
import pytest
from made_movies import damage, irregular, make, sample_places

from gyrosharp.errors import GyrosharpError, ImageError
from gyrosharp.media import movie_reader
from gyrosharp.media.movie_colour import planes
from gyrosharp.media.movie_file import Decoded, decoded, seconds
from gyrosharp.media.movie_reader import movie_info, read_frames

MILLI = Fraction(1, 1000)
QUIET = {"x265-params": "log-level=none:keyint=10"}
KINDS = {
    "h264.mp4": {},
    "h264.mkv": {"time_base": MILLI},
    "hevc.mp4": {"codec": "libx265", "options": QUIET, "pix_fmt": "yuv420p10le"},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1", "time_base": MILLI},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
}
COUNT = 32


def movie(folder, name, count=COUNT):
    stamps = irregular(count)
    return make(folder / name, stamps // 90 if name.endswith("mkv") else stamps, **KINDS[name])


def grey(frame):
    return frame.picture.to_ndarray(format="gray")


def all_frames(path, first=0):
    """Read a movie and check what always holds: every stamp once, in order, every frame of the right size."""
    info = movie_info(path)
    frames = list(read_frames(info, first))
    assert [frame.index for frame in frames] == list(range(first, info.stamps.size))
    assert [frame.stamp for frame in frames] == info.stamps[first:].tolist()
    assert {grey(frame).shape for frame in frames} == {(info.height, info.width)}
    return info, frames


@pytest.mark.parametrize("name", KINDS)
def test_stamps_are_the_camera_s(tmp_path, name):
    info, frames = all_frames(movie(tmp_path, name))
    unit = 90 if name.endswith("mkv") else 1
    np.testing.assert_array_equal(info.stamps * info.time_base * 90000 // unit, irregular(COUNT) // unit)
    assert not any(frame.broken or frame.repeated for frame in frames)
    assert info.notes == ()
    assert info.codec == name.split(".")[0]


@pytest.mark.parametrize("name", KINDS)
def test_starting_in_the_middle_gives_the_same_frames(tmp_path, name):
    path = movie(tmp_path, name)
    _, whole = all_frames(path)
    for first in (1, 9, 10, 11, 19, COUNT - 1):  # around key frames, where B frames come before them
        _, tail = all_frames(path, first)
        for mine, wanted in zip(tail, whole[first:], strict=True):
            np.testing.assert_array_equal(grey(mine), grey(wanted))


@pytest.mark.parametrize("name", KINDS)
def test_info(tmp_path, name):
    info = movie_info(movie(tmp_path, name))
    settings = KINDS[name]
    assert (info.width, info.height, info.rotation_deg, info.display_matrix) == (64, 48, 0, None)
    assert info.pix_fmt == settings.get("pix_fmt", "yuv420p")
    assert info.bit_depth == (10 if "10" in info.pix_fmt else 8)
    assert info.other_streams == ()
    np.testing.assert_allclose(info.times_s, seconds(info.stamps, info.time_base))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("place", [0, 13, COUNT - 1])
def test_a_packet_of_zeros_is_one_broken_frame(tmp_path, name, place):
    path = movie(tmp_path, name)
    position, size = sample_places(path)[place]
    data = bytearray(path.read_bytes())
    if name.endswith("mkv"):  # a few bytes only: zeros over a whole block look like the end of a cluster
        position, size = position + size // 2, size // 4
    data[position : position + size] = bytes(size)
    path.write_bytes(data)
    info, frames = all_frames(path)
    assert info.stamps.size == COUNT
    broken = [frame.index for frame in frames if frame.broken]
    keys = np.searchsorted(info.stamps, info.keys)
    assert broken or name.endswith("mkv")  # a few bytes may be read as a picture all the same
    assert all(not keys[(keys > broken[0]) & (keys <= index)].size for index in broken)  # a key frame ends it


def test_a_missing_frame_repeats_the_one_before(tmp_path):
    path = movie(tmp_path, "mjpeg.mov")
    _, whole = all_frames(path)
    damage(path, 13)
    _, frames = all_frames(path)
    assert [frame.index for frame in frames if frame.broken] == [13]
    assert frames[13].repeated
    assert frames[13].broken.startswith("it cannot be decoded")
    np.testing.assert_array_equal(grey(frames[13]), grey(whole[12]))
    np.testing.assert_array_equal(grey(frames[14]), grey(whole[14]))


def test_frames_built_on_a_broken_one_say_so(tmp_path):
    path = movie(tmp_path, "h264.mp4")
    damage(path, 13)  # the fourth packet of the second group, which shows as its fifth frame
    _, frames = all_frames(path)
    reasons = {frame.index: frame.broken for frame in frames if frame.broken}
    assert list(reasons) == [14, 15, 16, 17, 18, 19][: len(reasons)]
    assert reasons[14].startswith("its data is damaged")
    assert reasons[15] == "it may be built on frame 14, which is broken"
    assert not frames[14].repeated
    # the same when reading starts behind it
    _, tail = all_frames(path, 15)
    assert {frame.index: frame.broken for frame in tail if frame.broken} == {k: v for k, v in reasons.items() if k > 14}


def test_a_first_key_frame_that_is_missing(tmp_path):
    path = movie(tmp_path, "h264.mp4")
    headless = tmp_path / "headless.mp4"
    with av.open(str(path)) as source, av.open(str(headless), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size and packet.pts > 0:
                packet.stream = stream
                output.mux(packet)
    info, frames = all_frames(headless)
    assert info.stamps.size == COUNT - 1
    first_key = int(np.searchsorted(info.stamps, info.keys[0]))
    assert first_key > 3
    assert all(frame.broken for frame in frames[:first_key])
    assert not any(frame.broken for frame in frames[first_key:])


def test_edit_lists_are_obeyed(tmp_path):
    """A movie trimmed without encoding: the frames before the cut are decoded but not shown."""
    path = movie(tmp_path, "h264.mp4")
    trimmed = tmp_path / "trimmed.mp4"
    with av.open(str(path)) as source, av.open(str(trimmed), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0], opaque=True)
        start = int(irregular(COUNT)[5])
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, stream
                output.mux(packet)
    info, frames = all_frames(trimmed)
    assert info.stamps.size == COUNT - 5
    np.testing.assert_array_equal(info.stamps, irregular(COUNT)[5:] - irregular(COUNT)[5])
    whole = list(read_frames(path))
    np.testing.assert_array_equal(grey(frames[0]), grey(whole[5]))
    assert not any(frame.broken for frame in frames)
    np.testing.assert_array_equal(grey(next(read_frames(trimmed, 7))), grey(whole[12]))


def test_a_file_cut_behind_its_index_gives_what_is_there(tmp_path):
    path = make(tmp_path / "a.mp4", irregular(COUNT), container_options={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    info, _ = all_frames(path)
    assert 5 < info.stamps.size < COUNT - 5
    assert "the file is cut: its last" in info.notes[0]


def test_a_matroska_file_that_is_cut_gives_what_is_there(tmp_path):
    path = movie(tmp_path, "h264.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    info, _ = all_frames(path)
    assert 5 < info.stamps.size < COUNT - 5
    assert "the file is cut: its last" in info.notes[0]


def test_a_hole_is_mentioned(tmp_path):
    stamps = irregular(20)
    stamps[12:] += 30000
    info = movie_info(make(tmp_path / "a.mp4", stamps))
    gap_s = (stamps[12] - stamps[11]) / 90000
    assert info.notes == (f"no frame comes for {gap_s:.2f} s after frame 11; were some lost there?",)


def test_a_frame_of_another_size_is_scaled_and_broken(tmp_path):
    large = make(tmp_path / "large.mkv", [0, 40], codec="mjpeg", pix_fmt="yuvj420p", size=(96, 80), time_base=MILLI)
    small = make(tmp_path / "small.mkv", [0, 40, 80], codec="mjpeg", pix_fmt="yuvj420p", time_base=MILLI)
    with av.open(str(small)) as source, av.open(str(large)) as other, av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0], opaque=True)
        packets = [packet for packet in source.demux(video=0) if packet.size]
        packets.insert(1, next(packet for packet in other.demux(video=0) if packet.pts == 40))
        for number, packet in enumerate(packets):
            packet.stream, packet.pts, packet.dts = stream, 40 * number, 40 * number
            output.mux(packet)
    _, frames = all_frames(tmp_path / "a.mkv")
    assert [frame.broken for frame in frames] == [None, "it is 96 x 80 px where 64 x 48 are due; scaled", None, None]


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mjpeg.mov"])
def test_whatever_is_damaged_gives_frames_or_one_line(tmp_path, name, capfd):
    path = movie(tmp_path, name, count=12)
    data = path.read_bytes()
    rng = np.random.default_rng(4)
    broken = [data[: int(share * len(data))] for share in np.linspace(0, 0.999, 20)]
    for _ in range(40):
        copy = bytearray(data)
        for place in rng.integers(0, len(data), rng.choice([1, 8, 60])):
            copy[place] = rng.integers(256)
        broken.append(bytes(copy))
    for content in broken:
        path.write_bytes(content)
        try:
            all_frames(path)
        except GyrosharpError as error:
            assert isinstance(error, ImageError)
            assert "\n" not in str(error)
    assert capfd.readouterr() == ("", "")


def test_luma_small(tmp_path):
    frame = next(read_frames(movie(tmp_path, "h264.mp4")))
    small = frame.luma_small(4)
    assert small.shape == (12, 16)
    codes = planes(frame.picture)[0].astype(float)
    assert small[3, 5] == pytest.approx(((codes[12:16, 20:24] - 16) / 219).mean(), abs=1e-5)


def test_nothing_left_to_read(tmp_path):
    assert list(read_frames(movie(tmp_path, "h264.mp4"), COUNT)) == []


@pytest.mark.parametrize("first", [-1, COUNT + 1])
def test_frame_out_of_range(tmp_path, first):
    with pytest.raises(ImageError, match=f"frame from 0 to {COUNT - 1}, got {first}"):
        read_frames(movie(tmp_path, "h264.mp4"), first)


def test_damage_after_nothing_but_damage(tmp_path, monkeypatch):
    """Where no frame is good, the last of the bad ones stands in for what is missing."""
    path = movie(tmp_path, "h264.mp4", count=10)
    info = movie_info(path)
    monkeypatch.setattr(movie_reader, "decoded", bad_then_nothing)
    frames = list(read_frames(info))
    assert [frame.index for frame in frames] == list(range(10))
    assert all(frame.broken for frame in frames)
    assert [frame.repeated for frame in frames] == [False] * 3 + [True] * 7
    monkeypatch.setattr(movie_reader, "decoded", lambda _packets: iter(()))
    with pytest.raises(ImageError, match="frame 0 cannot be decoded, nor any after it"):
        list(read_frames(info))


def bad_then_nothing(packets):
    for number, (picture, stamp, _) in enumerate(decoded(packets)):
        if number < 3:
            yield Decoded(picture, stamp, "bad")


def test_what_is_no_movie(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no movie at all" * 20)
    for path, words in ((tmp_path / "none.mp4", "no such file"), (tmp_path, "folder"), (tmp_path / "a.mp4", "damaged")):
        with pytest.raises(ImageError, match=words):
            movie_info(path)


def test_nothing_that_decodes(tmp_path):
    path = movie(tmp_path, "mjpeg.mov", count=4)
    data = bytearray(path.read_bytes())
    for position, size in sample_places(path):
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="expected frames that can be decoded, got none"):
        movie_info(path)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("video/gopro_gpmf/karma.mp4", 362, (854, 480)),
        ("video/gopro_gpmf/max-heromode.mp4", 315, (848, 480)),
        ("realblur/honorv10_mars/movie.mp4", 25, (720, 1280)),
    ],
)
def test_real_movies(shared_data, name, count, size):
    info = movie_info(shared_data / name)
    assert (info.stamps.size, info.width, info.height, info.notes) == (count, *size, ())
    tail = list(read_frames(info, count - 3))
    assert [(frame.index, frame.broken) for frame in tail] == [(count - 3 + k, None) for k in range(3)]
