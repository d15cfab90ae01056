"""Verdict: from a fit and its rivals to what is determined, why the rest is not, and what would help."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.sync.candidates import Beliefs, Candidate, Standing
from gyrosharp.sync.cube import axes_letters, nearest_cube
from gyrosharp.sync.fit import Fit
from gyrosharp.sync.model import BIAS, DELAY, DRIFT, FOCAL, READOUT, TILT, Scene
from gyrosharp.sync.readout_direction import assumed_readout_s
from gyrosharp.sync.result import AXES, TIME_OFFSET, SyncResult
from gyrosharp.sync.result import BIAS as BIAS_NAME
from gyrosharp.sync.result import DRIFT as DRIFT_NAME
from gyrosharp.sync.result import FOCAL as FOCAL_NAME
from gyrosharp.sync.result import READOUT as READOUT_NAME

Array = NDArray[np.float64]

# What a quantity must be known to, one standard deviation, to be of use for deblurring: an offset of 10 ms is a third
# of a hand's fastest swing, 3 % of focal length blur of 30 px off by one.
OFFSET_STD_S, FOCAL_STD, READOUT_STD_S, BIAS_STD_RAD_S, DRIFT_STD = 0.010, 0.03, 0.003, 0.005, 2e-5
# Below this share of its prior's standard deviation, an estimate is the data's and not the prior's.
OF_PRIOR = 0.8
# The gyro must explain at least this share of the picture's motion (of its power).
LEAST_EXPLAINED = 0.7
# Axes this far off one of the 24, and by so many standard deviations, are reported as found.
TILT_RAD, TILT_SIGMAS = np.deg2rad(1.0), 4.0

TURN_ADVICE = "turn the camera about its vertical and its horizontal axis, and roll it, for a few seconds each"
SHAKE_ADVICE = "shake faster: two or three quick turns in each direction within 3 s"
FAR_ADVICE = "film something textured at least 10 m away, from one spot"


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a verdict is about.

    Attributes
    ----------
    recording : Recording
        With what was known before.
    scene : Scene
        The matches.
    standing : Standing
        The best candidate and its rivals.
    fit : Fit
        The final fit.
    beliefs : Beliefs
        What it believed.
    shutter : Shutter
        Readout direction that it counted on.
    edge_s : (float, float)
        First and last delay that was tried.
    before_px : float or None
        Residual with the values given.
    """

    recording: Recording
    scene: Scene
    standing: Standing
    fit: Fit
    beliefs: Beliefs
    shutter: Shutter
    edge_s: tuple[float, float]
    before_px: float | None


def judged(found: Findings) -> SyncResult:
    """Return the report of a fit."""
    reasons = list(_against_all(found))
    result = _estimates(found)
    if reasons:
        kept = _keeping(result, found.recording, ())
        return replace(kept, reasons=tuple(reasons), advice=_advice_for_all(found))
    determined, whys, advice = [], [], []
    for name, why, remedy in _quantities(found):
        if why is None:
            determined.append(name)
        else:
            whys.append(why)
            advice.append(remedy)
    apart = TIME_OFFSET not in determined and not found.recording.clocks_joined
    if apart or (found.beliefs.few and AXES not in determined):
        # Without a common time there is nothing to compare, and of a few pairs nearly anything explains a part.
        determined = []
    kept = _keeping(result, found.recording, tuple(determined))
    return replace(kept, reasons=tuple(whys), advice=tuple(dict.fromkeys(filter(None, advice))), notes=_notes(found))


def refusal(recording: Recording, reason: str, advice: str, pairs: int = 0) -> SyncResult:
    """Return the report where nothing could be estimated: what was given, and why."""
    blank = SyncResult(pairs=pairs, reasons=(reason,), advice=(advice,))
    return _keeping(blank, recording, ())


def explained(found: Findings) -> float:
    """Return the share of the power of the picture's motion that the gyro explains, 0 to 1."""
    points, weights = found.scene.points, found.fit.weights
    motion = np.average(((points.b_px - points.a_px) ** 2).sum(axis=1), weights=weights)
    left = np.average((found.fit.residual_px**2).sum(axis=1), weights=weights)
    return float(1.0 - left / max(motion, 1e-9))


def _against_all(found: Findings) -> list[str]:
    """Return what makes the whole fit worthless."""
    share = explained(found)
    if share < LEAST_EXPLAINED:
        return [
            f"the gyro explains {100 * max(share, 0.0):.0f} % of the motion in the pictures: it is the log of another "
            "recording, the camera hardly turned, or what moved was the scene or the camera's place"
        ]
    delays = [one.fit.at.delay_s for one in found.standing.rivals if _elsewhere(found, one)]
    if delays:
        others = ", ".join(f"{-1e3 * (delay - found.fit.at.delay_s):+.0f}" for delay in sorted(delays)[:3])
        return [f"other time offsets explain the pictures as well (by {others} ms)"]
    return []


