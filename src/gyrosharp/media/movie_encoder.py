"""Which encoder writes a movie, and how it is set up: like the source, and so that its loss cannot be seen."""

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from gyrosharp.errors import OutputError, UsageError
from gyrosharp.media.movie_info import MasteringDisplay, MovieInfo

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Containers that keep a stamp for every frame, by suffix, with FFmpeg's name."""


# The ends of the codecs' scales: vp9 and av1 reach 63, h264 and hevc 51.
WORST_QUALITY = 63


@dataclass(frozen=True)
class EncodingOptions:
    """What the user asks of the encoder.

    Attributes
    ----------
    codec : str or None
        ``h264``, ``hevc``, ``prores``, ``ffv1`` ... or the name of one of FFmpeg's encoders; None = like the source.
    quality : int or None
        The codec's own scale, lower is better: CRF of h264, hevc, vp9 and av1, quantiser of mjpeg and mpeg4. None = no
        loss that can be seen. Lossless codecs and ProRes ignore it.
    preset : str or None
        Speed of h264 and hevc (``ultrafast`` to ``veryslow``) or av1 (0 to 13).

    Raises
    ------
    UsageError
        If the quality is on no codec's scale.
    """

    codec: str | None = None
    quality: int | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        if self.quality is not None and not 0 <= self.quality <= WORST_QUALITY:
            raise UsageError(f"quality: expected 0 (best) to {WORST_QUALITY}, got {self.quality}")


@dataclass(frozen=True)
class _Family:
    """An encoder, the option that sets its quality with the value that shows no loss, and its fixed options."""

    encoder: str
    quality_option: str | None = None
    quality: int | None = None
    preset_option: str | None = None
    fixed: tuple[tuple[str, str], ...] = ()


_FAMILIES = {
    "h264": _Family("libx264", "crf", 14, "preset", (("x264-params", "mbtree=0"),)),
    "hevc": _Family("libx265", "crf", 16, "preset", (("x265-params", "log-level=none"),)),
    "vp9": _Family("libvpx-vp9", "crf", 16, None, (("b", "0"), ("row-mt", "1"), ("cpu-used", "2"))),
    "vp8": _Family("libvpx", "crf", 6, None, (("b", "100M"),)),
    "av1": _Family("libsvtav1", "crf", 16, "preset"),
    "prores": _Family("prores_ks"),
    "mjpeg": _Family("mjpeg", "q", 2),
    "mpeg4": _Family("mpeg4", "q", 2),
    "mpeg2video": _Family("mpeg2video", "q", 2),
    "dnxhd": _Family("dnxhd"),
    "ffv1": _Family("ffv1", fixed=(("level", "3"), ("g", "1"), ("slicecrc", "1"))),
}
"""By FFmpeg's name of the codec. The values of quality are this project's choice of what shows no loss.

x264's macroblock tree is off: its vector code reads beyond the picture for most widths, so that one movie written twice
gives two files. A CRF two lower makes up for it.
"""
_FAST, _SLOW = ("ultrafast", "superfast", "veryfast", "faster", "fast"), ("slow", "slower", "veryslow", "placebo")
_X_PRESETS = (*_FAST, "medium", *_SLOW)
_PRESETS = {"libx264": _X_PRESETS, "libx265": _X_PRESETS, "libsvtav1": tuple(str(speed) for speed in range(14))}
_DISPLAY = {"libx264": ("mastering-display", "cll"), "libx265": ("master-display", "max-cll")}
"""What x264 and x265 call the mastering display and the content light level."""
_NAMES = {"x264": "h264", "x265": "hevc", "h265": "hevc", "avc": "h264", "jpeg": "mjpeg"}
_DNXHR_PROFILES = {"yuv422p": "dnxhr_hq", "yuv422p10le": "dnxhr_hqx", "yuv444p10le": "dnxhr_444"}
"""DNxHR takes any size and rate, DNxHD a list of them only; by pixel format."""
_QUANTISER_UNIT = 118
"""FFmpeg's lambda per unit of quantiser (FF_QP2LAMBDA)."""
_FULL_RANGE = 2
_GLOBAL_HEADER = 1 << 22
"""The codec flag that puts the parameter sets beside the pictures instead of among them."""
_QSCALE = 1 << 1


