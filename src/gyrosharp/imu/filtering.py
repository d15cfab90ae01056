"""Cleaning a log: single-sample spikes out, noise above a cutoff out. Stamps are never moved."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError
from gyrosharp.imu.checks import GAP_INTERVALS
from gyrosharp.imu.recording import ImuRecording

# A spike sticks out of the line between its neighbours by this many robust standard deviations of what samples
# around it do, by this many times what its two neighbours on either side differ among themselves (a knock on the
# camera rings for several samples, so they differ), and by this much at least.
SPIKE_SIGMAS = 8.0
SPIKE_OVER_NEIGHBOURS = 3.0
SPIKE_FLOOR_RAD_S = 0.5
SPIKE_WINDOW = 31
# The median absolute deviation of a normal variable is 0.6745 standard deviations.
MAD_TO_SIGMA = 1.4826

FILTER_ORDER = 2
# Intervals that vary by more than this share of their median are worth a note: a filter that counts samples then has
# a cutoff that varies as much.
JITTER = 0.25


def rejected_spikes(recording: ImuRecording) -> ImuRecording:
    """Return the recording with single-sample gyro spikes replaced by interpolation between their neighbours.

    Axis by axis, sample i is a spike if it deviates from the line between samples i - 1 and i + 1 by more than
    8 robust standard deviations of that deviation nearby (31 samples), 3 times the range of samples i - 2, i - 1,
    i + 1 and i + 2, and 0.5 rad/s. Shake and knocks are left alone: they last more than one sample, so the
    neighbours differ, too. The number of replaced samples goes to the notes.
    """
    seconds = (recording.time_ns - recording.time_ns[0]) * 1e-9
    gyro = recording.gyro_rad_s.copy()
    count = sum(_replace_spikes(seconds, gyro[:, axis]) for axis in range(3))
    if not count:
        return recording
    return replace(recording, gyro_rad_s=gyro).noted(f"{count} single-sample spikes replaced by their neighbours")


def low_passed(recording: ImuRecording, cutoff_hz: float) -> ImuRecording:
    """Return the recording with the gyro low-passed without delay.

    A second-order Butterworth filter runs forward and backward over the samples as they are; its design frequency is
    raised so that the two runs together lose 3 dB at `cutoff_hz`. A gap (5 median intervals) separates stretches that
    are filtered on their own; inside one, samples count as equally spaced, and a note says so if they are not.

    Parameters
    ----------
    recording : ImuRecording
        The log.
    cutoff_hz : float
        Frequency, over 0 and under half the sampling rate, in Hz.

    Raises
    ------
    UsageError
        If the cutoff is out of that range.
    """
    nyquist_hz = recording.rate_hz / 2
    if not 0 < cutoff_hz < nyquist_hz:
        raise UsageError(
            f"low-pass cutoff: expected over 0 and under {nyquist_hz:.4g} Hz, half the log's rate, got {cutoff_hz:g} Hz"
        )
    intervals_ns = np.diff(recording.time_ns)
    median_ns = float(np.median(intervals_ns))
    cuts = np.flatnonzero(intervals_ns > GAP_INTERVALS * median_ns) + 1
    gyro = np.concatenate([_filtered(part, cutoff_hz / nyquist_hz) for part in np.split(recording.gyro_rad_s, cuts)])
    notes = [f"low-passed at {cutoff_hz:g} Hz"]
    usual = intervals_ns[intervals_ns <= GAP_INTERVALS * median_ns]
    if float(usual.std()) > JITTER * median_ns:
        notes.append(f"sample intervals vary by {usual.std() / median_ns:.0%}: the low-pass cutoff does, too")
    return replace(recording, gyro_rad_s=gyro).noted(*notes)


def _replace_spikes(seconds: NDArray[np.float64], rate: NDArray[np.float64]) -> int:
    """Replace the spikes of one axis in place and return how many there were."""
    if rate.size < 5:
        return 0
    before, after = rate[:-2], rate[2:]
    share = (seconds[1:-1] - seconds[:-2]) / (seconds[2:] - seconds[:-2])
    line = before + share * (after - before)
    off = np.abs(rate[1:-1] - line)
    spike = off > np.maximum(SPIKE_FLOOR_RAD_S, SPIKE_OVER_NEIGHBOURS * _neighbour_range(rate))
    if spike.any():
        from scipy.ndimage import median_filter

        sigma = MAD_TO_SIGMA * median_filter(off, size=min(SPIKE_WINDOW, off.size), mode="nearest")
        spike &= off > SPIKE_SIGMAS * sigma
    rate[1:-1][spike] = line[spike]
    return int(spike.sum())


def _neighbour_range(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the range of the two samples on either side of samples 1 to N - 2; the ends are repeated."""
    padded = np.pad(rate, 1, mode="edge")
    around = np.stack([padded[:-4], padded[1:-3], padded[3:-1], padded[4:]])
    return np.asarray(np.ptp(around, axis=0))


def _filtered(part: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """Filter one stretch (M, 3); `cutoff` is in units of the Nyquist frequency."""
    from scipy.signal import butter, sosfiltfilt

    # |H|^2 = 1 / (1 + (f / fc)^2n) per run, f in the bilinear transform's tan(pi f / 2); two runs are at 1/sqrt(2)
    # where (f / fc)^2n = sqrt(2) - 1.
    widening = (np.sqrt(2.0) - 1.0) ** (1.0 / (2 * FILTER_ORDER))
    design = 2.0 / np.pi * np.arctan(np.tan(np.pi * cutoff / 2.0) / widening)
    sections = butter(FILTER_ORDER, design, output="sos")
    if len(part) < 3:
        return part
    padding = min(3 * (2 * len(sections) + 1), len(part) - 1)
    return np.asarray(sosfiltfilt(sections, part, axis=0, padlen=padding), dtype=np.float64)
