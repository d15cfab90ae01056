"""synchronise_shot: time offset and axes of a gyro from one blurred photo.

The motion that smeared the photo is looked for in the log: every time offset within reach, with each of the 24 ways the
gyro can sit behind the picture. The best candidates are refined, a part of the photo is deblurred with each of them,
and what fits must do so clearly better than anything else. One photo holds one short motion, and often it does not
determine everything: then the result says so, and names what fits as well.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.errors import UsageError
from gyrosharp.restore.agreement import measure_agreement
from gyrosharp.restore.auto import LEAST_MIRROR_RATIO, LEAST_WINDOWS, judge, reflected, trial_residuals
from gyrosharp.restore.calibration import FINE_FREQUENCY, displacements
from gyrosharp.restore.classical import Scene, checked_picture, moved, survey
from gyrosharp.restore.spectrum import Spectra, SpectralEvidence, textured_spectra
from gyrosharp.sync.cube import axes_letters, cube_rotations, nearest_cube
from gyrosharp.sync.result import AXES, BIAS, FOCAL, TIME_OFFSET, SyncResult
from gyrosharp.sync.shot_hypotheses import Hypothesis, hypotheses
from gyrosharp.sync.shot_scan import ShotScan, covered_offsets

Array = NDArray[np.float64]
Image = NDArray[np.float32]

MAX_OFFSET_S = 0.1
# A rival this many nats behind is out. True motions of synthetic shots lead by 10 to 50, those of another shot's log by
# 0 to 8, rarely by more.
CLEAR = 8.0
# For other axes than those given more is asked for.
CLEAR_AXES = 15.0
# Offsets this close are one answer: a hand's rate hardly changes meanwhile, and the evidence has a broad top.
ONE_ANSWER_S, ONE_ANSWER_STDS = 0.008, 3.0
# A rival with trails as long (this share) that leaves this much less residual contradicts the best motion.
AS_LONG, MUCH_LESS = 0.9, 0.93
# A quantity is determined where the photo knows it this much better than the prior does.
LEAST_GAIN = 2.0
ADVICE = (
    "take a photo with more shake in it: a curved or hooked blur of 10 to 40 px, of a scene with texture all over",
    "or give a short video from the same camera, with pans about two axes",
)


def synchronise_shot(
    capture: Capture,
    picture_linear: Image,
    *,
    max_offset_s: float = MAX_OFFSET_S,
    find_axes: bool = False,
    lossy: bool = False,
) -> SyncResult:
    """Find time offset, axes, focal length and bias of a gyro from one blurred photo.

    Parameters
    ----------
    capture : Capture
        The shot with its gyro log; the offset is looked for around the one it has.
    picture_linear : (H, W, C) float32 array
        The photo, linear light, C = 1 or 3.
    max_offset_s : float
        How far the offset may be off, s, > 0; the log's ends narrow it.
    find_axes : bool
        Whether other axes than the given ones are tried.
    lossy : bool
        Whether a lossy encoder has left its traces in the photo.

    Returns
    -------
    SyncResult
        `pairs` is the number of windows of the photo that were looked at, and `inliers` the share of them that show the
        motion. What is not determined keeps its value.

    Raises
    ------
    UsageError
        If there is no gyro log, or `max_offset_s` is not above 0.
    ImageError
        If the picture's size is not the camera's, it has other channels, or holds NaN or infinity.
    """
    if capture.imu is None:
        raise UsageError(f"{capture.name}: expected a gyro log to synchronise, got known poses")
    if not 0.0 < max_offset_s < np.inf:
        raise UsageError(f"largest time offset: expected seconds above 0, got {max_offset_s:g}")
    picture = checked_picture(picture_linear, (capture.camera.height, capture.camera.width))
    offsets = covered_offsets(capture, capture.time_offset_s, max_offset_s)
    if offsets.size == 0:
        return _refused(capture, f"the log does not cover the exposure for any offset within {_ms(max_offset_s)}")
    scan = ShotScan(capture, offsets)
    # Half of the offsets have longer trails; those of the right one come out during refinement.
    trail_px = float(np.median([scan.trail_px(offset_s) for offset_s in offsets]))
    spectra = textured_spectra(picture.mean(axis=2), trail_px, lossy=lossy)
    if len(spectra) < LEAST_WINDOWS:
        return _refused(capture, "the photo has too little texture to find a motion in it")
    scene = _scene(capture, picture, float(offsets[np.argmin(np.abs(offsets - capture.time_offset_s))]), lossy)
    found = hypotheses(scan.run(_candidates(capture, find_axes), spectra), capture, spectra, scene)
    if found and abs(found[0].offset_s - capture.time_offset_s) > max_offset_s + ONE_ANSWER_S:
        beyond = f"the likeliest time offset, {_ms(found[0].offset_s)}, lies beyond the {_ms(max_offset_s)} searched"
        return _refused(capture, beyond, len(spectra))
    return _decided(capture, found, spectra, scene)


def _scene(capture: Capture, picture: Image, offset_s: float, lossy: bool) -> Scene:
    return survey(replace(capture, time_offset_s=offset_s), picture, lossy=lossy)[0]


def _candidates(capture: Capture, find_axes: bool) -> Array:
    """Mappings (A, 3, 3): the given one, and where others are asked for all that differ from it by turns of a cube."""
    assert capture.R_cam_imu is not None
    given = np.asarray(capture.R_cam_imu, dtype=np.float64)
    if not find_axes:
        return given[None]
    cube, _ = nearest_cube(given)
    return np.asarray(cube_rotations() @ (cube.T @ given), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Rivals:
    """Hypotheses that the photo does not tell from the best one."""

    best: Hypothesis
    peak: list[Hypothesis]  # the same answer: axes and offset, the best one included
    elsewhere: list[Hypothesis]  # another offset
    turned: list[Hypothesis]  # the same offset with other axes


def _rivals(found: list[Hypothesis], given: Array) -> _Rivals:
    best = next((h for h in found if found[0].score - h.score < CLEAR and _given(h, given)), found[0])
    peak: list[Hypothesis] = []
    elsewhere: list[Hypothesis] = []
    turned: list[Hypothesis] = []
    for h in found:
        if best.score - h.score >= CLEAR:
            continue
        if abs(h.offset_s - best.offset_s) > max(ONE_ANSWER_S, ONE_ANSWER_STDS * h.offset_std_s):
            elsewhere.append(h)
        else:
            (peak if np.allclose(h.axes, best.axes) else turned).append(h)
    return _Rivals(best, peak, elsewhere, turned)


def _given(hypothesis: Hypothesis, given: Array) -> bool:
    return bool(np.allclose(hypothesis.axes, given, atol=1e-6))


def _decided(capture: Capture, found: list[Hypothesis], spectra: Spectra, scene: Scene) -> SyncResult:
    if not found:
        return _refused(capture, "the log has gaps wherever it could belong to the photo")
    assert capture.R_cam_imu is not None
    rivals = _rivals(found, capture.R_cam_imu)
    best = rivals.best
    reason = _distrust(best, found, spectra, scene)
    if reason is not None:
        return _refused(capture, reason, len(spectra))
    if rivals.elsewhere:
        return _refused(
            capture,
            f"time offset not determined by one photo: {_listed([best, *rivals.elsewhere])} fit nearly equally",
            len(spectra),
        )
    return _result(capture, rivals, found, spectra)


def _distrust(best: Hypothesis, found: list[Hypothesis], spectra: Spectra, scene: Scene) -> str | None:
    """Say why not even the best motion can be the photo's; None if it may be."""
    calibration = best.calibration
    # The offset was searched for: how far it is from where the scan stood says nothing.
    corrections = np.concatenate([[0.0], calibration.corrections[1:]])
    agreement = measure_agreement(calibration.capture, spectra)
    verdict = judge(replace(calibration, corrections=corrections), agreement, best.trail_px)
    if verdict.strength == 0.0:
        return verdict.reason
    if best.residual is not None and any(
        h.residual is not None and h.trail_px > AS_LONG * best.trail_px and h.residual < MUCH_LESS * best.residual
        for h in found
    ):
        return "image and gyro disagree: the likeliest motion does not undo the blur as well as others do"
    shot, _ = moved(scene, calibration.capture)
    own, other = trial_residuals(shot, [shot.capture, reflected(shot.capture)], spectra.centres_px)
    if own is not None and other is not None and other < LEAST_MIRROR_RATIO * own:
        return "image and gyro disagree: the reversed motion fits the photo better"
    return None


