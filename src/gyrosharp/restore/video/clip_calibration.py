"""Aligning gyro and camera once for a whole clip, and deciding whether they belong together.

Some blurred frames from all over the clip are looked at. Each gives corrections of time offset, gyro bias and focal
length (`gyrosharp.restore.calibration`), which are combined; under the combined ones, the frames must show the blur
that the gyro recorded, as a photo must (`gyrosharp.restore.auto.judge`): their median verdict is the clip's.

What looks like a bias may differ from frame to frame: over long exposures, a camera that also moves sideways mimics
one. Where the frames agree with the gyro each on its own, but not on one bias, every frame gets its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.recording import Recording
from gyrosharp.media.noise import estimate_noise
from gyrosharp.restore.agreement import measure_agreement
from gyrosharp.restore.auto import LEAST_WINDOWS, Verdict, judge
from gyrosharp.restore.calibration import Calibration, CalibrationPriors, refine_motion
from gyrosharp.restore.restoration import Refinement
from gyrosharp.restore.spectrum import Spectra, textured_spectra
from gyrosharp.restore.video.combination import Combined, combined
from gyrosharp.restore.video.plan import VideoPlan

Image = NDArray[np.float32]
Array = NDArray[np.float64]

# Frames that are looked at: 0.5 ms and 0.1 % of time offset and focal length are left by then, less than it takes to
# see a difference.
FRAMES = 8
# Windows of each that are searched for its corrections; all 40 take twice as long and change next to nothing.
WINDOWS = 20
# Trails that show best what moved: long enough to be seen, short enough to be the same all over a window.
CLEAR_PX = (4.0, 40.0)
BEST_PX = 14.0
# Range of what a time offset may be trusted to: stamps jitter, and beyond the larger one the search finds wrong peaks.
OFFSET_STD_RANGE_S = (0.001, 0.02)
FEW_TEXTURES = "the frames have too little texture to check the gyro against"
RUN_SYNC = "run `gyrosharp sync`"
# Corrections that a clip shares even where its bias varies: offset and focal length.
VARYING = np.array([1.0, 0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Look:
    """What was measured of one frame.

    Attributes
    ----------
    index : int
        Frame.
    noise_std, brightness : float
        See `gyrosharp.restore.solvers.Facts`.
    spectra : Spectra
        Its textured windows.
    """

    index: int
    noise_std: float
    brightness: float
    spectra: Spectra


@dataclass(frozen=True, eq=False)
class ClipCalibration:
    """The corrections of a clip, and whether its frames and its gyro agree.

    Attributes
    ----------
    recording : Recording
        The corrected recording.
    frames : tuple of int
        Frames that were looked at and have texture.
    found : Combined
        Corrections: time offset (s), gyro bias x, y, z (rad/s, IMU frame), log focal length factor.
    score : float
        Median agreement of the frames, 0 to 1; about 1 where image and gyro belong together.
    verdict : Verdict
        Strength 0 leaves the clip alone.
    varies : bool
        Whether every frame needs a bias of its own; `recording` then has none taken off.
    """

    recording: Recording
    frames: tuple[int, ...]
    found: Combined
    score: float
    verdict: Verdict
    varies: bool = False

    @property
    def refined(self) -> Refinement:
        """The corrections as reports show them."""
        offset_std_s, *bias_std, log_focal_std = (float(value) for value in self.found.uncertainties)
        focal_factor = float(np.exp(self.found.corrections[4]))
        x, y, z = (float(value) for value in self.found.corrections[1:4])
        return Refinement(
            time_offset_s=self.recording.time_offset_s,
            gyro_bias_rad_s=(x, y, z),
            focal_factor=focal_factor,
            time_offset_std_s=offset_std_s,
            gyro_bias_std_rad_s=(bias_std[0], bias_std[1], bias_std[2]),
            focal_factor_std=focal_factor * log_focal_std,
        )

    def as_json(self) -> dict[str, Any]:
        """Return what was found as plain numbers."""
        refined = self.refined
        return {
            "frames": list(self.frames),
            "agreement": self.score,
            "strength": self.verdict.strength,
            "reason": self.verdict.reason,
            "bias_varies": self.varies,
            "time_offset_s": refined.time_offset_s,
            "gyro_bias_rad_s": list(refined.gyro_bias_rad_s),
            "focal_factor": refined.focal_factor,
            "std": {
                "time_offset_s": refined.time_offset_std_s,
                "gyro_bias_rad_s": list(refined.gyro_bias_std_rad_s),
                "focal_factor": refined.focal_factor_std,
            },
        }


def chosen_frames(plan: VideoPlan, count: int = FRAMES) -> tuple[int, ...]:
    """Choose up to `count` blurred frames from all over a clip, from each part the one that shows its blur best."""
    blurred = np.flatnonzero(plan.strength > 0.0)
    clear = blurred[(plan.extent_px[blurred] >= CLEAR_PX[0]) & (plan.extent_px[blurred] <= CLEAR_PX[1])]
    pool = clear if len(clear) >= count else blurred
    parts = [part for part in np.array_split(pool, count) if part.size]
    misfit = np.abs(np.log(np.maximum(plan.extent_px, 1e-6) / BEST_PX))
    return tuple(int(part[np.argmin(misfit[part])]) for part in parts)


def look_at(index: int, picture_linear: Image, extent_px: float, *, lossy: bool) -> Look:
    """Measure noise, brightness and textured windows of a frame (H, W, C), linear light."""
    channels = picture_linear.shape[2]
    grey = reduce(np.add, (picture_linear[..., c] for c in range(channels))) / np.float32(channels)
    brightness = float(picture_linear.mean(dtype=np.float64))
    noise_std = estimate_noise(picture_linear, lossy=lossy)
    return Look(index, noise_std, brightness, textured_spectra(grey, extent_px, lossy=lossy))


def refine_frame(recording: Recording, look: Look) -> Calibration:
    """Find the corrections under which the recording explains one frame best.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the frame's exposure.
    """
    return refine_motion(recording[look.index], _thinned(look.spectra), priors_of(recording))


def _thinned(spectra: Spectra) -> Spectra:
    """Some of the windows, from all over the picture: they lie in rows."""
    kept = np.linspace(0, len(spectra) - 1, min(WINDOWS, len(spectra))).round().astype(int)
    return replace(spectra, centres_px=spectra.centres_px[kept], power=spectra.power[kept], noise=spectra.noise[kept])


def priors_of(recording: Recording) -> CalibrationPriors:
    """Return what corrections to expect; the time offset is as uncertain as the recording says."""
    offset_std_s = recording.offset_std_s or CalibrationPriors.offset_s
    return CalibrationPriors(offset_s=float(np.clip(offset_std_s, *OFFSET_STD_RANGE_S)))


def has_texture(look: Look) -> bool:
    """Return whether a frame has enough texture to be compared with a motion."""
    return len(look.spectra) >= LEAST_WINDOWS


def calibrated_clip(recording: Recording, looks: Sequence[Look], found: Sequence[Calibration]) -> ClipCalibration:
    """Combine the corrections of single frames and judge the clip.

    Parameters
    ----------
    recording : Recording
        As it was recorded.
    looks : sequence of Look
        Frames with texture.
    found : sequence of Calibration
        Their corrections, in the same order.

    Raises
    ------
    ImuError, CaptureError
        If the corrected motion does not cover a frame's exposure.
    """
    priors = priors_of(recording)
    if not looks:
        nothing = Combined(np.zeros(5), priors.sigmas, np.full(5, np.nan), np.zeros(5, dtype=np.int64))
        return ClipCalibration(recording, (), nothing, 0.0, Verdict(0.0, FEW_TEXTURES))
    corrections, spread = (np.stack([getattr(one, name) for one in found]) for name in ("corrections", "uncertainties"))
    together = combined(corrections, spread, priors.sigmas)
    shared = corrected(recording, together.corrections)
    one = Calibration(shared[0], together.corrections, together.uncertainties, priors)
    judged = _judged([replace(one, capture=shared[look.index]) for look in looks], looks)
    varies = judged.verdict.strength == 0.0
    if varies:
        own = _judged(found, looks)
        varies, judged = (True, own) if own.verdict.strength > 0.0 else (False, judged)
    moved = corrected(recording, together.corrections * VARYING) if varies else shared
    return ClipCalibration(moved, tuple(look.index for look in looks), together, judged.score, judged.verdict, varies)


def corrected(recording: Recording, corrections: Array) -> Recording:
    """Return a recording with corrections (5,) applied: offset, bias x, y, z, log focal length factor."""
    bias = np.zeros(3) if recording.gyro_bias_rad_s is None else recording.gyro_bias_rad_s
    assert recording.camera is not None
    return replace(
        recording,
        time_offset_s=recording.time_offset_s + float(corrections[0]),
        gyro_bias_rad_s=bias + corrections[1:4],
        camera=recording.camera.refocused(float(np.exp(corrections[4]))),
    )


def refined_alone(calibration: ClipCalibration, capture: Capture, spectra: Spectra) -> tuple[Capture, float]:
    """Give one frame of a clip whose bias varies its own; return its capture and agreement, 0 if that is not enough.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    offset_std_s, *_, log_focal_std = (float(value) for value in calibration.found.uncertainties)
    found = refine_motion(capture, _thinned(spectra), CalibrationPriors(offset_std_s, log_focal=log_focal_std))
    agreement = measure_agreement(found.capture, spectra)
    agrees = judge(found, agreement, np.inf).strength > 0.0
    return found.capture, agreement.score if agrees else 0.0


@dataclass(frozen=True)
class _Judged:
    """The middle one of several frames' verdicts, and the median of their scores, at most 1."""

    verdict: Verdict
    score: float


def _judged(calibrations: Sequence[Calibration], looks: Sequence[Look]) -> _Judged:
    """Compare frames with their motions; short trails count as long ones, for the plan fades them in."""
    agreements = [measure_agreement(one.capture, look.spectra) for one, look in zip(calibrations, looks, strict=True)]
    pairs = zip(calibrations, agreements, strict=True)
    verdicts = sorted((judge(*pair, np.inf) for pair in pairs), key=lambda one: one.strength)
    middle = verdicts[(len(verdicts) - 1) // 2]
    if "disagree" in middle.reason:
        middle = Verdict(0.0, f"{middle.reason.replace('the photo', 'the clip')}; {RUN_SYNC}")
    return _Judged(middle, float(np.clip(np.median([one.score for one in agreements]), 0.0, 1.0)))
