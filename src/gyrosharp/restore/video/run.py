"""Whole clips: a movie to a movie, or a folder of frames to restored pictures."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError, ImageError, UsageError
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.media.image_file import ImageFile
from gyrosharp.media.movie_encoder import plan_encoder
from gyrosharp.media.movie_info import MovieInfo, movie_info
from gyrosharp.media.movie_reader import MovieFrame, read_frames
from gyrosharp.media.movie_writer import EncodingOptions, MovieWriter
from gyrosharp.restore.problem import Progress
from gyrosharp.restore.video.clip_calibration import FRAMES
from gyrosharp.restore.video.deblurrer import VideoDeblurrer
from gyrosharp.restore.video.preparation import ReadFrame, prepared
from gyrosharp.restore.video.report import FrameRow, VideoReport, clip_decision, row_of, untouched_row
from gyrosharp.restore.video.settings import VideoSettings
from gyrosharp.restore.video.stream import LOOK_AHEAD, FrameResult, restored_frames
from gyrosharp.version import __version__

Image = NDArray[np.float32]

COPIED = "nothing was to be deblurred, so the file was copied as it is"
LOSSLESS_CODECS = ("ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png", "v210")


@dataclass(frozen=True, eq=False)
class PictureFrame:
    """One picture of a folder of frames, read when it is needed.

    Attributes
    ----------
    source : ImageSource
        The file.
    broken : None
        Whether it can be read shows when it is.
    """

    source: ImageSource
    broken: str | None = None

    @cached_property
    def picture(self) -> ImageFile:
        """The decoded picture, with all that writing one like it needs."""
        return self.source.read()

    def linear(self) -> Image:
        """Return the pixels (H, W, C) float32, linear light.

        Raises
        ------
        ImageError
            If the picture cannot be read.
        """
        return self.picture.pixels_linear


def deblurred_frames(deblurrer: VideoDeblurrer) -> Iterator[FrameResult]:
    """Restore the pictures of a folder of frames in their order; `FrameResult.frame` is a `PictureFrame`.

    A picture that cannot be read is passed through, with the reason.
    """
    sources = deblurrer.recording.frames
    return restored_frames(deblurrer, ((index, PictureFrame(source)) for index, source in enumerate(sources)))


def deblur_movie(
    recording: Recording,
    target: Path,
    settings: VideoSettings | None = None,
    *,
    encoding: EncodingOptions | None = None,
    force: bool = False,
    resume: bool = True,
    progress: Progress | None = None,
) -> VideoReport:
    """Deblur the frames of a movie that need it, and write all of them to a new one.

    Stamps, sound and other streams are those of the source. A movie of which nothing is deblurred is copied byte for
    byte, unless another container or encoding is asked. The same input gives the same output, whatever the number of
    workers, and whether or not it was made in one go.

    Parameters
    ----------
    recording : Recording
        A movie with its gyro log.
    target : Path
        The file to write.
    settings : VideoSettings or None
        What is asked.
    encoding : EncodingOptions or None
        Codec, quality, preset; None is like the source.
    force : bool
        Replace an existing target.
    resume : bool
        Go on where an earlier, interrupted run with the same inputs stopped.
    progress : callable or None
        Told (done, total), in frames; the few that are looked at beforehand count as well.

    Raises
    ------
    CaptureError
        If the recording is no movie, or lacks something that every frame needs.
    ImuError
        If the gyro log covers none of the frames.
    ImageError
        If the movie cannot be read.
    OutputError, UsageError
        If the target exists and `force` is false, is the source, or cannot be written as asked.
    """
    begun = time.perf_counter()
    if recording.movie is None:
        raise CaptureError(f"{recording.source}: expected a movie, got a folder of pictures; use deblurred_frames")
    info = movie_info(recording.movie)
    _require_target(target, info, encoding, force)
    total = FRAMES + info.stamps.size
    deblurrer = prepared(recording, settings, _reader(recording, info), _counting(progress, 0, total))
    progress = _counting(progress, FRAMES, total)
    clip = _Clip(deblurrer, info, _indices(recording, info), progress)
    if clip.untouched and encoding is None and target.suffix.lower() == info.path.suffix.lower():
        with atomic_write(target, force) as temporary:
            shutil.copyfile(info.path, temporary)
        rows = clip.rows(len(clip.indices), earlier=False)
        notes: tuple[str, ...] = (COPIED,)
    else:
        with MovieWriter(target, info, encoding, force=force, resume=resume, work=_identity(deblurrer)) as writer:
            rows = clip.written(writer)
        notes = writer.notes
    return video_report(deblurrer, rows, time.perf_counter() - begun, (*info.notes, *notes))


def _require_target(target: Path, info: MovieInfo, encoding: EncodingOptions | None, force: bool) -> None:
    """Find out before the first frame whether the movie can be written."""
    check_target(target, force)
    if target.exists() and target.samefile(info.path):
        raise UsageError(f"{target}: expected another file than the source, got the source; choose another name")
    plan_encoder(info, encoding or EncodingOptions(), target)


def video_report(
    deblurrer: VideoDeblurrer, rows: Sequence[FrameRow], seconds: float, notes: Sequence[str] = ()
) -> VideoReport:
    """Return the report of a clip from the rows (`row_of`) of its frames."""
    return VideoReport(
        method=deblurrer.settings.method,
        rows=tuple(rows),
        calibration=deblurrer.calibration,
        decision=clip_decision(deblurrer),
        seconds=seconds,
        notes=(*deblurrer.recording.notes, *deblurrer.worker.remarks, *notes),
    )


@dataclass(frozen=True, eq=False)
class _Clip:
    """A prepared movie; `indices` are the numbers of its frames in the recording, None where it does not know one."""

    deblurrer: VideoDeblurrer
    info: MovieInfo
    indices: list[int | None]
    progress: Progress | None

    @property
    def untouched(self) -> bool:
        return self.deblurrer.plan.processed == 0

    def rows(self, count: int, *, earlier: bool) -> list[FrameRow]:
        """Rows of the first `count` frames, which are not decoded."""
        return [untouched_row(self.deblurrer, number, self.indices[number], earlier=earlier) for number in range(count)]

    def written(self, writer: MovieWriter) -> list[FrameRow]:
        """Stream the movie into the writer, from where an earlier run stopped."""
        rows = self.rows(writer.finished, earlier=True)
        if writer.finished == len(self.indices):
            return rows
        # Frames before the first one decide how far it is faded.
        first = max(writer.finished - LOOK_AHEAD, 0)
        frames = ((self.indices[frame.index], frame) for frame in read_frames(self.info, first))
        for result in restored_frames(self.deblurrer, frames):
            frame = result.frame
            assert isinstance(frame, MovieFrame)
            if frame.index < writer.finished:
                continue
            writer.write(frame, result.image)
            rows.append(row_of(self.deblurrer, frame.index, result))
            if self.progress is not None:
                self.progress(len(rows), len(self.indices))
        return rows


def _counting(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return a callback that counts on from `before`, out of `total`."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def _indices(recording: Recording, info: MovieInfo) -> list[int | None]:
    known = {source.frame: index for index, source in enumerate(recording.frames)}
    return [known.get(number) for number in range(info.stamps.size)]


def _reader(recording: Recording, info: MovieInfo) -> ReadFrame:
    lossy = info.codec not in LOSSLESS_CODECS

    def read(index: int) -> tuple[Image, bool]:
        number = recording.frames[index].frame
        frame = next(read_frames(info, number or 0))
        if frame.broken is not None:
            raise ImageError(f"{info.path}: frame {number} is broken: {frame.broken}")
        return frame.linear(), lossy

    return read


def _identity(deblurrer: VideoDeblurrer) -> str:
    """All that decides the pictures: an earlier run with another one is not gone on with."""
    recording, settings = deblurrer.recording, replace(deblurrer.settings, workers=None)
    assert recording.imu is not None and recording.camera is not None and recording.R_cam_imu is not None
    arrays = (
        recording.imu.time_ns,
        recording.imu.gyro_rad_s,
        recording.start_ns,
        recording.exposure_s,
        recording.R_cam_imu,
        recording.image_R_cam,
        recording.gyro_bias_rad_s,
        None if recording.lens_shift is None else recording.lens_shift.shift_px,
        deblurrer.plan.strength,
    )
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    numbers = [recording.time_offset_s, recording.clock_drift, recording.readout_s, recording.shutter]
    weights = deblurrer.worker.remarks
    parts = [__version__, asdict(settings), weights, asdict(recording.camera), numbers, digest.hexdigest()]
    return json.dumps(parts, sort_keys=True)
