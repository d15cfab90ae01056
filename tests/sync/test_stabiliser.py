from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.sync.rates import ImageRates
from gyrosharp.sync.stabiliser import LARGEST_STD, Gain, find_stabiliser

RATE_HZ = 30.0


def tones(t, frequencies_hz, strength, rng):
    """Rates (N, 3) of sines with random phases, of equal strength about every axis."""
    phases = rng.uniform(0, 2 * np.pi, (3, len(frequencies_hz)))
    waves = np.cos(2 * np.pi * t[:, None, None] * np.asarray(frequencies_hz) + phases)
    return strength * waves.mean(axis=-1) * np.sqrt(2 * len(frequencies_hz))


def recording(pan=(1.0, 1.0, 1.0), shake=(1.0, 1.0, 1.0), seconds=30.0, noise=0.01, seed=0, **strength):
    """Rates of a hand that pans and shakes; the picture follows each by its own gain."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    panned = tones(t, [0.15, 0.31, 0.52], strength.get("panned", 0.3), rng)
    shaken = tones(t, np.arange(2.3, 9.5, 0.37), strength.get("shaken", 0.08), rng)
    image = panned * pan + shaken * shake + noise * rng.standard_normal((t.size, 3))
    steps = np.full(t.size, 1 / RATE_HZ)
    return ImageRates(np.rint(t * 1e9).astype(np.int64), steps, image, np.full(image.shape, noise), panned + shaken)


def test_gains_are_those_the_picture_was_made_with():
    found = find_stabiliser(recording(pan=(1.0, 0.9, 1.0), shake=(0.3, 0.5, 1.0), noise=0.003))
    np.testing.assert_allclose([gain.value for gain in found.shake], [0.3, 0.5, 1.0], atol=0.02)
    np.testing.assert_allclose([gain.value for gain in found.pans], [1.0, 0.9, 1.0], atol=0.02)
    assert min(gain.coherence for gain in (*found.shake, *found.pans)) > 0.97


def test_standard_deviations_hold():
    """Over twenty recordings the gains scatter as much as they say."""
    gains = [find_stabiliser(recording(noise=0.04, seed=seed)).shake[0] for seed in range(20)]
    apart = [(gain.value - 1.0) / gain.std for gain in gains]
    assert 0.6 < np.sqrt(np.mean(np.square(apart))) < 1.6


def test_no_stabiliser():
    found = find_stabiliser(recording())
    assert found.kind == "none"
    assert found.sentence.endswith("no stabiliser was on")


def test_yaw_and_pitch_held_and_roll_let_through_is_optical():
    found = find_stabiliser(recording(shake=(0.35, 0.35, 1.0)))
    assert found.kind == "optical"
    assert "35 % ± 1 % of what the gyro's shake" in found.sentence
    assert "optical stabiliser was on; switch it off" in found.sentence


def test_roll_held_too_is_electronic():
    found = find_stabiliser(recording(pan=(0.9, 0.9, 0.6), shake=(0.1, 0.1, 0.15)))
    assert found.kind == "electronic"
    assert "turns by 15 %" in found.sentence


def test_without_roll_the_kind_stays_open():
    rates = recording(shake=(0.3, 0.3, 1.0), noise=0.02)
    gyro, image = rates.gyro_rad_s.copy(), rates.rate_rad_s.copy()
    gyro[:, 2] *= 1e-3
    image[:, 2] = 0.02 * np.random.default_rng(1).standard_normal(len(rates))
    found = find_stabiliser(replace(rates, gyro_rad_s=gyro, rate_rad_s=image))
    assert found.kind == "unknown"
    assert found.shake[2] is None
    assert "optical or electronic" in found.sentence


def test_a_wrong_focal_length_is_no_stabiliser():
    found = find_stabiliser(recording(pan=(0.7, 0.7, 1.0), shake=(0.7, 0.7, 1.0)))
    assert found.kind == "unknown"
    assert "the focal length is wrong" in found.sentence


def test_a_focal_length_that_is_a_little_short_is_no_stabiliser():
    assert find_stabiliser(recording(pan=(0.9, 0.9, 1.0), shake=(0.9, 0.9, 1.0))).kind == "none"


def test_without_pans_a_gain_of_three_quarters_says_nothing():
    found = find_stabiliser(recording(shake=(0.75, 0.75, 1.0), panned=1e-6))
    assert found.pans[0] is None
    assert found.kind == "unknown"
    assert find_stabiliser(recording(shake=(0.4, 0.4, 1.0), panned=1e-6)).kind == "optical"


def test_a_camera_at_rest_says_nothing():
    found = find_stabiliser(recording(shaken=1e-4, panned=1e-4))
    assert found.kind == "unknown"
    assert "too little hand shake" in found.sentence


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_a_handful_of_frames_says_nothing(count):
    rates = recording()
    parts = {name: getattr(rates, name)[:count] for name in vars(rates)}
    assert find_stabiliser(ImageRates(**parts)).kind == "unknown"


def test_a_picture_of_something_else_is_not_taken_for_a_stabiliser():
    """What a moving scene shows is not coherent with the gyro: gain 0 with certainty says that nothing fits."""
    rates = recording()
    other = recording(seed=7)
    found = find_stabiliser(replace(rates, rate_rad_s=other.rate_rad_s))
    assert found.kind == "unknown"
    assert "does not follow the gyro" in found.sentence


def test_missing_and_uneven_frames_do_not_matter():
    rng = np.random.default_rng(3)
    rates = recording(shake=(0.35, 0.35, 1.0), seconds=40.0, noise=0.002)
    kept = rng.random(len(rates)) > 0.15
    parts = {name: getattr(rates, name)[kept] for name in vars(rates)}
    found = find_stabiliser(ImageRates(**parts))
    assert found.kind == "optical"
    assert found.shake[0].value == pytest.approx(0.35, abs=0.06)


def test_wild_intervals_are_left_out():
    rates = recording()
    std, image = rates.std_rad_s.copy(), rates.rate_rad_s.copy()
    std[::17], image[::17] = 10.0, 30.0
    std[5], image[5] = np.nan, np.nan
    assert find_stabiliser(replace(rates, std_rad_s=std, rate_rad_s=image)).kind == "none"


def test_a_delay_does_not_look_like_a_stabiliser():
    """5 ms between the clocks turns the phase at 6 Hz by 11 degrees and leaves the gain."""
    rates, late = recording(noise=0.002), recording(noise=0.002)
    t = rates.time_ns * 1e-9
    image = np.stack([np.interp(t - 0.005, t, late.rate_rad_s[:, axis]) for axis in range(3)], axis=-1)
    assert find_stabiliser(replace(rates, rate_rad_s=image)).kind == "none"


def test_gains_are_never_surer_than_the_clocks():
    rates = recording(noise=0.0)
    gain = find_stabiliser(rates).shake[0]
    assert isinstance(gain, Gain)
    assert 0 < gain.std < LARGEST_STD


def test_a_year_between_two_recordings_does_no_harm():
    rates = recording(shake=(0.35, 0.35, 1.0))
    later = replace(rates, time_ns=rates.time_ns + 365 * 86400 * 10**9)
    both = ImageRates(**{name: np.concatenate([getattr(rates, name), getattr(later, name)]) for name in vars(rates)})
    assert find_stabiliser(both).kind == "optical"
