"""Before the first frame: the plan of a clip, the corrections of its gyro, and whether it is deblurred at all."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.errors import GyrosharpError
from gyrosharp.media.noise import saturation_confidence
from gyrosharp.restore.auto import LEAST_MIRROR_RATIO, Verdict, mirror_ratio
from gyrosharp.restore.calibration import Calibration
from gyrosharp.restore.classical import Scene, moved
from gyrosharp.restore.deblur import AUTO
from gyrosharp.restore.problem import Progress
from gyrosharp.restore.solvers import Facts
from gyrosharp.restore.video.clip_calibration import (
    ClipCalibration,
    Look,
    calibrated_clip,
    chosen_frames,
    has_texture,
    look_at,
    refine_frame,
    refined_alone,
)
from gyrosharp.restore.video.deblurrer import VideoDeblurrer
from gyrosharp.restore.video.extents import NOT_COVERED
from gyrosharp.restore.video.plan import VideoPlan, plan_video
from gyrosharp.restore.video.settings import VideoSettings

Image = NDArray[np.float32]

ReadFrame = Callable[[int], tuple[Image, bool]]
"""Returns the pixels (H, W, C) of a frame, linear light, and whether a lossy encoder has left its traces in them."""

WORKERS = 2
# Frames on which the reversed motion is tried: a log that is reversed is so throughout.
MIRRORED_FRAMES = 3
REVERSED = "image and gyro disagree: the reversed motion fits the frames better; run `gyrosharp sync`"
NOTHING_ASKED = "strength 0 was asked"
UNREADABLE = "none of the frames that were looked at can be read"


def prepared(
    recording: Recording,
    settings: VideoSettings | None = None,
    read_frame: ReadFrame | None = None,
    progress: Progress | None = None,
) -> VideoDeblurrer:
    """Plan a clip, align its gyro, and decide whether it is deblurred at all.

    Parameters
    ----------
    recording : Recording
        Frames, camera and gyro.
    settings : VideoSettings or None
        What is asked.
    read_frame : callable or None
        Decodes a frame of the recording by its number; None reads it from the recording's files.
    progress : callable or None
        Told (frames looked at, frames to look at).

    Raises
    ------
    CaptureError
        If the recording lacks something that every frame needs; the message names it.
    ImuError
        If the gyro log covers none of the frames.
    """
    settings = settings or VideoSettings()
    plan = plan_video(recording, settings.min_blur_px)
    if set(plan.reasons) == {NOT_COVERED}:
        recording[0].trajectory()  # raises: no frame is known, and says how far the log and the exposure are apart
    if settings.strength == 0.0:
        plan = plan.at_level(0.0, NOTHING_ASKED)
    if plan.processed == 0:
        return VideoDeblurrer(recording, settings, plan, None, ())
    examination = _Examination(recording, plan, settings.method == AUTO, read_frame or _reader(recording))
    seen = examination.all_frames(progress)
    looks = tuple(one.look for one in seen)
    if not looks:
        return VideoDeblurrer(recording, settings, plan.at_level(0.0, UNREADABLE), None, ())
    if settings.method != AUTO:
        return VideoDeblurrer(recording, settings, plan.at_level(settings.strength), None, looks)
    calibration = examination.calibration(seen)
    plan = plan_video(calibration.recording, settings.min_blur_px)
    plan = plan.at_level(settings.strength * calibration.verdict.strength, calibration.verdict.reason)
    return VideoDeblurrer(calibration.recording, settings, plan, calibration, looks)


def _reader(recording: Recording) -> ReadFrame:
    def read(index: int) -> tuple[Image, bool]:
        picture = recording.frames[index].read()
        return picture.pixels_linear, picture.lossy

    return read


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame that was looked at; `found` is None where it has too little texture, or was not asked for."""

    look: Look
    found: Calibration | None


@dataclass(frozen=True, eq=False)
class _Examination:
    recording: Recording
    plan: VideoPlan
    refines: bool
    read: ReadFrame

    def all_frames(self, progress: Progress | None) -> list[_Seen]:
        """Look at frames from all over the clip; those that cannot be read are left out."""
        frames, seen = chosen_frames(self.plan), []
        with ThreadPoolExecutor(WORKERS) as pool:
            for done, one in enumerate(pool.map(self._frame, frames), 1):
                if one is not None:
                    seen.append(one)
                if progress is not None:
                    progress(done, len(frames))
        return seen

    def _frame(self, index: int) -> _Seen | None:
        try:
            picture, lossy = self.read(index)
        except GyrosharpError:
            return None
        look = look_at(index, picture, float(self.plan.extent_px[index]), lossy=lossy)
        return _Seen(look, refine_frame(self.recording, look) if self.refines and has_texture(look) else None)

    def calibration(self, seen: Sequence[_Seen]) -> ClipCalibration:
        """Combine what the frames say, and judge the clip."""
        telling = [(one.look, one.found) for one in seen if one.found is not None]
        looks = [look for look, _ in telling]
        calibration = calibrated_clip(self.recording, looks, [found for _, found in telling])
        if calibration.verdict.strength > 0.0 and self._reversed_fits_better(calibration, looks):
            return replace(calibration, verdict=Verdict(0.0, REVERSED))
        return calibration

    def _reversed_fits_better(self, calibration: ClipCalibration, looks: list[Look]) -> bool:
        """Whether the point-reflected motion explains the frames better, which power spectra cannot tell."""
        tried = np.linspace(0, len(looks) - 1, min(MIRRORED_FRAMES, len(looks))).astype(int)
        with ThreadPoolExecutor(WORKERS) as pool:
            ratios = list(pool.map(lambda k: self._mirror_ratio(calibration, looks[k]), tried))
        return float(np.median(ratios)) < LEAST_MIRROR_RATIO

    def _mirror_ratio(self, calibration: ClipCalibration, look: Look) -> float:
        capture, (picture, _) = calibration.recording[look.index], self.read(look.index)
        if calibration.varies:
            capture, _ = refined_alone(calibration, capture, look.spectra)
        facts = Facts(look.noise_std, look.brightness, 0.0)
        scene, _ = moved(Scene(capture, picture, saturation_confidence(picture), facts, 1), capture)
        return mirror_ratio(scene, look.spectra.centres_px)
