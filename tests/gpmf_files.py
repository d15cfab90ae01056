"""GPMF payloads and movies with a data track, made in memory."""

import struct
from fractions import Fraction

import numpy as np

SIZES = {"b": 1, "B": 1, "s": 2, "S": 2, "l": 4, "L": 4, "j": 8, "J": 8, "f": 4, "d": 8, "c": 1}
CODES = {"l": "i", "L": "I", "j": "q", "J": "Q", "s": "h", "S": "H"}


def klv(key, kind, data, size=None):
    """One entry: `data` is bytes of structures of `size`, or numbers of one type."""
    if not isinstance(data, bytes):
        data = np.atleast_1d(data)
        size = size or SIZES[kind] * (data.shape[1] if data.ndim > 1 else 1)
        data = struct.pack(f">{data.size}{CODES.get(kind, kind)}", *data.ravel().tolist())
    size = size or 1
    head = key.encode() + (kind.encode() or b"\0") + struct.pack(">BH", size, len(data) // size)
    return head + data + b"\xee" * (-len(data) % 4)


def nest(key, *entries):
    return klv(key, "", b"".join(entries), 1 if sum(map(len, entries)) < 65536 else 4)


def text(key, words):
    return klv(key, "c", words.encode("latin-1"))


def stream(key, values, *about, kind="s"):
    return nest("STRM", *about, klv(key, kind, np.asarray(values)))


def device(*entries, name="Camera"):
    return nest("DEVC", klv("DVID", "L", 1), text("DVNM", name), *entries)


def sensor(key, values, scale=1000, stamp_us=None, total=None, letters="", tick_ms=None):
    """A stream of 16-bit samples (N, 3) in rad/s or m/s^2."""
    about = [] if stamp_us is None else [klv("STMP", "J", stamp_us)]
    about += [] if total is None else [klv("TSMP", "L", total)]
    about += [] if tick_ms is None else [klv("TICK", "L", tick_ms)]
    about += [text("ORIN", letters), text("ORIO", "ZXY")] if letters else []
    about += [klv("SCAL", "s", scale)]
    return stream(key, np.rint(np.asarray(values) * scale).astype(int), *about)


def movie(path, packets, *, frames=30, rate=30, kind=b"gpmd", start=0):
    """Write a movie of `frames` small pictures and a data track of (time in ms, bytes) packets."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=rate)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        data = container.add_data_stream("bin_data")
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * k % 255, np.uint8), format="rgb24")
            frame.pts = start + k
            for packet in pictures.encode(frame):
                container.mux(packet)
        for packet in pictures.encode(None):
            container.mux(packet)
        for k, (time_ms, content) in enumerate(packets):
            packet = av.Packet(content)
            packet.stream, packet.time_base = data, Fraction(1, 1000)
            packet.pts = packet.dts = time_ms
            later = [time for time, _ in packets[k + 1 :]]
            packet.duration = later[0] - time_ms if later else 1000
            container.mux(packet)
    if kind != b"gpmd":  # FFmpeg knows one kind of data track only; another one's name takes its place in the boxes
        path.write_bytes(path.read_bytes().replace(b"gpmd", kind).replace(b"GoPro MET", b"Telemetry"))
    return path


def with_user_data(path, key, content):
    """Append a box to the movie's user data, whose `moov` is the last box."""
    data = path.read_bytes()
    start = data.rindex(b"moov") - 4
    assert start + int.from_bytes(data[start : start + 4], "big") == len(data)
    box = struct.pack(">I", len(content) + 8) + key + content
    user = struct.pack(">I", len(box) + 8) + b"udta" + box
    size = struct.pack(">I", len(data) - start + len(user))
    path.write_bytes(data[:start] + size + data[start + 4 :] + user)
    return path
