r"""Agreement: whether a photo shows the blur that its gyro log predicts.

The spectral evidence of `gyrosharp.restore.spectrum` for the recorded motion is compared with that for rivals which
leave everything else as it is: no motion at all, and the same trail turned to other directions, shorter or longer.
A photo blurred by this very motion, with the scene spectra found, would show on average

    expected = mean over windows and frequencies of (log M_0 + M_1 / M_0 - log M_1 - 1)

more evidence for the motion, model M_1, than for no motion, model M_0 (their Kullback-Leibler divergence). The score is
the evidence found over the evidence expected: about 1 where photo and log belong together; near 0 or below it for the
log of another shot, a camera on a tripod, an image in motion blur of its own, or one out of focus.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.restore.calibration import displacements
from gyrosharp.restore.spectrum import Fit, Spectra, SpectralEvidence

Array = NDArray[np.float64]

# Rivals: the trail turned by these angles, at these lengths. Turning by 180 degrees is invisible to a power spectrum.
ANGLES_DEG = (0.0, 25.0, 45.0, 67.5, 90.0, -67.5, -45.0, -25.0)
LENGTHS = (0.45, 0.65, 1.0, 1.5)
# Frequencies up to the second dark band of the trail, cycles per px: there motions differ most, and noise least.
BANDS = 2.0
LOWEST_BOUND, HIGHEST_BOUND = 0.12, 0.42


@dataclass(frozen=True)
class Agreement:
    """How well photo and motion agree.

    Attributes
    ----------
    score : float
        Evidence found over evidence expected, for the motion against no motion; 0 without windows.
    significance : float
        The evidence found, in standard errors over the windows.
    lead : float
        Evidence for the motion less that for its best rival, over the evidence expected.
    expected : float
        Evidence expected, nats per frequency.
    windows : int
        Windows that were looked at.
    shorter : float
        Where the best rival is the same trail but shorter, the evidence for that against no motion, in standard errors;
        0 elsewhere. An optical stabiliser takes a part of the motion out, and leaves such trails.
    """

    score: float
    significance: float
    lead: float
    expected: float
    windows: int
    shorter: float = 0.0


def measure_agreement(capture: Capture, spectra: Spectra) -> Agreement:
    """Compare the evidence for a capture's motion with that for its rivals.

    Parameters
    ----------
    capture : Capture
        The shot, its motion refined.
    spectra : Spectra
        Windows of its photo, see `gyrosharp.restore.spectrum.textured_spectra`.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    if len(spectra) == 0:
        return Agreement(0.0, 0.0, 0.0, 0.0, 0)
    own = _of_windows(capture, spectra)
    found, at_rest, expected = own.found, own.at_rest, max(float(own.expected.mean()), 1e-9)
    rivals = [own.evidence.per_window(own.evidence.fit(_turned(own.moved_px, *rival), own.fit)) for rival in _rivals()]
    best = int(np.argmax([rival.mean() for rival in rivals]))
    length, angle_deg = _rivals()[best]
    return Agreement(
        score=float((found - at_rest).mean()) / expected,
        significance=_significance(found - at_rest),
        lead=float(found.mean() - rivals[best].mean()) / expected,
        expected=expected,
        windows=len(spectra),
        shorter=_significance(rivals[best] - at_rest) if length < 1.0 and angle_deg == 0.0 else 0.0,
    )


@dataclass(frozen=True, eq=False)
class _OfWindows:
    """Evidence of windows for a motion, and for none; nats per frequency, (W,)."""

    evidence: SpectralEvidence
    moved_px: Array
    fit: Fit
    found: Array
    at_rest: Array
    expected: Array


def _of_windows(capture: Capture, spectra: Spectra) -> _OfWindows:
    moved = displacements(capture, spectra.centres_px)
    moved -= moved.mean(axis=1, keepdims=True)
    length = float(np.median(np.ptp(moved, axis=1).max(axis=1))) * spectra.scale
    bound = float(np.clip(BANDS / max(length, 1e-6), LOWEST_BOUND, HIGHEST_BOUND))
    evidence = SpectralEvidence(spectra, bound)
    fit, still = evidence.fit(moved), evidence.fit(np.zeros_like(moved))
    apart = fit.log_model - still.log_model
    expected = (np.exp(apart) - 1.0 - apart).mean(axis=1, dtype=np.float64)
    return _OfWindows(evidence, moved, fit, evidence.per_window(fit), evidence.per_window(still), expected)


def evidence_of(capture: Capture, spectra: Spectra) -> tuple[Array, Array]:
    """Return, for every window (W,), the evidence for a capture's motion less that for no motion, and what is expected.

    Nats per frequency; see `measure_agreement`.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    own = _of_windows(capture, spectra)
    return own.found - own.at_rest, own.expected


def _significance(gain: Array) -> float:
    """Mean of the windows' gains (W,) in standard errors."""
    return float(gain.mean()) / max(float(gain.std()) / float(np.sqrt(len(gain))), 1e-9)


def _rivals() -> list[tuple[float, float]]:
    return [(length, angle) for length in LENGTHS for angle in ANGLES_DEG if (length, angle) != (1.0, 0.0)]


def _turned(displacement_px: Array, length: float, angle_deg: float) -> Array:
    cosine, sine = length * np.cos(np.deg2rad(angle_deg)), length * np.sin(np.deg2rad(angle_deg))
    return np.asarray(displacement_px @ np.array([[cosine, sine], [-sine, cosine]]), dtype=np.float64)