def _result(capture: Capture, rivals: _Rivals, found: list[Hypothesis], spectra: Spectra) -> SyncResult:
    assert capture.R_cam_imu is not None
    best = rivals.best
    calibration = best.calibration
    settled, reasons = _axes_settled(capture.R_cam_imu, rivals, found)
    bias = calibration.corrections[1:4]
    if capture.gyro_bias_rad_s is not None:
        bias = bias + capture.gyro_bias_rad_s
    stds = calibration.uncertainties
    fx = capture.camera.fx * float(np.exp(calibration.corrections[4]))
    known = calibration.priors.sigmas >= LEAST_GAIN * stds
    determined = [TIME_OFFSET]
    determined += [AXES] if settled else []
    determined += [FOCAL] if known[4] else []
    determined += [BIAS] if known[1:4].all() else []
    return SyncResult(
        time_offset_s=best.offset_s,
        R_cam_imu=best.axes if settled else capture.R_cam_imu,
        fx=fx if known[4] else capture.camera.fx,
        readout_s=capture.exposure.readout_s,
        gyro_bias_rad_s=bias if known[1:4].all() else capture.gyro_bias_rad_s,
        std={
            TIME_OFFSET: _offset_std(rivals),
            FOCAL: fx * float(stds[4]),
            BIAS: [float(std) for std in stds[1:4]],
        },
        determined=tuple(determined),
        pairs=len(spectra),
        inliers=_showing(best, spectra),
        reasons=tuple(reasons),
        advice=ADVICE if len({axes_letters(h.axes) for h in found}) > 1 and not settled else (),
        notes=("from one photo: readout and clock drift were not looked at",),
    )