def _elsewhere(found: Findings, rival: Candidate) -> bool:
    """Whether a rival stands for another time offset."""
    own = max(found.fit.std[DELAY], rival.fit.std[DELAY])
    return bool(abs(rival.fit.at.delay_s - found.fit.at.delay_s) > max(3.0 * own, 0.004))


def _advice_for_all(found: Findings) -> tuple[str, ...]:
    if explained(found) < LEAST_EXPLAINED:
        return (f"check that log and pictures belong together; {TURN_ADVICE}; {FAR_ADVICE}",)
    return (f"{SHAKE_ADVICE}; {TURN_ADVICE}",)


def _quantities(found: Findings) -> list[tuple[str, str | None, str]]:
    """Return name, why it is not determined (None if it is), and what would help, for each quantity."""
    std, beliefs = found.fit.std, found.beliefs
    ambiguous = [one for one in found.standing.rivals if not _elsewhere(found, one)]
    rows = [
        (TIME_OFFSET, _offset_doubt(found), SHAKE_ADVICE),
        (AXES, _axes_doubt(ambiguous), TURN_ADVICE),
        (
            FOCAL_NAME,
            _focal_doubt(found, ambiguous),
            "turn the camera quickly to and fro about its vertical and its horizontal axis, not only about the view",
        ),
        (
            READOUT_NAME,
            _readout_doubt(found),
            SHAKE_ADVICE,
        ),
        (
            BIAS_NAME,
            _doubt("the gyro bias", std[BIAS].max(), BIAS_STD_RAD_S, "rad/s", beliefs.bias_std_rad_s),
            "let the device lie still for a second",
        ),
    ]
    if beliefs.drift_std:
        rows.append((DRIFT_NAME, _drift_doubt(found), "move the camera at the beginning and at the end"))
    return rows


def _doubt(what: str, std: float, most: float, unit: str, prior: float = np.inf) -> str | None:
    if std <= most and std <= OF_PRIOR * prior and prior > 0:
        return None
    if std > OF_PRIOR * prior or prior == 0:
        return f"{what} is not determined: the motion says no more than what was assumed"
    return f"{what} is not determined: it is known to +-{std:.3g} {unit} only"


def _offset_doubt(found: Findings) -> str | None:
    margin = 0.002
    if not found.edge_s[0] + margin <= found.fit.at.delay_s <= found.edge_s[1] - margin:
        return "the time offset lies at the edge of what was searched; give a larger --max-offset-s"
    prior = found.beliefs.delay_std_s
    return _doubt("the time offset", 1e3 * found.fit.std[DELAY], 1e3 * OFFSET_STD_S, "ms", 1e3 * prior)


def _focal_doubt(found: Findings, ambiguous: list[Candidate]) -> str | None:
    own = found.fit.at.camera.fx
    others = [one.fit.at.camera.fx for one in ambiguous if abs(one.fit.at.camera.fx / own - 1.0) > FOCAL_STD]
    if others:
        return f"the focal length is not determined: with other axes it would be {others[0]:.0f} px"
    return _doubt("the focal length", 100 * float(found.fit.std[FOCAL]), 100 * FOCAL_STD, "%")


def _axes_doubt(ambiguous: list[Candidate]) -> str | None:
    if not ambiguous:
        return None
    others = " or ".join(axes_letters(one.R_cube) for one in ambiguous[:3])
    return f"the gyro axes are not determined: {others} explain the pictures as well"


def _estimates(found: Findings) -> SyncResult:
    """Return the report with all estimates, determined or not."""
    at, fit, recording = found.fit.at, found.fit, found.recording
    exposure_s = float(np.nanmedian(recording.exposure_s)) if np.isfinite(recording.exposure_s).any() else 0.0
    readout_known, drift_known = _readout_doubt(found) is None, _drift_doubt(found) is None
    readout_s = abs(at.readout_s) if readout_known else assumed_readout_s(recording)
    drift = at.drift if drift_known else recording.clock_drift
    # The fit counts drift from the middle of the clip, a recording from the first sample of its log.
    since_first_s = found.scene.middle_s + at.delay_s
    slope = np.zeros(len(fit.covariance))
    slope[[DELAY, READOUT, DRIFT]] = -1.0, 0.5 * readout_known, -since_first_s * drift_known
    return SyncResult(
        time_offset_s=0.5 * (readout_s + exposure_s) - at.delay_s - drift * since_first_s,
        R_cam_imu=_axes(fit),
        fx=at.camera.fx,
        readout_s=abs(at.readout_s),
        shutter=found.shutter,
        gyro_bias_rad_s=at.bias_rad_s,
        clock_drift=at.drift,
        mid_frame_delay_s=at.delay_s,
        std=_estimated(
            {
                TIME_OFFSET: float(np.sqrt(max(float(slope @ fit.covariance @ slope), 0.0))),
                AXES: float(fit.std[TILT].max()),
                FOCAL_NAME: float(fit.std[FOCAL] * at.camera.fx),
                READOUT_NAME: float(fit.std[READOUT]),
                BIAS_NAME: [float(value) for value in fit.std[BIAS]],
                DRIFT_NAME: float(fit.std[DRIFT]),
            }
        ),
        residual_px=fit.rms_px,
        residual_before_px=found.before_px,
        pairs=len(found.scene),
        inliers=float(np.mean(fit.weights > 0.3)),
    )


