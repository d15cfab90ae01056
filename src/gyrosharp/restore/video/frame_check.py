"""Whether one frame of a clip shows the blur that its gyro recorded: a quick form of `gyrosharp.restore.agreement`.

That the clip's gyro belongs to the clip is settled by then. What is left are single frames that do not show the
camera's motion: repeated or inserted ones, titles, frames that a stabiliser held. They are told by the score

    evidence for the motion over no motion / the evidence expected,

about 1 or more for the true motion, near or below 0 for a frame without it, which is `Agreement.score` without the
search for rivals that takes most of its time.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.restore.agreement import evidence_of
from gyrosharp.restore.auto import LEAST_EXPECTED, LEAST_WINDOWS
from gyrosharp.restore.spectrum import Spectra, textured_spectra

Image = NDArray[np.float32]


def frame_spectra(picture_linear: Image, trail_px: float, *, lossy: bool = False) -> Spectra | None:
    """Return the textured windows of a frame (H, W, C), linear light, or None where there are too few to tell."""
    channels = picture_linear.shape[2]
    grey = reduce(np.add, (picture_linear[..., c] for c in range(channels))) / np.float32(channels)
    spectra = textured_spectra(grey, trail_px, lossy=lossy)
    return spectra if len(spectra) >= LEAST_WINDOWS else None


def frame_score(capture: Capture, spectra: Spectra) -> float | None:
    """Return the evidence found over the evidence expected, or None where too little is expected to tell.

    Parameters
    ----------
    capture : Capture
        The frame's motion.
    spectra : Spectra
        Its textured windows.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    gain, expected = evidence_of(capture, spectra)
    if expected.mean() < LEAST_EXPECTED:
        return None
    return float(gain.mean() / expected.mean())
