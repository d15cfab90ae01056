"""Preparing clips: corrections, verdicts, and what single frames show."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import ImageError, ImuError
from gyrosharp.restore.auto import Verdict
from gyrosharp.restore.restoration import ReblurResidual
from gyrosharp.restore.video import VideoSettings, prepared
from gyrosharp.restore.video.clip_calibration import FEW_TEXTURES, chosen_frames, priors_of
from gyrosharp.restore.video.deblurrer import NO_BETTER, NOT_SHOWN, NOTHING_TRUSTED
from gyrosharp.restore.video.frame_check import frame_spectra
from gyrosharp.restore.video.plan import VideoPlan
from gyrosharp.restore.video.preparation import NOTHING_ASKED, REVERSED, UNREADABLE
from made_clips import HEIGHT, WIDTH, blurred, made_recording, reader_of, with_errors
from shots import photo

FRAMES = 6


@pytest.fixture(scope="module")
def true_recording():
    return made_recording(FRAMES)


@pytest.fixture(scope="module")
def pictures(true_recording):
    return [blurred(true_recording, index) for index in range(FRAMES)]


@pytest.fixture(scope="module")
def deblurrer(true_recording, pictures):
    return prepared(with_errors(true_recording), read_frame=reader_of(pictures))


def plan_with(extent_px):
    extent_px = np.array(extent_px, dtype=float)
    count = len(extent_px)
    return VideoPlan(extent_px, (extent_px > 1.5).astype(float), ("",) * count, np.arange(count))


def test_frames_are_chosen_from_all_over_the_clip():
    extent_px = np.full(80, 5.0)
    extent_px[5::10] = 14.0
    assert chosen_frames(plan_with(extent_px), 8) == tuple(range(5, 80, 10))


def test_unclear_frames_are_chosen_only_where_there_are_no_others():
    assert chosen_frames(plan_with([0.1, 2.0, 100.0, 3.0]), 8) == (1, 2, 3)
    assert chosen_frames(plan_with([90.0, 90.0, 20.0, 10.0]), 2) == (2, 3)
    assert chosen_frames(plan_with([0.1, 0.2]), 8) == ()


def test_the_clock_offset_is_found_within_what_it_claims(deblurrer):
    found = deblurrer.calibration.found
    assert deblurrer.calibration.verdict == Verdict(1.0, "image and gyro agree")
    assert abs(found.corrections[0] - 0.003) < 4 * found.uncertainties[0]
    assert found.uncertainties[0] < 0.002
    # 0.04 rad/s, 0.3 px over the exposure, are too little to be seen in a picture of this size.
    assert (np.abs(found.corrections[1:4] - [0.008, -0.006, 0.004]) < 0.04).all()
    assert deblurrer.calibration.score == 1.0
    said = deblurrer.calibration.as_json()
    assert said["time_offset_s"] == pytest.approx(found.corrections[0])
    assert said["std"]["time_offset_s"] == found.uncertainties[0]


def test_the_time_offset_is_as_uncertain_as_the_recording_says(true_recording):
    assert priors_of(replace(true_recording, offset_std_s=0.008)).offset_s == 0.008
    assert priors_of(replace(true_recording, offset_std_s=1e-6)).offset_s == 0.001
    assert priors_of(replace(true_recording, offset_std_s=1.0)).offset_s == 0.02


def other_log(recording):
    other = hand_tremor(np.random.default_rng(77), 2.0, rms_rad_s=1.0)
    return replace(recording, imu=other)


def backwards(recording):
    return replace(recording, imu=replace(recording.imu, gyro_rad_s=-recording.imu.gyro_rad_s))


@pytest.mark.parametrize("spoiled", [other_log, backwards])
def test_a_gyro_that_does_not_belong_leaves_the_clip_alone(true_recording, pictures, spoiled):
    left = prepared(spoiled(true_recording), read_frame=reader_of(pictures))
    assert left.plan.processed == 0
    assert "image and gyro disagree" in left.calibration.verdict.reason
    assert "gyrosharp sync" in left.calibration.verdict.reason
    assert left.calibration.verdict.reason in left.plan.reasons
    if spoiled is backwards:
        assert left.calibration.verdict.reason == REVERSED


def test_a_tripod_with_a_shaky_log_is_left_alone(true_recording):
    noise = np.random.default_rng(0).standard_normal((FRAMES, HEIGHT, WIDTH, 3)).astype(np.float32)
    sharp = np.clip(photo("coffee", WIDTH, HEIGHT) + 0.005 * noise, 0, 1)
    left = prepared(true_recording, read_frame=reader_of(sharp))
    assert left.plan.processed == 0


def test_plain_walls_are_left_alone(true_recording):
    left = prepared(true_recording, read_frame=reader_of([np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)] * FRAMES))
    assert left.plan.processed == 0
    assert left.calibration.verdict.reason == FEW_TEXTURES


def test_other_methods_do_as_they_are_told(true_recording, pictures):
    deblurrer = prepared(true_recording, VideoSettings(method="wiener", strength=0.5), reader_of(pictures))
    assert deblurrer.calibration is None
    assert deblurrer.plan.strength.max() == 0.5
    diagnostics = deblurrer.restore(3, pictures[3]).diagnostics
    assert diagnostics.method == "wiener"
    assert diagnostics.gyro_agreement is None
    assert deblurrer.trust(diagnostics) == Verdict(1.0, "")


def test_a_log_that_covers_no_frame_is_refused(true_recording):
    with pytest.raises(ImuError, match=r"expected gyro samples over the whole exposure .* --offset-ms"):
        prepared(replace(true_recording, time_offset_s=500.0), VideoSettings(strength=0.0))


def test_strength_zero_looks_at_nothing(true_recording):
    deblurrer = prepared(true_recording, VideoSettings(strength=0.0), read_frame=None)
    assert deblurrer.plan.processed == 0
    assert NOTHING_ASKED in deblurrer.plan.reasons


def test_frames_that_cannot_be_read_are_left_out(true_recording, pictures):
    def broken(_):
        raise ImageError("frame: broken")

    left = prepared(true_recording, read_frame=broken)
    assert left.plan.processed == 0
    assert UNREADABLE in left.plan.reasons

    def some(index):
        return broken(index) if index % 2 else (pictures[index], False)

    assert all(look.index % 2 == 0 for look in prepared(true_recording, VideoSettings("rl"), some).looks)


def test_a_frame_that_stands_still_is_not_trusted(deblurrer, pictures):
    """A repeated or frozen frame amid moving ones."""
    index = int(np.argmax(deblurrer.plan.extent_px))
    noise = np.random.default_rng(1).standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32)
    frozen = np.clip(photo("coffee", WIDTH, HEIGHT) + 0.005 * noise, 0, 1)
    doubt = deblurrer.trust(deblurrer.restore(index, frozen).diagnostics)
    assert doubt.strength < 0.3
    assert doubt.reason == NOT_SHOWN
    assert deblurrer.trust(deblurrer.restore(index, pictures[index]).diagnostics) == Verdict(1.0, "")


def test_a_result_that_fits_no_better_is_not_trusted(deblurrer, pictures):
    said = deblurrer.restore(2, pictures[2]).diagnostics
    worse = replace(said, reblur_residual=ReblurResidual(before=2.0, after=2.1))
    assert deblurrer.trust(worse) == Verdict(0.0, NO_BETTER)
    assert deblurrer.trust(replace(said, reblur_residual=ReblurResidual(2.0, 1.8))).strength == pytest.approx(0.5)
    assert deblurrer.trust(replace(said, reblur_residual=None)) == Verdict(0.0, NOTHING_TRUSTED)


def test_a_plain_frame_tells_nothing(deblurrer):
    plain = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    assert frame_spectra(plain, 10.0) is None
    assert deblurrer.restore(2, plain).diagnostics.gyro_agreement is None


def test_noise_follows_the_clip_not_the_frame(deblurrer, pictures):
    """A frame with twice the noise is restored with the settings of its neighbours."""
    noise = np.random.default_rng(2).standard_normal(pictures[4].shape).astype(np.float32)
    noisy = np.clip(pictures[4] + 0.02 * noise, 0, 1)
    plain, loud = (deblurrer.restore(4, picture).diagnostics for picture in (pictures[4], noisy))
    assert plain.noise_std == loud.noise_std
    assert (plain.iterations, plain.tv_strength) == (loud.iterations, loud.tv_strength)


def test_the_wrong_size_is_refused(deblurrer):
    with pytest.raises(ImageError, match="as the camera says"):
        deblurrer.restore(0, np.zeros((10, 10, 3), np.float32))
