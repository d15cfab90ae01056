"""Movies out: stamps, streams, tags and untouched frames as in the source; whole or absent, whatever interrupts."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made_movies import codes, copy, damage, irregular, make, packets, times

from gyrosharp.errors import OutputError, UsageError
from gyrosharp.media.movie_encoder import plan_encoder
from gyrosharp.media.movie_reader import movie_info, read_frames
from gyrosharp.media.movie_writer import EncodingOptions, MovieWriter

MILLI = Fraction(1, 1000)
QUIET = {"x265-params": "log-level=none"}
UPRIGHT = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
"""A display matrix as phones write it for a movie taken upright."""
LOSSLESS = EncodingOptions(quality=0)


CASES = {
    "a.mp4": {"sound": True},
    "b.mov": {"sound": True, "matrix": UPRIGHT},
    "c.mkv": {"sound": True, "time_base": MILLI, "pix_fmt": "yuv420p10le", "matrix": UPRIGHT},
    "d.mp4": {
        "codec": "libx265",
        "options": QUIET,
        "pix_fmt": "yuv420p10le",
        "matrix": UPRIGHT,
        "tags": {"color_primaries": 9, "color_trc": 18, "colorspace": 9, "color_range": 1},
    },
    "e.mkv": {"codec": "libx265", "options": QUIET, "pix_fmt": "yuv422p12le", "time_base": MILLI},
    "f.mov": {"codec": "mjpeg", "pix_fmt": "yuvj422p"},
    "g.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "h.mkv": {"codec": "ffv1", "pix_fmt": "gbrp12le", "time_base": MILLI, "sound": True},
    "i.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}, "time_base": MILLI},
    "j.mp4": {"codec": "mpeg4", "time_base": Fraction(1, 30000), "tags": {"sample_aspect_ratio": Fraction(4, 3)}},
}


@pytest.mark.parametrize("name", CASES)
def test_the_copy_is_like_the_source(tmp_path, name):
    settings = CASES[name]
    stamps = irregular(30) // (90 if settings.get("time_base") == MILLI else 1)
    source, target = make(tmp_path / name, stamps, **settings), tmp_path / f"out{Path(name).suffix}"
    before, after, notes = copy(source, target)
    assert notes == ()
    assert times(after) == times(before) == [int(s) * settings.get("time_base", Fraction(1, 90000)) for s in stamps]
    for field in ("codec", "pix_fmt", "bit_depth", "time_base", "colour", "rotation_deg", "display_matrix"):
        assert getattr(after, field) == getattr(before, field), field
    assert (after.width, after.height, after.pixel_aspect) == (before.width, before.height, before.pixel_aspect)
    assert after.other_streams == before.other_streams == (("audio",) if settings.get("sound") else ())
    assert packets(target, "audio") == packets(source, "audio")
    assert before.rotation_deg == (-90 if "matrix" in settings else 0)


@pytest.mark.parametrize(
    ("name", "settings", "options"),
    [
        ("a.mp4", {}, LOSSLESS),
        ("a.mkv", {"codec": "ffv1", "pix_fmt": "yuv420p10le", "time_base": MILLI}, None),
        ("b.mkv", {"codec": "ffv1", "pix_fmt": "gbrp12le", "time_base": MILLI}, None),
    ],
)
def test_untouched_frames_are_identical_with_a_lossless_codec(tmp_path, name, settings, options):
    stamps = irregular(20) // (90 if settings else 1)
    source, target = make(tmp_path / name, stamps, **settings), tmp_path / f"out{Path(name).suffix}"
    copy(source, target, options)
    for before, after in zip(codes(source), codes(target), strict=True):
        for plane, again in zip(before, after, strict=True):
            np.testing.assert_array_equal(again, plane)


def test_default_quality_shows_no_loss(tmp_path):
    source, target = make(tmp_path / "a.mp4", irregular(20), size=(320, 240)), tmp_path / "out.mp4"
    copy(source, target)
    squares = [
        np.mean((before[0].astype(float) - after[0]) ** 2)
        for before, after in zip(codes(source), codes(target), strict=True)
    ]
    assert 10 * np.log10(255**2 / np.mean(squares)) > 44


def test_changed_frames(tmp_path):
    """Light goes in, and comes out again, at its place; the others stay as they are."""
    source, target = make(tmp_path / "a.mp4", irregular(20)), tmp_path / "out.mp4"
    info = movie_info(source)
    with MovieWriter(target, info, LOSSLESS) as writer:
        for frame in read_frames(info):
            writer.write(frame, frame.linear() / 2 if frame.index == 7 else None)
    wanted, found = list(read_frames(source)), list(read_frames(target))
    np.testing.assert_allclose(found[7].linear().mean(), wanted[7].linear().mean() / 2, rtol=0.01)
    np.testing.assert_array_equal(found[8].linear(), wanted[8].linear())


def test_light_that_is_not_changed_gives_the_same_codes(tmp_path):
    source, target = make(tmp_path / "a.mp4", irregular(10)), tmp_path / "out.mp4"
    info = movie_info(source)
    with MovieWriter(target, info, LOSSLESS) as writer:
        for frame in read_frames(info):
            writer.write(frame, frame.linear())
    for before, after in zip(codes(source), codes(target), strict=True):
        for plane, again in zip(before, after, strict=True):
            np.testing.assert_array_equal(again, plane)


def test_movies_that_do_not_start_at_zero(tmp_path):
    for start, suffix, unit in ((9001, ".mp4", 1), (100, ".mkv", 90)):
        source = make(
            tmp_path / f"a{suffix}",
            irregular(20, start * unit) // unit,
            sound=True,
            time_base=Fraction(unit, 90000),
        )
        target = tmp_path / f"out{suffix}"
        before, after, notes = copy(source, target)
        assert notes == ()
        assert before.stamps[0] > 0
        assert times(after) == times(before)
        assert packets(target, "audio") == packets(source, "audio")


@pytest.mark.parametrize(
    ("codec", "keys"), [("libx265", ("master-display", "max-cll")), ("libx264", ("mastering-display", "cll"))]
)
def test_mastering_display(tmp_path, codec, keys):
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    settings = f"{keys[0]}={display}:{keys[1]}=1000,400"
    options = {"x265-params": f"log-level=none:{settings}"} if codec == "libx265" else {"x264-params": settings}
    source = make(tmp_path / "a.mp4", irregular(5), codec=codec, pix_fmt="yuv420p10le", options=options)
    before, after, notes = copy(source, tmp_path / "out.mp4")
    assert before.mastering.colours == (34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450)
    assert before.mastering.luminance == (50, 10000000)
    assert before.mastering.content_light == (1000, 400)
    assert after.mastering == before.mastering
    assert notes == ()
    _, _, notes = copy(source, tmp_path / "out.mov", EncodingOptions("prores"))
    assert "prores_ks does not write what the movie says of its mastering display" in notes


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_movies(tmp_path, count):
    before, after, _ = copy(make(tmp_path / "a.mp4", irregular(3)[:count]), tmp_path / "out.mp4")
    assert times(after) == times(before)
    assert after.stamps.size == count


def test_a_very_long_name(tmp_path):
    target = tmp_path / f"{'é' * 120}.mp4"
    info = movie_info(make(tmp_path / "a.mp4", irregular(4)))
    with MovieWriter(target, info) as writer:
        for frame in read_frames(info):
            writer.write(frame)
    assert [path.name for path in tmp_path.iterdir() if path.name != "a.mp4"] == [target.name]


def test_metadata_and_chapters(tmp_path):
    metadata = {"title": "hé", "make": "Canon", "firmware": "H19", "creation_time": "2019-11-18T15:45:32.000000Z"}
    chapters = [{"id": 1, "start": 0, "end": 400, "time_base": MILLI, "metadata": {"title": "one"}}]
    tags = {"movflags": "use_metadata_tags"}
    source = make(tmp_path / "a.mp4", irregular(20), metadata=metadata, chapters=chapters, container_options=tags)
    copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert {key: container.metadata[key] for key in metadata} == metadata
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one"]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mov_text"), (".mkv", "subrip")])
def test_subtitles_cover_and_fonts(tmp_path, suffix, codec):
    unit = 90 if suffix == ".mkv" else 1
    plain = make(tmp_path / f"plain{suffix}", irregular(20) // unit, sound=True, time_base=Fraction(unit, 90000))
    source, target = tmp_path / f"a{suffix}", tmp_path / f"out{suffix}"
    with av.open(str(plain)) as movie, av.open(str(source), "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in movie.streams}
        texts = output.add_mux_stream(codec, time_base=MILLI)
        if suffix == ".mkv":
            output.add_attachment("font.ttf", "application/x-truetype-font", b"letters")
        for packet in movie.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
        for start in (100, 400):
            packet = av.Packet((b"\0\5" if codec == "mov_text" else b"") + b"hello")
            packet.stream, packet.time_base, packet.duration = texts, MILLI, 200
            packet.pts = packet.dts = start
            output.mux(packet)
    before, after, notes = copy(source, target)
    assert notes == ()
    assert after.other_streams == before.other_streams
    assert packets(target, "subtitle") == packets(source, "subtitle")
    assert packets(target, "audio") == packets(source, "audio")


def test_metadata_that_is_not_utf8(tmp_path):
    source = make(tmp_path / "a.mkv", irregular(5) // 90, time_base=MILLI, metadata={"artist": "Aviator"})
    source.write_bytes(source.read_bytes().replace(b"Aviator", b"Av\xffat\xfer"))
    copy(source, tmp_path / "out.mkv")
    assert b"Av\xffat\xfer" in (tmp_path / "out.mkv").read_bytes()


def test_a_container_with_other_steps_of_time_says_so(tmp_path):
    source = make(tmp_path / "a.mp4", irregular(20), sound=True)
    before, after, notes = copy(source, tmp_path / "out.mkv")
    assert after.stamps.size == before.stamps.size
    assert notes[0].startswith("all streams are 0.021")
    assert notes[1].startswith("this container counts time in steps of 1 ms")
    assert [p[2] for p in packets(tmp_path / "out.mkv", "audio")] == [p[2] for p in packets(source, "audio")]


def test_what_has_no_place_is_named(tmp_path):
    source = make(tmp_path / "a.mp4", irregular(8), sound=True)
    _, after, notes = copy(source, tmp_path / "out.webm")
    assert after.codec == "vp9"
    assert notes[0] == "the source is h264, for which there is no place in .webm; written as vp9"
    assert "audio stream" in notes[1]
    assert "no place in webm" in notes[1]


@pytest.mark.parametrize(
    ("codec", "suffix", "depth", "written"),
    [
        ("vp9", ".mp4", 10, "hevc"),  # the VP9 encoder at hand may know 8 bit only
        ("vp9", ".webm", 10, "av1"),
        ("cinepak9", ".mp4", 8, "h264"),
        ("h264", ".webm", 8, "vp9"),
    ],
)
def test_depth_goes_before_codec(tmp_path, codec, suffix, depth, written):
    pix_fmt = "yuv420p10le" if depth == 10 else "yuv420p"
    info = replace(movie_info(make(tmp_path / "a.mp4", irregular(4))), codec=codec, pix_fmt=pix_fmt, bit_depth=depth)
    plan = plan_encoder(info, EncodingOptions(), tmp_path / f"b{suffix}")
    assert plan.pix_fmt == pix_fmt
    if plan.codec != codec:
        assert plan.codec == written
        assert plan.notes[0].startswith(f"the source is {codec}, for which there is ")


def test_av1_keeps_quiet(tmp_path, capfd):
    source = make(tmp_path / "a.mp4", irregular(4), size=(64, 64))
    _, after, _ = copy(source, tmp_path / "out.mp4", EncodingOptions("av1", preset="10"))
    assert after.codec == "av1"
    assert "[info]" not in capfd.readouterr().err


def test_codec_by_choice(tmp_path):
    source = make(tmp_path / "a.mp4", irregular(8), pix_fmt="yuv444p10le")
    _, after, notes = copy(source, tmp_path / "hevc.mp4", EncodingOptions("hevc", 20, "ultrafast"))
    assert (after.codec, after.pix_fmt, notes) == ("hevc", "yuv444p10le", ())
    _, after, notes = copy(source, tmp_path / "prores.mov", EncodingOptions("prores"))
    assert (after.codec, after.pix_fmt, notes) == ("prores", "yuv444p12le", ())  # how FFmpeg reads any ProRes 4444
    _, after, notes = copy(source, tmp_path / "mjpeg.mov", EncodingOptions("mjpeg"))
    assert (after.codec, notes) == ("mjpeg", ("mjpeg cannot hold yuv444p10le; written as yuvj444p",))
    lights = [next(read_frames(path)).linear() for path in (source, tmp_path / "mjpeg.mov")]
    np.testing.assert_allclose(lights[1].mean(), lights[0].mean(), rtol=0.02)  # the range of codes was converted
    _, after, _ = copy(source, tmp_path / "x264.mkv", EncodingOptions("libx264"))
    assert after.codec == "h264"


def test_broken_frames_keep_their_place(tmp_path):
    source = make(tmp_path / "a.mov", irregular(20), codec="mjpeg", pix_fmt="yuvj420p")
    damage(source, 8)
    before, after, _ = copy(source, tmp_path / "out.mov")
    assert times(after) == times(before)
    assert after.stamps.size == 20


def test_misuse(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(8)))
    with pytest.raises(ValueError, match="expected number 0, got 3"), MovieWriter(tmp_path / "out.mp4", info) as writer:
        writer.write(next(read_frames(info, 3)))
    with pytest.raises(ValueError, match="expected shape"), MovieWriter(tmp_path / "out.mp4", info) as writer:
        writer.write(next(read_frames(info)), np.zeros((48, 63, 3), np.float32))
    with pytest.raises(ValueError, match="`with` block"):
        MovieWriter(tmp_path / "out.mp4", info).write(next(read_frames(info)))


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("out.avi", {}, UsageError, "name ending in .mp4"),
        ("out", {}, UsageError, "no suffix"),
        ("out.mp4", {"codec": "nonsense"}, UsageError, "codec: expected one of h264"),
        ("out.mp4", {"codec": "aac"}, UsageError, "codec: expected one of h264"),
        ("out.webm", {"codec": "h264"}, OutputError, "a codec that webm can hold, got h264"),
        ("out.mov", {"codec": "prores", "preset": "slow"}, UsageError, "preset: expected a codec that has one"),
        ("out.mov", {"codec": "hevc", "preset": "swift"}, UsageError, "preset: expected one of ultrafast"),
    ],
)
def test_options_that_cannot_be(tmp_path, name, options, error, words):
    info = movie_info(make(tmp_path / "a.mp4", irregular(4)))
    with pytest.raises(error, match=words):
        MovieWriter(tmp_path / name, info, EncodingOptions(**options))


def test_an_encoder_that_refuses(tmp_path):
    info = movie_info(make(tmp_path / "a.mp4", irregular(4)))
    options = EncodingOptions()
    object.__setattr__(options, "quality", -5)  # past the check, so that it is the encoder that refuses
    writer = MovieWriter(tmp_path / "out.mp4", info, options)
    with pytest.raises(OutputError, match="libx264: the frame cannot be encoded"), writer:
        writer.write(next(read_frames(info)))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "kept", "dropped"),
    [
        ("video/gopro_gpmf/karma.mp4", 3, 1),
        ("video/gopro_gpmf/max-heromode.mp4", 3, 1),
        ("realblur/honorv10_mars/movie.mp4", 0, 0),
    ],
)
def test_real_movies_are_copied(shared_data, tmp_path, name, kept, dropped):
    """Frames, stamps, and every packet of sound and telemetry; GoPro's unknown SOS track is named and left out."""
    source, target = shared_data / name, tmp_path / "out.mp4"
    before, after, notes = copy(source, target, EncodingOptions(preset="ultrafast"))
    assert len(notes) == dropped
    assert all("GoPro SOS" in note for note in notes)
    assert times(after) == times(before)
    assert (after.colour, after.pix_fmt, after.time_base) == (before.colour, before.pix_fmt, before.time_base)
    assert packets(target, "audio") == packets(source, "audio")
    assert len(after.other_streams) == kept
    old, new = packets(source, "data"), packets(target, "data")
    assert set(new) <= set(old)
    assert [packet for packet in old if packet[2][:4] == b"DEVC"] == [p for p in new if p[2][:4] == b"DEVC"]
    with av.open(str(source)) as a, av.open(str(target)) as b:
        for key in ("firmware", "location", "creation_time", "com.android.version"):
            assert a.metadata.get(key) == b.metadata.get(key)
        assert a.streams.video[0].duration == b.streams.video[0].duration
        assert a.streams.video[0].metadata.get("timecode") == b.streams.video[0].metadata.get("timecode")


def test_two_runs_write_the_same_matroska_file(tmp_path):
    path = make(tmp_path / "clip.mkv", irregular(6), codec="ffv1")
    for name in ("a.mkv", "b.mkv"):
        copy(path, tmp_path / name)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


@pytest.mark.parametrize("quality", [-1, 64])
def test_quality_off_the_scale(quality):
    with pytest.raises(UsageError, match="quality: expected 0"):
        EncodingOptions(quality=quality)