@dataclass(frozen=True)
class EncoderPlan:
    """An encoder with all its settings.

    Attributes
    ----------
    encoder : str
        FFmpeg's name.
    codec : str
        Name of the codec it makes.
    pix_fmt : str
        Pixel format it is given.
    options : tuple of (str, str)
        Its options.
    quantiser : int or None
        Fixed quantiser, for codecs that have one in place of a CRF.
    container : str
        FFmpeg's name of the container.
    notes : tuple of str
        Where the output cannot be like the source.
    """

    encoder: str
    codec: str
    pix_fmt: str
    options: tuple[tuple[str, str], ...]
    quantiser: int | None
    container: str
    notes: tuple[str, ...]


def plan_encoder(info: MovieInfo, options: EncodingOptions, target: PurePath) -> EncoderPlan:
    """Choose the encoder for a movie: the codec, pixel format and bit depth of the source where there is a way.

    Raises
    ------
    UsageError
        If the codec or preset that was asked for does not exist, or the target's suffix is not one of `CONTAINERS`.
    OutputError
        If the container cannot hold the codec that was asked for.
    """
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        raise UsageError(
            f"{target}: expected a name ending in {', '.join(CONTAINERS)}, got {target.suffix or 'no suffix'!r}"
        )
    notes: list[str] = []
    family, codec = _chosen(info, options, container, target, notes)
    pix_fmt = _pixel_format(family.encoder, info, notes)
    settings = dict(family.fixed)
    quality = family.quality if options.quality is None else options.quality
    if family.quality_option == "crf":
        settings["crf"] = str(quality)
    if options.preset is not None:
        if family.preset_option is None:
            raise UsageError(f"preset: expected a codec that has one (h264, hevc, av1), got {codec}; leave it out")
        if options.preset not in _PRESETS[family.encoder]:
            known = ", ".join(_PRESETS[family.encoder])
            raise UsageError(f"preset: expected one of {known}, got {options.preset!r}; choose one of them")
        settings[family.preset_option] = options.preset
    if codec == "dnxhd":
        settings["profile"] = _DNXHR_PROFILES.get(pix_fmt, "dnxhr_444")
    if info.mastering is not None:
        if family.encoder in _DISPLAY:
            settings[f"{family.encoder[3:]}-params"] += _display(family.encoder, info.mastering)
        else:
            notes.append(f"{family.encoder} does not write what the movie says of its mastering display")
    quantiser = quality if family.quality_option == "q" else None
    return EncoderPlan(family.encoder, codec, pix_fmt, tuple(settings.items()), quantiser, container, tuple(notes))


def _display(encoder: str, mastering: MasteringDisplay) -> str:
    """Return the options of x264 and x265 that say for which display an HDR movie was made."""
    red, green, blue, white = (mastering.colours[k : k + 2] for k in (0, 2, 4, 6))
    darkest, brightest = mastering.luminance
    named = zip("GBR", (green, blue, red), strict=True)
    text = "".join(f"{name}({x},{y})" for name, (x, y) in named)
    display, light = _DISPLAY[encoder]
    options = f":{display}={text}WP({white[0]},{white[1]})L({brightest},{darkest})"
    return (
        options if mastering.content_light is None else f"{options}:{light}={'{},{}'.format(*mastering.content_light)}"
    )