def _estimated(std: dict[str, float | list[float]]) -> dict[str, float | list[float]]:
    """Return the deviations without those of what was kept as it was: they are 0, and say nothing."""
    return {name: value for name, value in std.items() if np.any(value)}


def _readout_doubt(found: Findings) -> str | None:
    if found.shutter is Shutter.GLOBAL:
        return "the readout time is not determined: a global shutter was given"
    if found.recording.image_R_cam is not None:
        return (
            "the readout time is not determined: the camera's own stabilisation may have taken it out of the pictures"
        )
    std_s, prior_s = float(found.fit.std[READOUT]), found.beliefs.readout_std_s
    return _doubt("the readout time", 1e3 * std_s, 1e3 * READOUT_STD_S, "ms", 1e3 * prior_s)


def _drift_doubt(found: Findings) -> str | None:
    std, prior = float(found.fit.std[DRIFT]), found.beliefs.drift_std
    return _doubt("the clocks' drift", 1e6 * std, 1e6 * DRIFT_STD, "ppm", 1e6 * prior)


def _axes(fit: Fit) -> Array:
    """Return the axes: one of the 24, unless the fit is surely off it."""
    cube, angle = nearest_cube(fit.at.R_cam_imu)
    sure = angle > max(TILT_RAD, TILT_SIGMAS * float(fit.std[TILT].max()))
    return fit.at.R_cam_imu if sure else cube


def _keeping(result: SyncResult, recording: Recording, determined: tuple[str, ...]) -> SyncResult:
    """Return the report with what was given in place of what is not determined."""
    keep: dict[str, object] = {}
    if TIME_OFFSET not in determined:
        keep["time_offset_s"] = recording.time_offset_s if recording.clocks_joined else None
    if AXES not in determined:
        keep["R_cam_imu"] = recording.R_cam_imu
    if FOCAL_NAME not in determined:
        keep["fx"] = None if recording.camera is None else recording.camera.fx
    if READOUT_NAME not in determined:
        keep |= {"readout_s": recording.readout_s, "shutter": recording.shutter}
    if BIAS_NAME not in determined:
        keep["gyro_bias_rad_s"] = recording.gyro_bias_rad_s
    if DRIFT_NAME not in determined:
        keep["clock_drift"] = recording.clock_drift or None
    return replace(result, determined=determined, **keep)  # type: ignore[arg-type]


def _notes(found: Findings) -> tuple[str, ...]:
    notes = []
    at = found.fit.at
    if found.shutter is not found.recording.shutter:
        notes.append(
            f"the frames show a shutter {found.shutter.value}, not {found.recording.shutter.value} as was assumed; "
            "the estimates count on what they show"
        )
    given = found.recording.R_cam_imu
    if given is not None and not np.allclose(nearest_cube(given)[0], nearest_cube(at.R_cam_imu)[0]):
        notes.append(
            f"the axes given, {axes_letters(given)}, do not fit; the pictures say {axes_letters(at.R_cam_imu)}"
        )
    if found.recording.camera is None:
        notes.append(
            "no lens profile is known: the lens is taken as free of distortion, and the focal length of a wide lens "
            "comes out too short; give --camera"
        )
    unread = found.recording.readout_s is None and found.shutter is not Shutter.GLOBAL
    if unread and _readout_doubt(found) is not None:
        notes.append(
            "the time offset goes with a readout of 0 ms, as none is known, and would be half the readout larger with "
            "it; the mid-frame delay does not depend on that"
        )
    if found.beliefs.few:
        notes.append(
            f"only {len(found.scene)} pairs of frames: readout taken as {1e3 * at.readout_s:.0f} ms, gyro bias as "
            "small, and offset and axes as near what is usual"
        )
    return tuple(notes)
