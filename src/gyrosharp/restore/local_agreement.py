r"""Local agreement: which parts of a photo show the blur that the camera's rotation makes there.

What is near moves otherwise than the gyro says where the camera was shifted, too, and what moves by itself does so
anyway. Deconvolved with the wrong trail it rings, and the reblur residual does not tell, for rings explain a photo as
well. Power spectra do: with e_w and r_w the evidence of a window's spectrum for the motion and for no motion at all,
and x_w what is expected of their difference (`gyrosharp.restore.agreement`), the score of a place is

    s = (p + sum_w k_w (e_w - r_w)) / (p + sum_w k_w x_w),    k_w = exp(-|x - c_w|^2 / 2 sigma^2)

over the textured windows around it, with centres c_w. It is about 1 where all is as it should be, and where nothing can
be told, for there nothing would ring; 0 or less where no motion explains the photo better.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.restore.agreement import evidence_of
from gyrosharp.restore.spectrum import WINDOW_PX, Spectra

Array = NDArray[np.float32]

# Parts of lower scores are left as they are, parts of higher ones are restored; between, the two are mixed. On 16 shots
# of kodak24, half of them with gyro errors, the lowest is 0.16; of a table in front of a shaken phone it is -1.
LEAST_SCORE, FULL_SCORE = -0.2, 0.2
# Both are higher by this in files with losses, where all scores come out higher: only what stands above the encoder's
# errors counts (`spectrum.LOSSY_ENCODED_STD`). The table there has -0.2 to 0.5, what is behind it 0.5 to 2.6.
LOSSY_MORE = 0.3
# p: what the prior weighs, in windows of the mean evidence expected.
PRIOR_WINDOWS = 0.5
# sigma, in windows.
REACH_WINDOWS = 0.5
STEP_PX = 32


def local_strength(capture: Capture, spectra: Spectra) -> Array:
    """Return how much of a restored photo is to be taken, (H, W) float32 in [0, 1].

    Parameters
    ----------
    capture : Capture
        The shot, with the motion that was undone.
    spectra : Spectra
        Windows all over its photo (`gyrosharp.restore.spectrum.textured_spectra`, everywhere).

    Returns
    -------
    (H, W) float32 array
        1 everywhere for a photo whose depth is known: trails follow it, these windows do not.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    import cv2

    height, width = capture.camera.height, capture.camera.width
    if len(spectra) == 0 or capture.depth() is not None:
        return np.ones((height, width), np.float32)
    gain, expected = evidence_of(capture, spectra)
    columns, rows = (max(round(side / STEP_PX), 2) for side in (width, height))
    x, y = ((np.arange(count) + 0.5) * side / count - 0.5 for count, side in ((columns, width), (rows, height)))
    sigma = REACH_WINDOWS * WINDOW_PX / spectra.scale
    near_x, near_y = (
        np.exp(-0.5 * ((at[:, None] - centres) / sigma) ** 2)
        for at, centres in zip((x, y), spectra.centres_px.T, strict=True)
    )
    prior = PRIOR_WINDOWS * expected.mean()
    score = (prior + (near_y * gain) @ near_x.T) / (prior + (near_y * expected) @ near_x.T)
    least = LEAST_SCORE + LOSSY_MORE if spectra.lossy else LEAST_SCORE
    coarse = np.clip((score - least) / (FULL_SCORE - LEAST_SCORE), 0, 1).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
