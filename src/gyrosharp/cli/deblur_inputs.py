"""Inputs of `gyrosharp deblur`: what is in the folders that a user names."""

from collections.abc import Iterator
from pathlib import Path

from gyrosharp.capture.layouts import is_recording
from gyrosharp.capture.layouts.saved import SUFFIX as RECORDING_SUFFIX
from gyrosharp.cli.deblur_confidence import ENDING
from gyrosharp.cli.options import CAPTURE_SUFFIX, CaptureOptions, DeblurOptions
from gyrosharp.errors import ImageError
from gyrosharp.media.image_file import IMAGE_SUFFIXES


def expanded(inputs: list[Path], described: CaptureOptions, options: DeblurOptions, *, bare: bool) -> Iterator[Path]:
    """Yield the inputs with plain folders replaced by what is in them.

    These are capture files, movies and recordings, or, where photos are `bare` (one log or kernel is given for all, or
    none is needed), photos.
    """
    for path in inputs:
        if not path.is_dir() or described.frame_times is not None or is_recording(path):
            yield path
            continue
        found = sorted(_in_folder(path, bare, options))
        if not found:
            wanted = "photos" if bare else "captures (*.capture.json), movies, recordings, or photos with -g GYRO"
            hint = "" if options.recursive else "; --recursive looks into the folders in it"
            raise ImageError(f"{path}: expected a folder with {wanted}, got none{hint}")
        yield from found


def is_bare(source: Path, described: CaptureOptions) -> bool:
    """Whether a file is a photo of which no motion is given."""
    given = described.gyro is not None or described.capture is not None
    sidecar = source.with_name(source.stem + CAPTURE_SUFFIX)
    return source.suffix.lower() in IMAGE_SUFFIXES and not given and source.is_file() and not sidecar.is_file()


def _in_folder(folder: Path, bare: bool, options: DeblurOptions) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if is_recording(path) and not bare:
                yield path
            elif options.recursive:
                yield from _in_folder(path, bare, options)
        elif _is_photo(path, options.suffix) if bare else _is_described(path, options.suffix):
            yield path


def _is_described(path: Path, suffix: str) -> bool:
    """Whether a file is a capture, or a recording that is no result and that no other file describes."""
    if path.name.endswith((CAPTURE_SUFFIX, RECORDING_SUFFIX)):
        return True
    is_result = bool(suffix) and path.stem.endswith(suffix)
    described = path.with_name(path.stem + RECORDING_SUFFIX).is_file()
    return not (is_result or described or path.name.startswith(".")) and is_recording(path)


def _is_photo(path: Path, suffix: str) -> bool:
    """Whether a file is a photo, and no result or map of an earlier run."""
    is_result = bool(suffix) and path.stem.removesuffix(ENDING).endswith(suffix)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and not is_result
