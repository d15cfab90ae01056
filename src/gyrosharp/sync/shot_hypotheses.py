"""Hypotheses about one shot: axes and time offsets of a scan, refined, and what speaks for each of them.

Two witnesses are heard. The spectral evidence of the photo's windows, after `refine_motion`, is blind to a point
reflection of the trails. The reblur residual r is not: a wrong motion leaves more, unless its trails are too short. So
what is more than the residual r_0 of the motion with the best evidence counts, and what is less does not. The score
in nats is

    kappa sum of evidence - 1/2 sum (corrections / sigma)^2 + log prior(axes) - lambda log max(r / r_0, 1),

the last term for trails of like length only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError, ImuError
from gyrosharp.restore.auto import trial_residuals
from gyrosharp.restore.calibration import (
    COARSE_FREQUENCY,
    CONFIDENCE,
    FINE_FREQUENCY,
    Calibration,
    CalibrationPriors,
    corrected,
    displacements,
    refine_motion,
)
from gyrosharp.restore.classical import Scene, moved
from gyrosharp.restore.spectrum import Spectra, SpectralEvidence
from gyrosharp.sync.shot_scan import Scan

Array = NDArray[np.float64]

# Maxima of the scan that are looked at per mapping of the axes, and for the given one; how many of all are refined, and
# how many where only the given axes are asked for. They lie apart by a share of the exposure, s.
LOOKED_AT, LOOKED_AT_GIVEN, REFINED, REFINED_ALONE = 2, 4, 10, 6
APART_S, APART_SHARE = 0.01, 0.15
# A bias of a few hundredths of a rad/s, which the scan leaves out, smears a long exposure by pixels: so each maximum is
# looked at with this many drawn corrections.
DRAWS = 24
# Refining finds the offset itself: what the scan found is good to some steps.
PRIORS = CalibrationPriors(offset_s=0.012)
# A percent of residual is worth a nat: the point reflection of a motion, which must be found out, leaves 1 % to 250 %
# more; what noise does is below 0.5 %.
NATS_PER_LOG_RESIDUAL = 100.0
# But the residual of a real photo holds more than noise: it is compared between trails of like length only, and never
# decides alone.
LIKE_LENGTH, MOST_RESIDUAL_NATS = 1.25, 15.0
# The axes that a capture comes with are right four times out of five; each of the others is as likely as the rest.
GIVEN_AXES_NATS = float(np.log(0.8 / (0.2 / 23)))
# Behind by this many nats of spectral evidence, nothing will make up for it.
HOPELESS = 30.0
# The half turn about the optical axis reflects trails, all but their roll.
HALF_TURN = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Axes and time offset, refined.

    Attributes
    ----------
    axes : (3, 3) array
        R_cam_imu.
    calibration : Calibration
        The refined motion.
    windows : (W,) array
        Evidence of every window, nats per frequency.
    score : float
        What speaks for it, nats; only differences mean anything.
    trail_px : float
        Median length of the trails, px.
    residual : float or None
        Reblur residual in units of the noise; None where nothing was deblurred.
    """

    axes: Array
    calibration: Calibration
    windows: Array
    score: float
    trail_px: float
    residual: float | None = None

    @property
    def offset_s(self) -> float:
        """Time offset, s."""
        return self.calibration.capture.time_offset_s

    @property
    def offset_std_s(self) -> float:
        """Standard deviation of the offset, were the hypothesis right, s."""
        return float(self.calibration.uncertainties[0])


def hypotheses(scan: Scan, capture: Capture, spectra: Spectra, scene: Scene) -> list[Hypothesis]:
    """Return the refined hypotheses of a scan, the best first.

    Parameters
    ----------
    scan : Scan
        Evidence over offsets and axes.
    capture : Capture
        The shot as given.
    spectra : Spectra
        Windows of its photo.
    scene : Scene
        The photo, to deblur a part of it.
    """
    assert capture.R_cam_imu is not None
    given = np.asarray(capture.R_cam_imu, dtype=np.float64)
    level = SpectralEvidence(spectra, FINE_FREQUENCY)
    refined = [_refined(start, spectra, level, given) for start in _starts(scan, capture, spectra)]
    return _judged(_sorted([hypothesis for hypothesis in refined if hypothesis is not None]), scene, spectra)