def _axes_settled(given: Array, rivals: _Rivals, found: list[Hypothesis]) -> tuple[bool, list[str]]:
    """Whether the best hypothesis' axes are the only ones that fit, and if not, why."""
    best = rivals.best
    if rivals.turned:
        letters = [axes_letters(h.axes) for h in (best, *rivals.turned)]
        return False, [f"axes not determined by one photo: {_and(list(dict.fromkeys(letters)))} fit equally"]
    if _given(best, given):
        if len({axes_letters(h.axes) for h in found}) > 1:
            return True, []
        return False, [f"axes taken as given: {axes_letters(given)}"]
    own = next((h for h in found if _given(h, given)), None)
    if own is not None and best.score - own.score < CLEAR_AXES:
        return False, [f"axes not determined by one photo: {axes_letters(best.axes)} fits only a little better"]
    return True, []


def _offset_std(rivals: _Rivals) -> float:
    """Standard deviation over the maxima of one peak, each weighted by its likelihood."""
    best = rivals.best
    weights = np.exp([h.score - max(r.score for r in rivals.peak) for h in rivals.peak])
    squares = [h.offset_std_s**2 + (h.offset_s - best.offset_s) ** 2 for h in rivals.peak]
    return float(np.sqrt(np.average(squares, weights=weights)))


def _showing(best: Hypothesis, spectra: Spectra) -> float:
    level = SpectralEvidence(spectra, FINE_FREQUENCY)
    still = level.per_window(level.fit(np.zeros_like(displacements(best.calibration.capture, spectra.centres_px))))
    return float((best.windows > still).mean())


def _refused(capture: Capture, reason: str, windows: int = 0) -> SyncResult:
    return SyncResult(
        time_offset_s=capture.time_offset_s,
        R_cam_imu=capture.R_cam_imu,
        fx=capture.camera.fx,
        readout_s=capture.exposure.readout_s,
        gyro_bias_rad_s=capture.gyro_bias_rad_s,
        pairs=windows,
        reasons=(reason,),
        advice=ADVICE,
    )


def _listed(rivals: list[Hypothesis]) -> str:
    """The first three offsets, with their axes where those differ."""
    several = len({axes_letters(h.axes) for h in rivals}) > 1
    names = [_ms(h.offset_s) + (f" (axes {axes_letters(h.axes)})" if several else "") for h in rivals[:3]]
    return _and(names)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:+.1f} ms"
