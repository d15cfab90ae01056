"""Shot and read noise of a raw picture.

References
----------
Foi et al., "Practical Poissonian-Gaussian noise modeling", TIP 17(10), 2008, eq. 3 (variance linear in brightness).
Brooks et al., "Unprocessing images for learned raw denoising", CVPR 2019, eq. 2 (read against shot variance).
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError

Image = NDArray[np.float32]


def iso_noise(iso: float) -> tuple[float, float]:
    """Return shot variance s and read variance r of a phone: var(raw) = s x + r for raw light x, white = 1.

        s = 7.2001e-7 ISO + 1.2589e-5,    ln r = 1.4141 ln s - 2.0269

    Both are variances, white squared: GyroDVD's code draws s Poisson(x / s) + sqrt(r) N(0, 1) from them. At ISO 100
    that is 11,800 electrons at white and a read noise of 5.7 electrons.

    Parameters
    ----------
    iso : float
        Sensitivity, > 0.

    Raises
    ------
    UsageError
        If the ISO is not positive.

    References
    ----------
    GyroDVD (CVPR 2026): the noise profile of its phone's green channel.
    """
    if not 0.0 < iso < np.inf:
        raise UsageError(f"iso: expected a finite number > 0, got {iso:g}")
    shot = 7.2001e-7 * iso + 1.2589e-5
    return shot, float(np.exp(1.4141 * np.log(shot) - 2.0269))


def with_shot_and_read_noise(raw: Image, shot: float, read: float, rng: np.random.Generator) -> Image:
    """Return s Poisson(x / s) + sqrt(r) N(0, 1): mean x, variance s x + r, exactly Poisson at every count.

    Parameters
    ----------
    raw : float32 array
        Expected raw light x, white = 1; negative values count as 0.
    shot, read : float
        s and r, >= 0; 0 leaves that part out.
    rng : numpy.random.Generator
        Source of randomness.
    """
    noisy = raw
    if shot > 0.0:
        electrons = rng.poisson(np.maximum(raw, 0.0) * (1.0 / shot))
        noisy = (electrons * shot).astype(np.float32)
    if read > 0.0:
        noisy = noisy + np.float32(np.sqrt(read)) * rng.standard_normal(raw.shape, dtype=np.float32)
    return noisy
