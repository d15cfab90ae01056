"""Real clips, end to end."""

import numpy as np
import pytest

from gyrosharp.capture.layouts import read_recording
from gyrosharp.capture.overrides import Overrides
from gyrosharp.media.movie_reader import movie_info, read_frames
from gyrosharp.media.movie_writer import EncodingOptions
from gyrosharp.restore.video import VideoSettings, deblur_movie, deblurred_frames, prepared, row_of, video_report
from gyrosharp.restore.video.plan import SHARP

pytestmark = pytest.mark.shared_data


def test_a_phone_that_hardly_moved_is_copied(shared_data, tmp_path):
    """Two of its 25 frames begin before the log does; the others are smeared over less than a pixel and a half."""
    folder = shared_data / "realblur" / "honorv10_mars"
    report = deblur_movie(read_recording(folder), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == (folder / "movie.mp4").read_bytes()
    assert "0 of 25 frames deblurred" in report.summary()
    assert SHARP in report.decision
    assert [row.extent_px is None for row in report.rows].count(True) == 2


@pytest.mark.parametrize(("name", "focal_px"), [("karma", 480.0), ("max-heromode", None)])
def test_a_gopro_in_bright_light_keeps_frames_stamps_and_sound(shared_data, tmp_path, name, focal_px):
    """Exposures of 5 ms and 0.6 ms leave next to no blur; written anew, everything else must be as it was."""
    movie = shared_data / "video" / "gopro_gpmf" / f"{name}.mp4"
    recording = read_recording(movie, Overrides(fx=focal_px))
    target = tmp_path / "out.mp4"
    report = deblur_movie(recording, target, encoding=EncodingOptions(preset="ultrafast"))
    before, after = movie_info(movie), movie_info(target)
    np.testing.assert_array_equal(after.times_s, before.times_s)
    assert "audio" in after.other_streams
    assert report.frames == len(before.stamps)
    assert np.median([row.extent_px for row in report.rows if row.extent_px is not None]) < 0.5


def test_forced_frames_of_a_real_movie_are_restored(shared_data, tmp_path):
    """As told, without checks: a few frames of the phone's movie, at a lower threshold."""
    recording = read_recording(shared_data / "realblur" / "honorv10_mars")
    settings = VideoSettings(method="wiener", min_blur_px=1.0)
    report = deblur_movie(recording, tmp_path / "out.mp4", settings)
    touched = [row for row in report.rows if row.strength > 0]
    assert 0 < len(touched) < 6
    assert all(row.extent_px > 1.0 for row in touched)
    assert sum(1 for _ in read_frames(tmp_path / "out.mp4")) == 25


def test_long_exposures_of_a_walking_hand_get_a_bias_each(shared_data):
    """240 ms photos: sideways motion mimics a bias that differs from frame to frame. Frame 3 is smeared least."""
    recording = read_recording(shared_data / "realblur" / "nolic-phone240ms", Overrides(fx=1413.0))
    deblurrer = prepared(recording)
    assert deblurrer.calibration.varies
    rows = [row_of(deblurrer, result.index, result) for result in deblurred_frames(deblurrer)]
    report = video_report(deblurrer, rows, 1.0)
    assert [row.frame for row in report.rows if row.strength > 0.5] == [2, 3, 4]
    assert rows[3].extent_px < 0.5 * min(rows[2].extent_px, rows[4].extent_px)
    assert all(rows[k].residual_ratio < 0.6 for k in (2, 3, 4))
