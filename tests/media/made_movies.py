"""Small movies made in memory for the tests of reading and writing movies."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np

from gyrosharp.media.movie_colour import planes
from gyrosharp.media.movie_reader import movie_info, read_frames
from gyrosharp.media.movie_writer import MovieWriter

TICKS = Fraction(1, 90000)


def scene(index, height=48, width=64, seed=3):
    """A smooth coloured pattern that moves, (H, W, 3) uint8, with a little noise; no two frames are alike."""
    y, x = np.mgrid[:height, :width] / 16.0
    waves = [np.sin(x + 0.3 * index + c) * np.cos(y - 0.2 * index * c) for c in (0.0, 1.0, 2.0)]
    noise = np.random.default_rng(seed + index).normal(0, 2, (height, width, 3))
    return np.clip(110 + 60 * np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)


def irregular(count, start=0):
    """Stamps of a variable frame rate, in ticks: gaps between 20 and 60 ms, none a round number."""
    gaps = np.random.default_rng(1).integers(1801, 5399, count - 1)
    return start + np.concatenate([[0], np.cumsum(gaps)])


def make(path, stamps, **settings):
    """Write one frame per stamp; packets get their stamps from the encoder, as cameras do.

    Settings: codec, pix_fmt, options, size (w, h), time_base, sound (bool), matrix (9 int), tags (dict for the codec
    context), metadata (dict), container_options.
    """
    want = SimpleNamespace(
        codec="libx264", pix_fmt="yuv420p", options=None, size=(64, 48), time_base=TICKS, sound=False, matrix=None,
        tags={}, metadata={}, container_options={}, text=False, chapters=[],
    )  # fmt: skip
    vars(want).update(settings)
    options = {"bf": "2", "g": "10", "crf": "10"} if want.options is None and want.codec == "libx264" else want.options
    with av.open(str(path), "w", container_options=want.container_options) as output:
        output.metadata.update(want.metadata)
        output.set_chapters(want.chapters)
        stream = output.add_stream(want.codec, rate=30, options=dict(options or {}))
        stream.width, stream.height = want.size
        stream.pix_fmt = want.pix_fmt
        stream.codec_context.time_base = stream.time_base = want.time_base
        for name, value in want.tags.items():
            setattr(stream.codec_context, name, value)
        if want.matrix:
            stream.set_display_matrix(want.matrix)
        sound = _sound(output) if want.sound else None
        for index, stamp in enumerate(stamps):
            picture = av.VideoFrame.from_ndarray(scene(index, want.size[1], want.size[0]), format="rgb24")
            picture = picture.reformat(format=want.pix_fmt)
            picture.pts, picture.time_base = int(stamp), want.time_base
            output.mux(stream.encode(picture))
        output.mux(stream.encode())
        if sound is not None:
            _fill(output, sound, float(stamps[-1] * want.time_base))
    return path


def _sound(output):
    sound = output.add_stream("aac", rate=48000)
    sound.codec_context.layout = "stereo"
    return sound


def _fill(output, sound, seconds):
    rng = np.random.default_rng(2)
    for block in range(int(seconds * 48000) // 1024 + 1):
        samples = av.AudioFrame.from_ndarray(rng.normal(0, 0.1, (2, 1024)).astype(np.float32), "fltp", "stereo")
        samples.sample_rate, samples.pts, samples.time_base = 48000, 1024 * block, Fraction(1, 48000)
        output.mux(sound.encode(samples))
    output.mux(sound.encode())


def packets(path, kind):
    """Return (stamp, decoding time, bytes) of every packet of the streams of a kind, times in seconds."""
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, packet.dts * packet.time_base, bytes(packet))
            for packet in container.demux()
            if packet.size and packet.stream.type == kind
        ]


def sample_places(path):
    """Return (position, size) of the pictures' packets in the file, in decoding order."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def damage(path, number, share=0.9):
    """Overwrite the middle of one packet's data."""
    position, size = sample_places(path)[number]
    data = bytearray(path.read_bytes())
    hit = int(size * share) // 2 * 2
    start = position + size - hit
    data[start : start + hit] = np.random.default_rng(number).bytes(hit)
    path.write_bytes(data)


def copy(source, target, options=None, **keywords):
    """Write every frame as it was decoded; return what the two files hold, and the notes."""
    info = movie_info(source)
    with MovieWriter(target, info, options, **keywords) as writer:
        for frame in read_frames(info, writer.finished):
            writer.write(frame)
    assert partial(target) is None
    return info, movie_info(target), writer.notes


def partial(target):
    folder = target.with_name(f".{target.name}.gyrosharp-partial")
    return folder if folder.exists() else None


def times(info):
    return [int(stamp) * info.time_base for stamp in info.stamps]


def codes(path):
    return [[np.array(plane) for plane in planes(frame.picture)] for frame in read_frames(path)]
