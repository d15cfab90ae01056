"""Movies out, interrupted: by Ctrl-C, a kill, a full disk; and gone on with. The target is whole or absent."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_movies import codes, copy, irregular, make, packets, partial, times

import gyrosharp
from gyrosharp.errors import OutputError, UsageError
from gyrosharp.media import movie_writer
from gyrosharp.media.movie_join import decode_times
from gyrosharp.media.movie_reader import movie_info, read_frames
from gyrosharp.media.movie_writer import EncodingOptions, MovieWriter, segment_length

LOSSLESS = EncodingOptions(quality=0)


def interrupted(target, info, count, **keywords):
    """Write `count` frames and stop as Ctrl-C does."""
    with pytest.raises(KeyboardInterrupt), MovieWriter(target, info, **keywords) as writer:
        for frame in read_frames(info, writer.finished):
            if frame.index == count:
                raise KeyboardInterrupt
            writer.write(frame)
    return writer


def test_going_on_gives_the_same_file(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(300), sound=True))
    target = tmp_path / "out.mp4"
    copy(info.path, tmp_path / "whole.mp4")
    assert interrupted(target, info, 160).finished == 0
    assert not target.exists()
    length = segment_length(info)
    assert interrupted(target, info, 250, resume=True).finished == length
    assert interrupted(target, info, 260, resume=True).finished == 2 * length
    copy(info.path, target, resume=True)
    assert target.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert times(movie_info(target)) == times(info)


def test_segments_change_nothing_but_key_frames(tmp_path, monkeypatch):
    source = make(tmp_path / "a.mp4", irregular(90))
    copy(source, tmp_path / "one.mp4", LOSSLESS)
    monkeypatch.setattr(movie_writer, "segment_length", lambda _info: 13)
    copy(source, tmp_path / "many.mp4", LOSSLESS)
    one, many = movie_info(tmp_path / "one.mp4"), movie_info(tmp_path / "many.mp4")
    assert times(one) == times(many)
    assert many.keys.size >= 7 > one.keys.size
    decoding = [packet[1] for packet in packets(tmp_path / "many.mp4", "video")]
    assert (np.diff(decoding) > 0).all()
    for before, after in zip(codes(tmp_path / "one.mp4"), codes(tmp_path / "many.mp4"), strict=True):
        np.testing.assert_array_equal(before[0], after[0])


def test_a_run_with_other_settings_is_started_anew(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(300)))
    target = tmp_path / "out.mp4"
    interrupted(target, info, 150, work="strength 1")
    writer = interrupted(target, info, 150, work="strength 0.5", resume=True)
    assert writer.finished == 0
    assert writer.notes == ("an earlier, unfinished run had another source or other settings; it is started anew",)
    assert interrupted(target, info, 150, work="strength 0.5", resume=True).finished == segment_length(info)
    assert interrupted(target, info, 150, work="strength 0.5").finished == 0  # not asked to go on


def test_a_damaged_segment_is_written_anew(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(300)))
    target = tmp_path / "out.mp4"
    interrupted(target, info, 250)
    first, second = sorted(partial(target).glob("*.segment"))
    data = bytearray(second.read_bytes())
    data[len(data) // 2] ^= 1
    second.write_bytes(data)
    assert interrupted(target, info, 250, resume=True).finished == segment_length(info)
    first.write_bytes(b"")
    assert interrupted(target, info, 250, resume=True).finished == 0


SCRIPT = """
import sys
from gyrosharp.media.movie_reader import movie_info, read_frames
from gyrosharp.media.movie_writer import MovieWriter
info = movie_info(sys.argv[1])
with MovieWriter(sys.argv[2], info, resume=True) as writer:
    for frame in read_frames(info, writer.finished):
        print(frame.index, flush=True)
        writer.write(frame)
    print("last", flush=True)
"""


def test_killed_at_any_moment(tmp_path):
    source, target = make(tmp_path / "a.mp4", irregular(250)), tmp_path / "out.mp4"
    copy(source, tmp_path / "whole.mp4")
    paths = [str(Path(gyrosharp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    for moment, at in (
        (signal.SIGKILL, "99"),
        (signal.SIGINT, "130"),
        (signal.SIGKILL, "200"),
        (signal.SIGKILL, "last"),
    ):
        command = [sys.executable, "-c", SCRIPT, str(source), str(target)]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as run:
            for line in run.stdout:
                if line.strip() == at:
                    run.send_signal(moment)
                    break
        assert not target.exists() or target.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    if not target.exists():
        copy(source, target, resume=True)
    assert target.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} <= {
        "a.mp4",
        "out.mp4",
        "whole.mp4",
        partial(target) and partial(target).name,
    }


def test_a_full_disk_leaves_no_target(tmp_path, monkeypatch):
    info = movie_info(make(tmp_path / "a.mp4", irregular(30)))

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(movie_writer, "join", full)
    with pytest.raises(OutputError, match="the disk is full"), MovieWriter(tmp_path / "out.mp4", info) as writer:
        for frame in read_frames(info):
            writer.write(frame)
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.undo()
    with MovieWriter(tmp_path / "out.mp4", info, resume=True) as writer:
        assert writer.finished == 30
    assert times(movie_info(tmp_path / "out.mp4")) == times(info)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_while_encoding(tmp_path, monkeypatch):
    info = movie_info(make(tmp_path / "a.mp4", irregular(30)))
    writer = MovieWriter(tmp_path / "out.mp4", info)
    with pytest.raises(OutputError, match="the disk is full"), writer:
        frames = read_frames(info)
        writer.write(next(frames))
        with Path("/dev/full").open("wb", buffering=0) as full:
            monkeypatch.setattr(writer._segment._file, "_file", full)
            for frame in frames:
                writer.write(frame)
    assert not (tmp_path / "out.mp4").exists()


def test_an_existing_target_is_kept(tmp_path):
    source = make(tmp_path / "a.mp4", irregular(8))
    target = tmp_path / "out.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        MovieWriter(target, movie_info(source))
    assert target.read_bytes() == b"mine"
    copy(source, target, force=True)
    assert movie_info(target).stamps.size == 8
    with pytest.raises(UsageError, match="another file than the source"):
        MovieWriter(source, movie_info(source), force=True)


def test_too_few_frames(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(8)))
    with (
        pytest.raises(OutputError, match="expected 8 frames, got 1"),
        MovieWriter(tmp_path / "out.mp4", info) as writer,
    ):
        writer.write(next(read_frames(info)))
    assert not (tmp_path / "out.mp4").exists()


def test_segments_of_two_encoders_are_not_joined(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(250)))
    with (
        pytest.raises(OutputError, match="segments of one encoder, got two"),
        MovieWriter(tmp_path / "o.mp4", info) as w,
    ):
        for frame in read_frames(info):
            w.write(frame)
            if frame.index == 150:
                w._store.segments[0] = replace(w._store.segments[0], extradata=b"other")


@pytest.mark.parametrize("delay", [0, 1, 2, 5])
def test_decode_times(delay):
    stamps = np.array([100, 130, 200, 205, 300])
    decoding = decode_times(stamps, delay)
    assert (np.diff(decoding) > 0).all()
    np.testing.assert_array_equal(decoding[delay:], stamps[: 5 - delay])
    assert decoding[0] <= stamps[0]