def _starts(scan: Scan, capture: Capture, spectra: Spectra) -> list[Capture]:
    """The most promising maxima, the given axes' and the half turn of the best among them."""
    level = SpectralEvidence(spectra, COARSE_FREQUENCY)
    apart_s = max(APART_S, APART_SHARE * capture.exposure.duration_s)
    looked_at = [
        replace(capture, R_cam_imu=scan.axes[a], time_offset_s=float(scan.offsets_s[k]))
        for a, k in _maxima(scan, capture, apart_s)
    ]
    promise = [_promise(start, spectra, level) for start in looked_at]
    ordered = [looked_at[i] for i in np.argsort(-np.array(promise), kind="stable")]
    own = [start for start in ordered if _same(start.R_cam_imu, capture.R_cam_imu)]
    best = ordered[0]
    assert best.R_cam_imu is not None
    turned = replace(best, R_cam_imu=HALF_TURN @ best.R_cam_imu)
    chosen = ordered[:REFINED] + [start for start in own[:LOOKED_AT] if start not in ordered[:REFINED]]
    alone = len(scan.axes) == 1 or any(_same(start.R_cam_imu, turned.R_cam_imu) for start in chosen[:REFINED])
    return chosen if alone else [*chosen, turned]


def _maxima(scan: Scan, capture: Capture, apart_s: float) -> list[tuple[int, int]]:
    count = {a: LOOKED_AT_GIVEN if _same(axes, capture.R_cam_imu) else LOOKED_AT for a, axes in enumerate(scan.axes)}
    if len(scan.axes) == 1:
        count = {0: REFINED_ALONE}
    chosen = []
    for a, k in scan.peaks(apart_s):
        if count[a] > 0:
            count[a] -= 1
            chosen.append((a, k))
    return chosen


def _promise(start: Capture, spectra: Spectra, level: SpectralEvidence) -> float:
    """The best objective over some drawn corrections, the same for all; -inf where the log has a gap."""
    draws = np.random.default_rng(0).standard_normal((DRAWS, 5))
    best = -np.inf
    for z in (np.zeros(5), *draws):
        try:
            moved_px = displacements(corrected(start, z * PRIORS.sigmas), spectra.centres_px)
        except (ImuError, CaptureError):
            continue
        evidence = float(level.per_window(level.fit(moved_px)).mean())
        best = max(best, CONFIDENCE * len(spectra) * evidence - 0.5 * float(z @ z))
    return best


def _refined(start: Capture, spectra: Spectra, level: SpectralEvidence, given: Array) -> Hypothesis | None:
    try:
        calibration = refine_motion(start, spectra, PRIORS)
        moved_px = displacements(calibration.capture, spectra.centres_px)
    except (ImuError, CaptureError):
        return None
    assert start.R_cam_imu is not None
    windows = level.per_window(level.fit(moved_px))
    trail_px = float(np.median(np.hypot(*np.moveaxis(np.ptp(moved_px, axis=1), -1, 0))))
    # Where the scan happened to start is no prior for the offset.
    z = (calibration.corrections / calibration.priors.sigmas)[1:]
    prior = GIVEN_AXES_NATS if _same(start.R_cam_imu, given) else 0.0
    score = CONFIDENCE * len(spectra) * float(windows.mean()) - 0.5 * float(z @ z) + prior
    return Hypothesis(start.R_cam_imu, calibration, windows, score, trail_px)


def _judged(found: list[Hypothesis], scene: Scene, spectra: Spectra) -> list[Hypothesis]:
    """Add what deblurring a part of the photo says about the better ones, and drop the others."""
    hopeful = [h for h in found if found[0].score - h.score < HOPELESS]
    try:
        best, _ = moved(scene, hopeful[0].calibration.capture) if hopeful else (scene, None)
        captures = [h.calibration.capture for h in hopeful]
        residuals: Sequence[float | None] = trial_residuals(best, captures, spectra.centres_px)
    except CaptureError:
        return hopeful
    heard = [replace(h, residual=r) for h, r in zip(hopeful, residuals, strict=True)]
    return _sorted([replace(h, score=h.score - _contradiction(h, heard[0])) for h in heard])


def _contradiction(hypothesis: Hypothesis, best: Hypothesis) -> float:
    """Nats that a larger residual than that of the best evidence costs."""
    longer = max(hypothesis.trail_px, best.trail_px) / max(min(hypothesis.trail_px, best.trail_px), 1e-6)
    if hypothesis.residual is None or best.residual is None or longer > LIKE_LENGTH:
        return 0.0
    ratio = hypothesis.residual / max(best.residual, 1e-6)
    return min(NATS_PER_LOG_RESIDUAL * float(np.log(max(ratio, 1.0))), MOST_RESIDUAL_NATS)


def _sorted(found: list[Hypothesis]) -> list[Hypothesis]:
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def _same(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and bool(np.allclose(a, b, atol=1e-6))
