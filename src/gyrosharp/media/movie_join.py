"""Joining encoded pictures with the source's other streams into one movie; nothing is encoded here."""

from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import OutputError
from gyrosharp.media.movie_encoder import EncoderPlan, configure, frame_rate
from gyrosharp.media.movie_file import open_movie, read_table, seconds
from gyrosharp.media.movie_info import MovieInfo
from gyrosharp.media.movie_segments import Segment

_LARGEST_TIMESCALE = 2**31 - 1
_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder"}
"""Metadata that belong to the old file, not to what it shows; the new one has its own."""
_PLAIN_TAGS = {"creation_time", "location", "location-eng", "title", "artist", "album", "comment", "date", "copyright"}
"""Metadata with a place of their own in MP4 and MOV; any others (firmware, make ...) need the extensible kind."""
_OF_THE_ENCODING = ("encoder", "vendor_id", "bps", "duration", "number_of_", "_statistics")
"""Metadata of the old encoding of the pictures, by the beginning of their names."""


def join(target: Path, info: MovieInfo, plan: EncoderPlan, segments: list[Segment]) -> tuple[str, ...]:
    """Write the movie: the pictures of the segments at the source's stamps, and all its other streams as they are.

    Parameters
    ----------
    target : Path
        File to write; its suffix is not looked at.
    info : MovieInfo
        The source.
    plan : EncoderPlan
        What encoded the segments.
    segments : list of Segment
        All of them, in order.

    Returns
    -------
    tuple of str
        What could not be kept.

    Raises
    ------
    OutputError
        If the result would not have the source's frames, or the segments were made by another encoder.
    OSError
        If the file cannot be written.
    ImageError
        If the source can no longer be read.
    """
    import av

    with open_movie(info.path) as (source, stream):
        others, notes = _copyable(source, stream, plan.container)
        tags = {key: value for key, value in source.metadata.items() if key not in _OF_THE_FILE}
        options = {"container_options": _muxer_options(info, plan, others, tags), "metadata_errors": "surrogateescape"}
        with av.open(str(target), "w", format=plan.container, **options) as output:
            output.metadata.update(tags)
            output.set_chapters(source.chapters())
            streams = {
                s.index: _new_stream(output, s, stream, info, plan) for s in source.streams if s in [*others, stream]
            }
            picture_stream = streams.pop(stream.index)
            output.start_encoding()
            if (picture_stream.codec_context.extradata or b"") != segments[0].extradata:
                raise OutputError(f"{target}: expected segments of this encoder, got another's; start anew")
            pictures = _pictures(segments, info, picture_stream)
            for packet in _by_time(pictures, _others(source, streams, notes)):
                output.mux_one(packet)
    return (*notes, *_checked(target, info))


def decode_times(stamps: NDArray[np.int64], delay: int) -> NDArray[np.int64]:
    """Return when each packet is to be decoded, in ticks, for packets in decoding order.

    Decoding runs `delay` frames ahead of showing: d_i = t_(i - delay), and before the first stamp in steps of the
    median frame time. So d increases strictly and no frame is decoded after it is shown.

    Parameters
    ----------
    stamps : (N,) int64 array
        When frames are shown, strictly increasing.
    delay : int
        Largest number of places that a packet comes before its turn.
    """
    if delay == 0:
        return stamps
    step = max(1, int(np.median(np.diff(stamps)))) if stamps.size > 1 else 1
    before = stamps[0] - step * np.arange(delay, 0, -1, dtype=np.int64)
    return np.concatenate([before, stamps])[: stamps.size]


def _pictures(segments: list[Segment], info: MovieInfo, stream: Any) -> Iterator[Any]:  # noqa: ANN401 (av has no types)
    import av

    decoding = decode_times(info.stamps, max(segment.delay for segment in segments))
    durations = np.append(np.diff(info.stamps), info.last_duration)
    stored = (packet for segment in segments for packet in segment.packets())
    for place, (index, key, data) in enumerate(stored):
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, info.time_base
        packet.pts, packet.dts, packet.duration = int(info.stamps[index]), int(decoding[place]), int(durations[index])
        packet.is_keyframe = key
        yield packet


def _others(source: Any, streams: dict[int, Any], notes: list[str]) -> Iterator[Any]:  # noqa: ANN401
    """Yield the source's packets of the streams to copy, addressed to the new ones."""
    import av

    wanted = [source.streams[index] for index in streams]
    if not wanted:
        return
    try:
        for packet in source.demux(wanted):
            if packet.size and not _made_by_muxer(packet):
                packet.stream = streams[packet.stream_index]
                yield packet
    except av.FFmpegError as error:
        notes.append(f"the other streams end early: the source cannot be read to its end ({error.strerror})")


def _made_by_muxer(packet: Any) -> bool:  # noqa: ANN401
    """Return whether this is one of the empty subtitles that MP4 muxers put between the others, and will again."""
    return bool(packet.size == 2 and packet.stream.type == "subtitle" and packet.stream.name == "mov_text")