def configure(context: Any, plan: EncoderPlan, info: MovieInfo) -> None:  # noqa: ANN401 (av has no types)
    """Set up an encoder that is not open yet. Every frame is one tick: stamps are put on its packets afterwards."""
    context.thread_type = "AUTO"  # PyAV's own choice, threads inside a picture only, costs x264 quality
    rate = frame_rate(info)
    context.width, context.height, context.pix_fmt = info.width, info.height, plan.pix_fmt
    context.time_base, context.framerate = 1 / rate, rate
    context.sample_aspect_ratio = info.pixel_aspect
    colour = info.colour
    context.colorspace, context.color_primaries = colour.matrix, colour.primaries
    context.color_trc = colour.transfer
    context.color_range = _FULL_RANGE if plan.pix_fmt.startswith("yuvj") else colour.range
    context.flags |= _GLOBAL_HEADER
    if plan.quantiser is not None:
        context.flags |= _QSCALE
        context.global_quality = plan.quantiser * _QUANTISER_UNIT
    if plan.codec == "hevc" and plan.container in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # players of Apple know no other
    if plan.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: it writes to the terminal past FFmpeg's own log
    context.options = dict(plan.options)


def frame_rate(info: MovieInfo) -> Fraction:
    """Return the mean frame rate, frames/s: what encoders plan their bits with; it dates no frame."""
    if info.stamps.size < 2:
        return Fraction(30)
    span = int(info.stamps[-1] - info.stamps[0]) * info.time_base
    # standard rates are fractions over 1001; MPEG-4 wants small numbers
    return max(Fraction(1, 1001), (Fraction(info.stamps.size - 1) / span).limit_denominator(1001))


def _chosen(
    info: MovieInfo, options: EncodingOptions, container: str, target: PurePath, notes: list[str]
) -> tuple[_Family, str]:
    if options.codec is not None:
        family, codec = _family(options.codec)
        if family is None:
            raise UsageError(
                f"codec: expected one of {', '.join(_FAMILIES)}, got {options.codec!r}; choose one of them"
            )
        if not _holds(container, family.encoder):
            raise OutputError(f"{target}: expected a codec that {container} can hold, got {codec}; choose another")
        return family, codec
    family, codec = _family(info.codec)
    if family is None:
        why = "no encoder"
    elif not _holds(container, family.encoder):
        why = f"no place in {target.suffix}"
    elif _bits(family.encoder) == 8 < info.bit_depth:
        why = "an encoder of 8 bit only"
    else:
        return family, codec
    deep = info.bit_depth > 8
    fallback = ("av1" if deep else "vp9") if container == "webm" else "hevc" if deep else "h264"
    notes.append(f"the source is {info.codec}, for which there is {why}; written as {fallback}")
    return _FAMILIES[fallback], fallback


def _family(name: str) -> tuple[_Family | None, str]:
    """Return the settings for a codec or encoder and the codec's name; None if nothing can write it."""
    import av

    known = _FAMILIES.get(_NAMES.get(name, name))
    known = known or next((family for family in _FAMILIES.values() if family.encoder == name), None)
    try:
        codec = av.codec.Codec(known.encoder if known else name, "w")
    except (av.FFmpegError, ValueError):
        return None, name
    if codec.type != "video" or not codec.video_formats:
        return None, name
    return known or _Family(codec.name), codec.canonical_name


def _holds(container: str, encoder: str) -> bool:
    import io

    import av

    with av.open(io.BytesIO(), "w", format=container) as output:
        return encoder in output.supported_codecs


def _bits(encoder: str) -> int:
    import av

    formats = av.codec.Codec(encoder, "w").video_formats
    return int(max(component.bits for form in formats for component in form.components))


def _pixel_format(encoder: str, info: MovieInfo, notes: list[str]) -> str:
    """Return the source's pixel format if the encoder takes it, else the one that loses least."""
    import av

    formats = [form.name for form in av.codec.Codec(encoder, "w").video_formats]
    if encoder == "mjpeg" and info.colour.range != _FULL_RANGE:
        formats = [name for name in formats if name.startswith("yuvj")]  # JPEG knows no other range
    elif not info.pix_fmt.startswith("yuvj"):
        formats = [name for name in formats if not name.startswith("yuvj")]
    if info.pix_fmt in formats:
        return info.pix_fmt
    best, loss = av.codec.codec.find_best_pix_fmt_of_list(formats, info.pix_fmt, "a" in info.pix_fmt.split("p")[0])
    if int(loss):
        notes.append(f"{encoder} cannot hold {info.pix_fmt}; written as {best.name}")
    return str(best.name)
