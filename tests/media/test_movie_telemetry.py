"""Data tracks of movies: found by their kind, packets with their times, and damage."""

import struct

import numpy as np
import pytest

from gpmf_files import movie, with_user_data
from gyrosharp.errors import ImageError
from gyrosharp.media.movie import frame_times
from gyrosharp.media.movie_telemetry import MovieTrack, data_packets, movie_tracks, user_data

PACKETS = [(0, b"DEVCone"), (1001, b"two"), (2002, b"three!")]


@pytest.fixture
def clip(tmp_path):
    return movie(tmp_path / "clip.mp4", PACKETS)


def test_tracks(clip):
    pictures, telemetry = movie_tracks(clip)
    assert pictures == MovieTrack(1, "vide", "mp4v", "VideoHandler")
    assert telemetry == MovieTrack(2, "meta", "gpmd", "GoPro MET")


def test_packets_and_their_times(clip):
    packets = data_packets(clip, "gpmd", b"DEVC")
    assert [packet.data for packet in packets] == [content for _, content in PACKETS]
    np.testing.assert_allclose([packet.time_s for packet in packets], [0.0, 1.001, 2.002])
    np.testing.assert_allclose([packet.duration_s for packet in packets], [1.001, 1.001, 1.0])
    assert [packet.data for packet in data_packets(clip, "gpmd", limit=2)] == [b"DEVCone", b"two"]


def test_times_are_those_of_the_frames(tmp_path):
    """Pictures that begin late (an edit list) do so in both clocks: packets and frames share one."""
    late = movie(tmp_path / "late.mp4", PACKETS, start=15)
    assert frame_times(late)[0] == pytest.approx(0.5, abs=1e-3)
    assert data_packets(late, "gpmd")[1].time_s == pytest.approx(1.001)


def test_other_kinds(tmp_path, clip):
    other = movie(tmp_path / "other.mp4", PACKETS, kind=b"camm")
    assert [track.kind for track in movie_tracks(other)] == ["mp4v", "camm"]
    assert data_packets(other, "gpmd") == () and len(data_packets(other, "camm")) == 3
    assert data_packets(clip, "gpmd", b"XXXX") == ()


def test_user_data(clip):
    assert user_data(clip, "GPMF") is None
    with_user_data(clip, b"GPMF", b"DEVC settings")
    assert user_data(clip, "GPMF") == b"DEVC settings"
    assert len(data_packets(clip, "gpmd")) == 3


def test_mime_of_text_metadata(tmp_path):
    """A `mett` description: 8 bytes of box, 8 of entry, then the content encoding and the type, each ended by 0."""
    entry = b"mett" + bytes(6) + b"\0\1" + b"\0application/gyrolog\0"
    kinds = struct.pack(">II", 0, 1) + struct.pack(">I", len(entry) + 4) + entry
    content = struct.pack(">I", len(kinds) + 8) + b"stsd" + kinds
    for key in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        content = struct.pack(">I", len(content) + 8) + key + content
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    (track,) = movie_tracks(path)
    assert (track.kind, track.mime) == ("mett", "application/gyrolog")


def test_long_and_open_boxes(tmp_path):
    """A size of 1 is followed by 64 bits of size, a size of 0 runs to the end of the file."""
    user = struct.pack(">I", 0) + b"udta" + struct.pack(">I", 11) + b"GPMFabc"
    path = tmp_path / "a.mp4"
    path.write_bytes(struct.pack(">I4sQ", 1, b"free", 20) + bytes(4) + struct.pack(">I", 0) + b"moov" + user)
    assert user_data(path, "GPMF") == b"abc"


@pytest.mark.parametrize("content", [b"", b"no movie at all", bytes(64)])
def test_what_is_no_movie(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert movie_tracks(path) == () and user_data(path, "GPMF") is None
    with pytest.raises(ImageError, match=r"a\.mp4: expected a movie, got a damaged or unknown file"):
        data_packets(path, "gpmd")


def test_endless_boxes(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x08moov" * 50_000)
    assert movie_tracks(path) == () and data_packets(path, "gpmd") == ()


def test_missing_files(tmp_path):
    assert movie_tracks(tmp_path / "none.mp4") == () and movie_tracks(tmp_path) == ()
    with pytest.raises(ImageError, match="no such file"):
        data_packets(tmp_path / "none.mp4", "gpmd")


def test_cut_and_flipped_files(clip, tmp_path):
    """Damage gives tracks and packets, or one line."""
    data, rng, path = clip.read_bytes(), np.random.default_rng(0), tmp_path / "damaged.mp4"
    start = data.rindex(b"moov")
    cases = [data[:size] for size in range(0, len(data), max(len(data) // 60, 1))]
    for _ in range(150):
        flipped = bytearray(data)
        for position in rng.integers(start, len(data), size=3):
            flipped[position] ^= 1 << rng.integers(0, 8)
        cases.append(bytes(flipped))
    for case in cases:
        path.write_bytes(case)
        movie_tracks(path)
        user_data(path, "GPMF")
        try:
            data_packets(path, "gpmd", b"DEVC")
        except ImageError as error:
            assert "damaged.mp4" in str(error) and "\n" not in str(error)


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "count", "settings"), [("karma", 13, None), ("max-heromode", 11, 25600)])
def test_real_clips(shared_data, name, count, settings):
    path = shared_data / "video" / "gopro_gpmf" / f"{name}.mp4"
    assert [track.kind for track in movie_tracks(path)] == ["avc1", "mp4a", "tmcd", "gpmd", "fdsc"]
    packets = data_packets(path, "gpmd", b"DEVC")
    np.testing.assert_allclose([packet.time_s for packet in packets], 1.001 * np.arange(count))
    found = user_data(path, "GPMF")
    assert (None if found is None else len(found)) == settings