def _by_time(pictures: Iterator[Any], others: Iterator[Any]) -> Iterator[Any]:
    """Merge two rows of packets by their decoding times, so that the muxer need hold only a few."""
    waiting = next(others, None)
    for picture in pictures:
        while waiting is not None and _time_s(waiting) <= _time_s(picture):
            yield waiting
            waiting = next(others, None)
        yield picture
    while waiting is not None:
        yield waiting
        waiting = next(others, None)


def _time_s(packet: Any) -> float:  # noqa: ANN401
    stamp = packet.pts if packet.dts is None else packet.dts
    return float("-inf") if stamp is None else float(stamp * packet.time_base)


def _copyable(source: Any, pictures: Any, container: str) -> tuple[list[Any], list[str]]:  # noqa: ANN401
    """Return the other streams that the container can hold, and a note on each that it cannot."""
    kept, notes = [], []
    for stream in source.streams:
        if stream.index == pictures.index:
            continue
        if _fits(stream, container):
            kept.append(stream)
        elif "timecode" not in stream.metadata or "timecode" not in pictures.metadata:
            # a time code track is made anew from the pictures' own tag; its one packet has the same bytes
            name = stream.metadata.get("handler_name", "").strip("\0 \t\n\v") or f"number {stream.index}"
            notes.append(f"the {stream.type} stream {name!r} has no place in {container} and is left out")
    return kept, notes


def _fits(stream: Any, container: str) -> bool:  # noqa: ANN401
    """Try the stream alone in a container that is thrown away: only the muxer knows."""
    import io

    import av

    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            _copied(trial, stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError, RuntimeError):
        return False
    return True


def _copied(output: Any, stream: Any) -> Any:  # noqa: ANN401
    copy = output.add_stream_from_template(stream, opaque=True)
    copy.time_base, copy.disposition = stream.time_base, int(stream.disposition)
    copy.metadata.update(stream.metadata)
    return copy


def _new_stream(output: Any, stream: Any, pictures: Any, info: MovieInfo, plan: EncoderPlan) -> Any:  # noqa: ANN401
    if stream.index != pictures.index:
        return _copied(output, stream)
    new = output.add_stream(plan.encoder, rate=frame_rate(info))
    configure(new.codec_context, plan, info)
    new.time_base, new.disposition = info.time_base, int(stream.disposition)
    new.metadata.update({k: v for k, v in stream.metadata.items() if not k.lower().startswith(_OF_THE_ENCODING)})
    if info.display_matrix is not None:
        new.set_display_matrix(info.display_matrix)
    return new


def _muxer_options(info: MovieInfo, plan: EncoderPlan, others: list[Any], tags: dict[str, str]) -> dict[str, str]:
    """Return options that make the container count time as the source does, and two runs write the same bytes."""
    if plan.container not in ("mp4", "mov"):
        # Matroska gives each file a random number otherwise.
        return {"fflags": "+bitexact"}
    options = {} if _PLAIN_TAGS.issuperset(tags) else {"movflags": "use_metadata_tags"}
    bases = [info.time_base, *(stream.time_base for stream in others)]
    pictures = [info.time_base, *(stream.time_base for stream in others if stream.type == "video")]
    options["video_track_timescale"] = str(_timescale(pictures))
    # edit lists, which say when a stream starts, count in the movie's own scale: 1 ms would round the start
    options["movie_timescale"] = str(_timescale(bases))
    return options


def _timescale(bases: list[Fraction]) -> int:
    """Return the ticks per second that hold the ticks of all time bases, or of the first if that is too many."""
    scale = lcm(*(base.denominator for base in bases))
    return scale if scale <= _LARGEST_TIMESCALE else bases[0].denominator


def _checked(target: Path, info: MovieInfo) -> tuple[str, ...]:
    """Read the new file's stamps back and compare them with the source's.

    Raises
    ------
    OutputError
        If there are more or fewer frames, or their stamps are off by more than the container's unit of time.
    """
    with open_movie(target) as (container, stream):
        table, base = read_table(container, stream), Fraction(stream.time_base)
    if table.stamps.size != info.stamps.size:
        raise OutputError(
            f"{target}: expected {info.stamps.size} frames, got {table.stamps.size}; try another container"
        )
    late_s = seconds(table.stamps, base) - seconds(info.stamps, info.time_base)
    shift_s, step_s = float(np.median(late_s)), float(base)
    if np.abs(late_s - shift_s).max() > step_s:
        raise OutputError(f"{target}: expected the source's frame times, got others; try another container")
    notes = []
    if abs(shift_s) > step_s:
        notes.append(f"all streams are {shift_s:.4g} s later: this container has no time before zero")
    if np.abs(late_s - shift_s).max() > 1e-9 * max(1.0, float(np.abs(info.times_s).max())):
        notes.append(f"this container counts time in steps of {step_s * 1e3:.3g} ms; frame times are rounded to them")
    return tuple(notes)
