r"""Stabilisers: whether the picture moves as the gyro says, or something held it still.

With G(f) and V(f) the spectra of the gyro's and of the picture's rate about one axis, over many short stretches of the
recording, the gain in a band of frequencies is

    gain = |sum conj(G) V| / sum |G|^2,      coherence = |sum conj(G) V|^2 / (sum |G|^2 sum |V|^2),

1 for a camera without stabiliser. An optical one lets pans pass and takes the shake out of yaw and pitch, but cannot
turn the picture; an electronic one (or a sensor on five axes) takes roll out too. The standard deviation of a gain
follows from the part of V that is not coherent with G,

    std^2 = (1 - coherence) sum |V|^2 / (2 n sum |G|^2),

n being the number of independent frequencies (Bendat and Piersol, "Random Data", 4th ed., section 9.2).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gyrosharp.sync.rates import ImageRates

Array = NDArray[np.float64]
Kind = Literal["none", "optical", "electronic", "unknown"]

AXES = ("pitch", "yaw", "roll")
# Pans and hand shake, Hz. Stabilisers follow the one and oppose the other.
PANS_HZ, SHAKE_HZ = (0.0, 0.7), (2.0, 10.0)
# Above this share of half the frame rate, rates between frames are mostly averaged away.
USABLE_SHARE = 0.8
# Length of a stretch: four periods of the fastest pan. Stretches overlap by half.
STRETCH_S = 6.0
# Runs without a gap of this length are taken apart, and shorter ones left out.
MOST_GAP_S, LEAST_RUN_S = 1.0, 1.0
# A stretch must hold this share of its frames.
LEAST_FILLED = 0.6
# Bins of a Hann taper, in stretches that overlap, count half: neighbours share what they show.
INDEPENDENT_SHARE = 0.5
LEAST_BINS = 4.0
# A gain known worse than this says nothing.
LARGEST_STD = 0.12
# And none is known better than this: frames and samples are not taken at exactly the times they say.
LEAST_STD = 0.005
# Intervals whose rate is this much less certain than usual are left out.
MOST_UNCERTAIN = 5.0
# Below `REDUCED` a stabiliser is at work, above `KEPT` none is. Without pans to compare with, a focal length that is a
# third too long looks like a stabiliser: then less than `REDUCED_ALONE` is asked for.
REDUCED, KEPT, REDUCED_ALONE = 0.8, 0.85, 0.65
SIGNIFICANCE = 3.0
# A picture that moves this much by itself, as a share of the gyro's motion, and more than it follows the gyro, was not
# stabilised: it shows something else.
MOST_UNEXPLAINED = 0.5


@dataclass(frozen=True)
class Gain:
    """How much of the gyro's motion the picture shows, about one axis in one band.

    Attributes
    ----------
    value : float
        1 without stabiliser.
    std : float
        Standard deviation of `value`.
    coherence : float
        0 to 1: share of the power of the picture's motion that follows the gyro's.
    unexplained : float
        Amplitude of the rest, over that of the gyro's motion.
    """

    value: float
    std: float
    coherence: float
    unexplained: float


@dataclass(frozen=True)
class Stabilisation:
    """What a recording shows of a stabiliser.

    Attributes
    ----------
    kind : {"none", "optical", "electronic", "unknown"}
        "electronic" includes sensors that are moved on five axes.
    pans, shake : tuple of Gain or None
        About x (pitch), y (yaw) and z (roll); None where the motion does not tell.
    sentence : str
        In plain words.
    """

    kind: Kind
    pans: tuple[Gain | None, ...]
    shake: tuple[Gain | None, ...]
    sentence: str


def find_stabiliser(rates: ImageRates) -> Stabilisation:
    """Compare the picture's motion with the gyro's in pans and in hand shake.

    Parameters
    ----------
    rates : ImageRates
        Both, synchronised, gyro bias off, some seconds at least.
    """
    certain = np.isfinite(rates.std_rad_s).all(axis=1)
    if certain.any():
        spread = rates.std_rad_s.max(axis=1)
        certain &= spread <= MOST_UNCERTAIN * np.median(spread[certain])
    seconds = np.asarray((rates.time_ns - rates.time_ns[:1]) * 1e-9, dtype=np.float64)
    kept = np.flatnonzero(certain)
    runs = np.split(kept, np.flatnonzero(np.diff(seconds[kept]) > MOST_GAP_S) + 1)
    stretches = [
        stretch for run in runs for stretch in _stretches(seconds[run], rates.gyro_rad_s[run], rates.rate_rad_s[run])
    ]
    pans, shake = (tuple(_gain(stretches, axis, band) for axis in range(3)) for band in (PANS_HZ, SHAKE_HZ))
    kind, sentence = _verdict(pans, shake)
    return Stabilisation(kind, pans, shake, sentence)


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Spectra (F, 3) of a stretch of the recording at frequencies (F,), Hz."""

    frequency_hz: Array
    gyro: NDArray[np.complex128]
    image: NDArray[np.complex128]


