"""Films in `gyrosharp deblur`: a movie, or a folder of frames that are planned together, each as one job."""

import time
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from gyrosharp.capture.recording import Recording
from gyrosharp.cli.options import DeblurOptions
from gyrosharp.errors import ImageError
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.media.image_file import require_writable, write_image
from gyrosharp.media.movie_encoder import CONTAINERS, EncodingOptions
from gyrosharp.restore.problem import Progress
from gyrosharp.restore.video import (
    FrameResult,
    FrameRow,
    PictureFrame,
    VideoReport,
    VideoSettings,
    deblur_movie,
    deblurred_frames,
    prepared,
    row_of,
    video_report,
)

# A folder of fewer or rarer frames holds single shots: each is checked and refined for itself.
FILM_FRAMES, FILM_RATE_HZ = 8, 8.0
# For sources in a container that is only read (.avi, .insv ...): MOV holds nearly every codec, and exact stamps.
OTHER_CONTAINER = ".mov"


def is_film(recording: Recording) -> bool:
    """Whether frames follow each other so closely that they are looked at one after the other."""
    return recording.movie is not None or (len(recording) >= FILM_FRAMES and recording.frame_rate_hz >= FILM_RATE_HZ)


@dataclass(frozen=True, eq=False)
class MovieJob:
    """One movie to deblur and where the result goes."""

    recording: Recording
    target: Path

    @property
    def source(self) -> Path:
        """The movie."""
        movie = self.recording.movie
        if movie is None:
            raise ImageError(f"{self.recording.source}: expected a movie, got a folder of frames")
        return movie

    @property
    def report(self) -> Path:
        """Where the JSON report goes."""
        return self.target.with_name(self.target.name + ".json")

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All pictures and movies that are written."""
        return (self.target,)

    def check(self, options: DeblurOptions) -> None:
        """Check, before any work is done, that the result can be written."""
        check_target(self.target, options.force)

    def run(self, options: DeblurOptions, progress: Progress | None) -> VideoReport:
        """Deblur the movie; see `gyrosharp.restore.video.run.deblur_movie`."""
        encoding = None
        if any(choice is not None for choice in (options.codec, options.quality, options.preset)):
            encoding = EncodingOptions(options.codec, options.quality, options.preset)
        return deblur_movie(
            self.recording,
            self.target,
            video_settings(options),
            encoding=encoding,
            force=options.force,
            progress=progress,
        )


@dataclass(frozen=True, eq=False)
class FramesJob:
    """A folder of frames to deblur and the folder where the results go."""

    recording: Recording
    target: Path
    suffix: str

    @property
    def source(self) -> Path:
        """The folder."""
        return self.recording.source

    @property
    def report(self) -> Path:
        """Where the JSON report goes."""
        return self.target / f"{self.source.name}{self.suffix}.json"

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All pictures that are written."""
        return tuple(self._output(frame.path) for frame in self.recording.frames)

    def check(self, options: DeblurOptions) -> None:
        """Check, before any work is done, that the results can be written."""
        for output in self.outputs:
            if not (options.skip_existing and output.exists()):
                require_writable(output, options.force)

    def run(self, options: DeblurOptions, progress: Progress | None) -> VideoReport:
        """Deblur the frames that need it; the others are copied byte for byte."""
        begun = time.perf_counter()
        deblurrer = prepared(self.recording, video_settings(options))
        rows: list[FrameRow] = []
        for number, result in enumerate(deblurred_frames(deblurrer)):
            self._write(result, options)
            rows.append(row_of(deblurrer, number, result))
            if progress is not None:
                progress(number + 1, len(self.recording))
        return video_report(deblurrer, rows, time.perf_counter() - begun)

    def _write(self, result: FrameResult, options: DeblurOptions) -> None:
        frame = result.frame
        assert isinstance(frame, PictureFrame)
        output = self._output(frame.source.path)
        if options.skip_existing and output.exists():
            return
        if result.image is not None:
            write_image(output, result.image, frame.picture, options.force)
            return
        with atomic_write(output, options.force) as temporary:
            copyfile(frame.source.path, temporary)

    def _output(self, picture: Path) -> Path:
        return self.target / f"{picture.stem}{self.suffix}{picture.suffix}"


def video_settings(options: DeblurOptions) -> VideoSettings:
    """Return the settings that the flags stand for."""
    return VideoSettings(options.method, options.strength, options.min_blur, options.tile)


def film_job(recording: Recording, options: DeblurOptions, *, alone: bool) -> MovieJob | FramesJob:
    """Return the job of a film; `alone` if it is the only input, so that -o may name a file."""
    source, output = recording.source, options.output
    if recording.movie is None:
        return FramesJob(recording, output or source, options.suffix)
    # Movies in recording folders have the same name in all of them.
    named = source if source.is_dir() else recording.movie
    stem = named.name if named.is_dir() else named.stem
    ending = recording.movie.suffix
    name = f"{stem}{options.suffix}{ending if ending.lower() in CONTAINERS else OTHER_CONTAINER}"
    if output is None:
        return MovieJob(recording, named.with_name(name))
    is_folder = not alone or output.is_dir() or not (output.suffix or output.exists())
    return MovieJob(recording, output / name if is_folder else output)
