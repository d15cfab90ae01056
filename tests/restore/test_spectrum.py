import numpy as np
import pytest

from gyrosharp.restore.spectrum import (
    LONGEST_TRAIL_PX,
    MAX_WINDOWS,
    WINDOW_PX,
    Spectra,
    SpectralEvidence,
    textured_spectra,
)

POSES = 24
PHASES = (np.arange(POSES) + 0.5) / POSES - 0.5


def trail(dx, dy, windows=1):
    """A straight trail of constant speed."""
    return np.broadcast_to(PHASES[:, None] * np.array([dx, dy], dtype=float), (windows, POSES, 2))


def fractal(side=512, seed=0):
    """A picture whose amplitude spectrum falls as 1 / f, as those of natural scenes do; 0.1 to 0.6."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    radius[0, 0] = 1.0
    picture = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / radius**1.15, (side, side))
    return (0.1 + 0.5 * (picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def smeared(picture, displacement_px, noise=0.003):
    """Blur with periodic borders, in the frequency domain, and add noise."""
    fy, fx = np.fft.fftfreq(picture.shape[0])[:, None], np.fft.rfftfreq(picture.shape[1])
    K = np.mean([np.exp(-2j * np.pi * (fx * x + fy * y)) for x, y in displacement_px], axis=0)
    blurred = np.fft.irfft2(np.fft.rfft2(picture) * K, picture.shape)
    rng = np.random.default_rng(1)
    return (blurred + noise * rng.standard_normal(picture.shape)).astype(np.float32)


def flat_spectra(side=128, scale=1.0):
    return Spectra(np.zeros((1, 2)), np.ones((1, side, side), np.float32), np.full(1, 1e-6, np.float32), scale, 1)


def test_the_transfer_of_a_straight_trail_is_a_sinc():
    evidence = SpectralEvidence(flat_spectra(), 0.42)
    fx = np.broadcast_to(evidence._fx, evidence._used.shape)[evidence._used]
    got = evidence.transfer(trail(12.0, 0.0))[0]
    exact = np.sinc(12.0 * fx) ** 2
    # The taper spreads the spectrum by a bin, which fills the dark bands but hardly touches the lobes.
    lobes = exact > 0.01
    np.testing.assert_allclose(got[lobes], exact[lobes], atol=0.03)
    assert got[exact < 1e-4].max() < 0.03


def test_a_reduced_photo_has_shorter_trails():
    long, short = SpectralEvidence(flat_spectra(scale=0.5), 0.42), SpectralEvidence(flat_spectra(), 0.42)
    np.testing.assert_allclose(long.transfer(trail(24.0, 7.0)), short.transfer(trail(12.0, 3.5)), atol=1e-5)


@pytest.mark.parametrize(("dx", "dy"), [(14.0, 0.0), (0.0, 9.0), (10.0, 10.0), (12.0, -5.0)])
def test_the_true_trail_has_the_most_evidence(dx, dy):
    spectra = textured_spectra(smeared(fractal(), trail(dx, dy)[0]), 16.0)
    evidence = SpectralEvidence(spectra, 0.25)

    def of(x, y):
        return evidence.per_window(evidence.fit(trail(x, y, len(spectra)))).mean()

    true = of(dx, dy)
    rivals = {"none": of(0, 0), "turned": of(-dy, dx), "mirrored": of(dx, -dy) if dx * dy else -np.inf}
    rivals |= {"half": of(dx / 2, dy / 2), "longer": of(1.4 * dx, 1.4 * dy)}
    assert true > max(rivals.values()) + 0.02, rivals
    # A power spectrum does not know where a trail begins.
    assert of(-dx, -dy) == pytest.approx(true, abs=1e-6)


def test_a_sharp_photo_speaks_against_any_trail():
    spectra = textured_spectra(smeared(fractal(), np.zeros((1, 2))), 16.0)
    evidence = SpectralEvidence(spectra, 0.25)
    still, moving = (evidence.per_window(evidence.fit(trail(x, 0.0, len(spectra)))).mean() for x in (0.0, 10.0))
    assert still > moving + 0.1


def test_a_warm_start_finds_the_same_fit():
    spectra = textured_spectra(smeared(fractal(), trail(14.0, 0.0)[0]), 16.0)
    evidence = SpectralEvidence(spectra, 0.25)
    near = evidence.fit(trail(13.0, 1.0, len(spectra)))
    cold, warm = evidence.fit(trail(14.0, 0.0, len(spectra))), evidence.fit(trail(14.0, 0.0, len(spectra)), near)
    np.testing.assert_allclose(evidence.per_window(warm), evidence.per_window(cold), atol=2e-3)


def test_windows_lie_on_texture_all_over_the_photo():
    picture = fractal(1024)
    picture[:, :400] = 0.3
    picture[:512, 700:] = 1.0
    picture += np.random.default_rng(2).normal(0, 0.003, picture.shape).astype(np.float32)
    spectra = textured_spectra(picture, 10.0)
    assert 8 <= len(spectra) <= MAX_WINDOWS < spectra.candidates
    x, y = spectra.centres_px.T
    assert x.min() >= 400 - WINDOW_PX / 2
    assert not ((x > 700 + WINDOW_PX / 2) & (y < 512 - WINDOW_PX / 2)).any()
    assert np.ptp(x) > 400
    assert np.ptp(y) > 600


@pytest.mark.parametrize("size", [(20, 20), (60, 500), (96, 96)])
def test_small_photos_have_small_windows_or_none(size):
    spectra = textured_spectra(fractal(512)[: size[0], : size[1]], 5.0)
    assert spectra.power.shape[1:] in {(min(size), min(size)), (96, 96), (60, 60)}
    assert (len(spectra) == 0) == (min(size) < 48)


def test_flat_and_black_photos_have_no_windows():
    rng = np.random.default_rng(0)
    assert len(textured_spectra(np.zeros((300, 300), np.float32), 5.0)) == 0
    assert len(textured_spectra((0.4 + 0.01 * rng.standard_normal((300, 300))).astype(np.float32), 5.0)) == 0


def test_long_trails_are_looked_at_in_a_reduced_photo():
    spectra = textured_spectra(fractal(1024), 4 * LONGEST_TRAIL_PX)
    assert spectra.scale == pytest.approx(0.25)
    assert spectra.centres_px.max() > 512
