r"""Corrections found from several frames of one clip, combined into those of the clip.

Every frame's estimate is the peak of a posterior whose prior, N(0, sigma^2), is the same for all: with precisions
P_k = 1 / u_k^2 and what the frame itself says, L_k = P_k - 1 / sigma^2,

    mean = w sum_k P_k theta_k / (1 / sigma^2 + w sum_k L_k),        variance = 1 / (1 / sigma^2 + w sum_k L_k)

counts the prior once. Frames of one clip show much the same scene and err alike, so each after the first counts half:
w = (n + 1) / (2 n) for n frames. A frame whose own estimate, P_k theta_k / L_k, is far from the weighted median of all
is left out, and the variance grows where those that stay scatter more than they claim.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Standard deviations from the median beyond which an estimate is an outlier. Errors of single frames have long tails.
OUTLIER_STDS = 3.0
# A frame says nothing of a quantity that it leaves as uncertain as it was: less than this share of the prior's
# precision.
LEAST_SAID = 0.05


@dataclass(frozen=True, eq=False)
class Combined:
    """What the frames of a clip agree on.

    Attributes
    ----------
    corrections, uncertainties : (P,) arrays
        Mean and standard deviation.
    scatter : (P,) array
        Root mean square of the frames' deviations in their own standard deviations; about 1 if they agree, NaN where
        fewer than two frames say anything.
    outliers : (P,) int array
        Frames that were left out.
    """

    corrections: Array
    uncertainties: Array
    scatter: Array
    outliers: NDArray[np.int64]


def combined(corrections: Array, uncertainties: Array, sigmas: Array) -> Combined:
    """Combine the corrections of several frames.

    Parameters
    ----------
    corrections, uncertainties : (K, P) arrays
        Peaks and standard deviations of the frames' posteriors.
    sigmas : (P,) array
        Standard deviations of the prior, which has mean 0.
    """
    columns = [_combined_one(corrections[:, k], uncertainties[:, k], float(sigmas[k])) for k in range(len(sigmas))]
    mean, std, scatter, outliers = (np.array(values) for values in zip(*columns, strict=True))
    return Combined(mean, std, scatter, outliers.astype(np.int64))


def _combined_one(theta: Array, spread: Array, sigma: float) -> tuple[float, float, float, int]:
    """Combine one quantity; return mean, standard deviation, scatter and number of outliers."""
    prior = 1.0 / sigma**2
    precision = 1.0 / spread**2
    said = precision - prior
    telling = said > LEAST_SAID * prior
    if not telling.any():
        return 0.0, sigma, float("nan"), 0
    own, weight = (precision * theta)[telling] / said[telling], said[telling]
    middle = _weighted_median(own, weight)
    kept = np.abs(own - middle) * np.sqrt(weight) <= OUTLIER_STDS
    own, weight = own[kept], weight[kept] * (kept.sum() + 1) / (2 * kept.sum())
    mean = float((own * weight).sum() / (prior + weight.sum()))
    std = float((prior + weight.sum()) ** -0.5)
    if len(own) < 2:
        return mean, std, float("nan"), int((~kept).sum())
    centre = (own * weight).sum() / weight.sum()
    scatter = float(np.sqrt(((own - centre) ** 2 * weight).sum() / (len(own) - 1)))
    return mean, min(std * max(scatter, 1.0), sigma), scatter, int((~kept).sum())


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, 0.5 * reached[-1])])