def _stretches(seconds: Array, gyro: Array, image: Array) -> list[_Stretch]:
    if seconds.size < LEAST_BINS or np.ptp(seconds) < LEAST_RUN_S:
        return []
    step = float(np.median(np.diff(seconds)))
    count = min(round(STRETCH_S / step), seconds.size)
    taper = np.hanning(count + 2)[1:-1, None]
    frequency = np.asarray(np.fft.rfftfreq(count, step), dtype=np.float64)
    # Missing frames are bridged, in both alike: through gaps, strong pans would leak into all frequencies.
    even = np.arange(seconds[0], seconds[-1] + 0.5 * step, step)
    bridged = [np.stack([np.interp(even, seconds, rate[:, axis]) for axis in range(3)], -1) for rate in (gyro, image)]
    found = []
    for first in range(0, even.size - count + 1, max(count // 2, 1)):
        held = (seconds >= even[first] - step / 2) & (seconds <= even[first + count - 1] + step / 2)
        if held.sum() >= LEAST_FILLED * count:
            parts = [rate[first : first + count] for rate in bridged]
            spectra = [np.fft.rfft(taper * (part - part.mean(axis=0)), axis=0) for part in parts]
            found.append(_Stretch(frequency, *spectra))
    return found


def _gain(stretches: list[_Stretch], axis: int, band_hz: tuple[float, float]) -> Gain | None:
    inside = [_inside(s.frequency_hz, band_hz) for s in stretches]
    G = np.concatenate([s.gyro[i, axis] for s, i in zip(stretches, inside, strict=True)] or [np.empty(0, complex)])
    V = np.concatenate([s.image[i, axis] for s, i in zip(stretches, inside, strict=True)] or [np.empty(0, complex)])
    independent = INDEPENDENT_SHARE * G.size
    power = float((np.abs(G) ** 2).sum())
    if independent < LEAST_BINS or power == 0.0:
        return None
    shown = float((np.abs(V) ** 2).sum())
    transfer = complex(np.vdot(G, V)) / power
    coherence = min(abs(transfer) ** 2 * power / shown, 1.0) if shown else 0.0
    unexplained = float(np.sqrt((1.0 - coherence) * shown / power))
    variance = unexplained**2 / (2.0 * independent)
    if not variance < LARGEST_STD**2:
        return None
    # The magnitude of a complex number is enlarged by the noise in its two parts.
    value = float(np.sqrt(max(abs(transfer) ** 2 - 2.0 * variance, 0.0)))
    return Gain(value, max(float(np.sqrt(variance)), LEAST_STD), coherence, unexplained)


def _inside(frequency_hz: Array, band_hz: tuple[float, float]) -> NDArray[np.bool_]:
    highest = min(band_hz[1], USABLE_SHARE * float(frequency_hz[-1]))
    return np.asarray((frequency_hz > band_hz[0]) & (frequency_hz <= highest), dtype=np.bool_)


def _verdict(pans: tuple[Gain | None, ...], shake: tuple[Gain | None, ...]) -> tuple[Kind, str]:
    # Yaw and pitch together: the stabiliser treats them alike.
    shaken = _mean([gain for gain in shake[:2] if gain is not None])
    if shaken is None:
        return "unknown", "too little hand shake to tell whether a stabiliser was on; shake the camera while recording"
    panned = _mean([pan for pan, gain in zip(pans[:2], shake[:2], strict=True) if pan is not None and gain is not None])
    if shaken.unexplained > max(MOST_UNEXPLAINED, shaken.value):
        return "unknown", "the picture's motion does not follow the gyro, so it cannot tell whether a stabiliser was on"
    roll = shake[2]
    told = f"the picture moves {_percent(shaken)} of what the gyro's shake would move it"
    if _below(_over(shaken, panned), REDUCED if panned else REDUCED_ALONE):
        if roll is not None and roll.value - SIGNIFICANCE * roll.std > REDUCED:
            return "optical", (
                f"{told}, but turns by {_percent(roll)} of its roll: an optical stabiliser was on; switch it off, or "
                "give what it recorded"
            )
        if roll is not None and _below(roll, REDUCED):
            return "electronic", (
                f"{told}, and turns by {_percent(roll)} of its roll: an electronic stabiliser (or one that moves the "
                "sensor on five axes) was on; switch it off, or take the original recording"
            )
        return "unknown", (
            f"{told}: a stabiliser was on, optical or electronic (there is too little roll to tell); switch it off"
        )
    if panned is not None and _below(shaken, REDUCED) and _below(panned, REDUCED):
        return "unknown", f"{told}, and {_percent(panned)} in pans: rather than a stabiliser, the focal length is wrong"
    if _over(shaken, panned).value > KEPT:
        return "none", f"{told}: no stabiliser was on"
    return "unknown", f"{told}: that does not tell whether a stabiliser was on"


def _mean(gains: list[Gain]) -> Gain | None:
    """The mean of gains, weighted by their certainty; its spread tells if they differ more than they should."""
    if not gains:
        return None
    values, weights = np.array([g.value for g in gains]), np.array([1.0 / g.std**2 for g in gains])
    weights = weights / weights.sum()
    mean = float(values @ weights)
    within = 1.0 / np.sqrt(sum(1.0 / g.std**2 for g in gains))
    between = np.sqrt(float(weights @ (values - mean) ** 2) / max(len(gains) - 1, 1))
    coherence, unexplained = (
        float(np.mean([getattr(g, name) for g in gains])) for name in ("coherence", "unexplained")
    )
    return Gain(mean, float(max(within, between)), coherence, unexplained)


def _over(gain: Gain, other: Gain | None) -> Gain:
    """Return a gain over another, which takes a wrong focal length out."""
    if other is None or other.value <= 0.0:
        return gain
    ratio = gain.value / other.value
    return replace(gain, value=ratio, std=float(np.hypot(gain.std, ratio * other.std) / other.value))


def _below(gain: Gain, limit: float) -> bool:
    return gain.value + SIGNIFICANCE * gain.std < limit


def _percent(gain: Gain) -> str:
    return f"{100 * gain.value:.0f} % ± {max(100 * gain.std, 1):.0f} %"
