"""Parts of a photo that does not show the camera's blur: found by their spectra, and left as they are."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.restore import auto
from gyrosharp.restore.classical import survey
from gyrosharp.restore.deblur import deblur
from gyrosharp.restore.local_agreement import local_strength
from gyrosharp.restore.restoration import mixed
from gyrosharp.restore.spectrum import MAX_EVERYWHERE, MAX_WINDOWS, textured_spectra
from shots import gain_db, photo, shake_photo

TRAIL_PX = 16.0


@pytest.fixture(scope="module")
def shot():
    """Texture all over, 640 px wide."""
    return shake_photo(photo("grass", 512, 400).repeat(3, axis=2), seed=2, trail_px=TRAIL_PX)


@pytest.fixture(scope="module")
def still_right(shot):
    """The same, but what is in the right half moved along with the camera."""
    picture = shot.blurred_linear.copy()
    picture[:, 256:] = shot.sharp_linear[:, 256:]
    return picture


def everywhere(picture, lossy=False):
    return textured_spectra(np.ascontiguousarray(picture.mean(axis=2)), TRAIL_PX, lossy=lossy, everywhere=True)


def test_what_shows_the_motion_is_restored(shot):
    strength = local_strength(shot.capture, everywhere(shot.blurred_linear))
    assert strength.shape == shot.blurred_linear.shape[:2] and strength.dtype == np.float32
    np.testing.assert_array_equal(strength, 1)


def test_what_does_not_is_left(shot, still_right):
    strength = local_strength(shot.capture, everywhere(still_right))
    assert strength[:, :160].min() == 1 and strength[:, 352:].max() == 0
    assert (np.diff(strength.mean(axis=0)) <= 1e-6).all(), "the farther to the right, the less"


def test_files_with_losses_must_show_it_more_clearly(shot):
    """Half of the photo moved along with the camera and is laid over the rest: the score falls, but not to nothing."""
    spectra = everywhere(0.5 * (shot.blurred_linear + shot.sharp_linear))
    as_seen, lossy = (local_strength(shot.capture, replace(spectra, lossy=lossy)).mean() for lossy in (False, True))
    assert lossy < as_seen
    assert local_strength(shot.capture, everywhere(shot.blurred_linear, lossy=True)).min() == 1


def test_nothing_is_left_where_nothing_can_be_told(shot):
    flat = np.full_like(shot.blurred_linear, 0.3)
    np.testing.assert_array_equal(local_strength(shot.capture, everywhere(flat)), 1)


def test_trails_that_follow_the_depth_are_not_judged(shot, still_right):
    deep = replace(shot.capture, depth_m=np.full(shot.blurred_linear.shape[:2], 2.0, np.float32))
    np.testing.assert_array_equal(local_strength(deep, everywhere(still_right)), 1)


def test_windows_are_everywhere_but_not_too_many():
    grass = np.tile(photo("grass", 512, 512)[..., 0], (4, 5))[:1700, :2200]
    best, every = (textured_spectra(grass, TRAIL_PX, everywhere=way) for way in (False, True))
    assert len(best) <= MAX_WINDOWS and len(every) == every.candidates <= 1.2 * MAX_EVERYWHERE
    assert every.centres_px.min() < 64 and (every.centres_px.max(axis=0) > (2130, 1630)).all()
    assert len(every) + 100 > MAX_EVERYWHERE


def test_a_strength_may_be_a_map():
    restored, picture = np.full((2, 3, 3), 0.8, np.float32), np.full((2, 3, 3), 0.2, np.float32)
    share = np.array([[0, 0.5, 1], [1, 1, 0]], np.float32)
    np.testing.assert_allclose(mixed(restored, picture, share)[..., 1], 0.2 + 0.6 * share, rtol=1e-6)
    assert mixed(restored, picture, 1.0) is restored


def test_the_default_restores_the_rest_and_says_so(monkeypatch):
    monkeypatch.setattr(auto, "MIRROR_SIDE_PX", 256)  # a part of the photo that moved
    grass = np.tile(photo("grass", 512, 400), (1, 2, 3))[:, :700]
    shot = shake_photo(grass, seed=2, trail_px=TRAIL_PX)
    picture = shot.blurred_linear.copy()
    picture[:, 540:] = shot.sharp_linear[:, 540:]
    result = deblur(shot.capture, "auto", image=picture)
    assert result.diagnostics.decision == "deblurred"
    assert (np.abs(result.image - picture).max(axis=2)[:, 624:] < 1e-6).mean() > 0.9
    assert gain_db(result.image, shot, (slice(None), slice(0, 420))) > 1.0
    (note,) = (note for note in result.diagnostics.notes if "does not show the camera's blur" in note)
    assert 15 < int(note.split("%")[0]) < 35


def test_the_reversed_motion_is_looked_for_where_the_motion_shows(monkeypatch):
    """The middle third moved with the camera: nothing there tells a motion from its reverse."""
    monkeypatch.setattr(auto, "MIRROR_SIDE_PX", 256)
    shot = shake_photo(np.tile(photo("grass", 512, 400), (1, 2, 3))[:, :900], seed=4, trail_px=TRAIL_PX)
    picture = shot.blurred_linear.copy()
    picture[:, 300:600] = shot.sharp_linear[:, 300:600]
    spectra = textured_spectra(np.ascontiguousarray(picture.mean(axis=2)), TRAIL_PX)
    assert not auto._reversed_fits(survey(shot.capture, picture)[0], spectra)
    assert auto._reversed_fits(survey(auto.reflected(shot.capture), picture)[0], spectra)


def test_the_part_that_holds_most_places():
    ring = np.array([[0.0, 0.0], [10.0, 0.0], [100.0, 0.0], [104.0, 2.0], [108.0, 4.0]])
    np.testing.assert_allclose(auto._amid_most(ring, (12, 12)), [104.0, 2.0])
    np.testing.assert_allclose(auto._amid_most(ring[:1], (12, 12)), [0.0, 0.0])
