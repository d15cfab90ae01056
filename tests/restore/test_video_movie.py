"""Whole clips, from file to file."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gyrosharp.capture.capture import ImageSource
from gyrosharp.errors import CaptureError, OutputError, UsageError
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.media.movie_reader import movie_info, read_frames
from gyrosharp.media.movie_writer import EncodingOptions, MovieWriter
from gyrosharp.restore.video import VideoSettings, deblur_movie, deblurred_frames, prepared, row_of, video_report
from gyrosharp.restore.video.plan import MOST_CHANGE
from gyrosharp.restore.video.report import BROKEN, EARLIER, PASSED, PROCESSED
from made_clips import HEIGHT, INTERVAL_NS, WIDTH, blurred, made_recording, on_movie, with_errors, write_movie
from shots import photo

COUNT = 14
# Variable frame rate: the stamps that the movie shows, ms.
STAMPS_MS = np.cumsum([0, 33, 33, 40, 33, 33, 27, 33, 33, 33, 45, 33, 33, 33])
PLAIN = VideoSettings(method="rl")


def shaking(t_s):
    """Still for the first third of the clip."""
    return 0.01 + 0.99 / (1 + np.exp(-(t_s * 1e9 / INTERVAL_NS - 5.0) / 0.6))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A movie whose camera starts to shake, with its exact recording."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    recording = made_recording(COUNT, shaking=shaking)
    write_movie(path, [blurred(recording, index) for index in range(COUNT)], STAMPS_MS)
    return on_movie(recording, path)


@pytest.fixture(scope="module")
def restored(clip, tmp_path_factory):
    """The clip as a gyro with errors deblurs it, and the report."""
    target = tmp_path_factory.mktemp("out") / "sharp.mkv"
    told = []
    report = deblur_movie(with_errors(clip), target, progress=lambda *done: told.append(done))
    return target, report, told


def planes(frame):
    return [np.asarray(plane) for plane in frame.picture.planes]


def same_frames(first, second):
    return all(
        all(np.array_equal(p, q) for p, q in zip(planes(a), planes(b), strict=True))
        for a, b in zip(read_frames(first), read_frames(second), strict=True)
    )


def test_blurred_frames_gain(clip, restored, record_property):
    target, report, _ = restored
    sharp = photo("coffee", WIDTH, HEIGHT)
    gains = np.array(
        [
            psnr_srgb(after.linear(), sharp) - psnr_srgb(before.linear(), sharp)
            for before, after in zip(read_frames(clip.movie), read_frames(target), strict=True)
        ]
    )
    strength = np.array([row.strength for row in report.rows])
    record_property("mean_gain_db", float(gains[strength > 0].mean()))
    assert report.decision == "image and gyro agree"
    assert gains[strength > 0].mean() > 2.5
    assert gains.min() >= 0.0


def test_frames_with_little_blur_are_the_same_bit_for_bit(clip, restored):
    target, report, _ = restored
    left = [row for row in report.rows if row.extent_px < 1.5]
    assert len(left) >= 3
    assert {row.decision for row in left} == {PASSED}
    for before, after in zip(read_frames(clip.movie), read_frames(target), strict=True):
        if report.rows[before.index].decision == PASSED:
            assert all(np.array_equal(p, q) for p, q in zip(planes(before), planes(after), strict=True))


def test_stamps_and_depth_are_kept(clip, restored):
    before, after = movie_info(clip.movie), movie_info(restored[0])
    np.testing.assert_array_equal(after.times_s, before.times_s)
    assert (after.codec, after.pix_fmt, after.bit_depth) == ("ffv1", "yuv444p10le", 10)


def test_strength_changes_by_little(restored):
    strength = np.array([row.strength for row in restored[1].rows])
    assert 0.0 < np.abs(np.diff(strength)).max() <= MOST_CHANGE + 1e-9
    assert strength.max() == 1.0


def test_the_report_tells_what_was_done(restored):
    _, report, told = restored
    said = report.as_json()
    assert (said["frames"], said["processed"] + said["passed"]) == (COUNT, COUNT)
    assert said["processed"] == report.count(PROCESSED) > 5
    assert said["broken"] == []
    assert len(said["table"]) == COUNT
    assert 0.0 < said["mean_strength"] <= 1.0
    assert said["frames_per_second"] == pytest.approx(COUNT / said["seconds"])
    assert said["calibration"]["agreement"] == 1.0
    assert f"{report.processed} of {COUNT} frames deblurred" in report.summary()
    assert "Gyro and camera were aligned: offset +" in report.summary()
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_a_static_scene_does_not_flicker(clip, restored, record_property):
    """Where the photo is flat, brightness and noise of the processed frames vary as little as the input's do."""
    target, report, _ = restored
    sharp = photo("coffee", WIDTH, HEIGHT).mean(axis=-1)
    slope = np.hypot(*np.gradient(sharp))
    rows, columns = HEIGHT // 16, WIDTH // 16
    flat = slope[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16).max(axis=(1, 3))
    places = np.argsort(flat, axis=None)[: flat.size // 10]
    full = [row.frame for row in report.rows if row.strength == 1.0]

    def statistics(movie):
        blocks = [
            frame.linear().mean(axis=-1)[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16)
            for frame in read_frames(movie)
            if frame.index in full
        ]
        blocks = np.stack(blocks).swapaxes(2, 3).reshape(len(full), rows * columns, 256)[:, places]
        return blocks.mean(axis=2), blocks.std(axis=2)

    (mean_before, std_before), (mean_after, std_after) = (statistics(movie) for movie in (clip.movie, target))
    ratio = float(np.median(mean_after.std(axis=0) / mean_before.std(axis=0)))
    record_property("temporal_std_of_brightness_over_input", ratio)
    assert ratio < 1.3
    assert np.abs(np.diff(mean_after.mean(axis=1))).max() < 0.002
    assert np.abs(np.diff(np.median(std_after, axis=1))).max() < 2.0 * np.median(std_before)


def test_an_interrupted_run_goes_on_and_ends_the_same(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("gyrosharp.media.movie_writer.segment_length", lambda _: 4)
    whole, target = tmp_path / "whole.mkv", tmp_path / "again.mkv"
    deblur_movie(clip, whole, PLAIN)
    write, seen = MovieWriter.write, []

    def stopping(self, frame, pixels_linear=None):
        if frame.index == 9:
            raise KeyboardInterrupt
        write(self, frame, pixels_linear)

    monkeypatch.setattr(MovieWriter, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        deblur_movie(clip, target, PLAIN)
    assert not target.exists()

    def noting(self, frame, pixels_linear=None):
        seen.append(frame.index)
        write(self, frame, pixels_linear)

    monkeypatch.setattr(MovieWriter, "write", noting)
    report = deblur_movie(clip, target, replace(PLAIN, workers=1))
    assert seen == list(range(8, COUNT))
    assert report.count(EARLIER) == 8
    assert "8 frames were done in an earlier run" in report.summary()
    assert same_frames(target, whole)
    np.testing.assert_array_equal(movie_info(target).stamps, movie_info(whole).stamps)


def test_a_run_with_other_settings_is_not_gone_on_with(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("gyrosharp.media.movie_writer.segment_length", lambda _: 2)
    write = MovieWriter.write

    def stopping(self, frame, pixels_linear=None):
        if frame.index == 5:
            raise KeyboardInterrupt
        write(self, frame, pixels_linear)

    monkeypatch.setattr(MovieWriter, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        deblur_movie(clip, tmp_path / "out.mkv", PLAIN)
    monkeypatch.setattr(MovieWriter, "write", write)
    report = deblur_movie(clip, tmp_path / "out.mkv", replace(PLAIN, strength=0.5))
    assert report.count(EARLIER) == 0


def test_a_movie_without_blur_is_copied(clip, tmp_path):
    report = deblur_movie(clip, tmp_path / "same.mkv", VideoSettings(min_blur_px=500.0))
    assert (tmp_path / "same.mkv").read_bytes() == clip.movie.read_bytes()
    assert report.processed == 0
    assert any("copied" in note for note in report.notes)
    assert "its blur is below the least that counts (14 of 14 frames)" in report.summary()


def test_a_movie_without_blur_is_encoded_if_that_is_asked(clip, tmp_path):
    settings = VideoSettings(min_blur_px=500.0)
    report = deblur_movie(clip, tmp_path / "new.mkv", settings, encoding=EncodingOptions())
    assert report.passed == COUNT
    assert same_frames(tmp_path / "new.mkv", clip.movie)


def test_frames_without_a_stamp_are_passed_through(clip, tmp_path):
    """A recording may know fewer frames than the movie has; its own are found by their numbers."""
    part = replace(clip, frames=clip.frames[6:9], start_ns=clip.start_ns[6:9], exposure_s=clip.exposure_s[6:9])
    report = deblur_movie(part, tmp_path / "part.mkv", PLAIN)
    assert [row.decision == PROCESSED for row in report.rows] == [6 <= k < 9 for k in range(COUNT)]
    assert report.rows[0].extent_px is None
    assert f"3 of {COUNT} frames deblurred (rl): as asked." in report.summary()
    assert f"Frames passed through: {COUNT - 3} (the recording has no stamp for it)." in report.summary()


def test_a_broken_frame_is_passed_through_and_named(clip, tmp_path, monkeypatch):
    def damaged(info, first=0):
        for frame in read_frames(info, first):
            yield replace(frame, broken="bad data") if frame.index == 10 else frame

    monkeypatch.setattr("gyrosharp.restore.video.run.read_frames", damaged)
    report = deblur_movie(clip, tmp_path / "out.mkv", PLAIN)
    assert report.rows[10].decision == BROKEN
    assert report.rows[10].reason == "bad data"
    assert report.as_json()["broken"] == [10]
    assert "1 broken frame was passed through: 10." in report.summary()


def test_an_existing_target_is_kept_and_checked_first(clip, tmp_path):
    target = tmp_path / "there.mkv"
    target.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        deblur_movie(clip, target)
    assert target.read_bytes() == b"mine"


def test_a_target_that_cannot_be_written_is_refused_before_any_work(clip, tmp_path):
    with pytest.raises(UsageError, match="another file than the source"):
        deblur_movie(clip, clip.movie, force=True)
    with pytest.raises(UsageError, match="mp4"):
        deblur_movie(clip, tmp_path / "out.gif")


def test_a_folder_of_pictures_is_no_movie(tmp_path):
    frames = tuple(ImageSource(tmp_path / f"{k}.png") for k in range(3))
    with pytest.raises(CaptureError, match="deblurred_frames"):
        deblur_movie(made_recording(3, frames=frames), tmp_path / "out.mkv")


def test_a_folder_of_pictures_is_restored_in_order(tmp_path):
    recording = made_recording(6)
    for index in range(6):
        codes = np.rint(255 * blurred(recording, index) ** (1 / 2.2)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{index}.png"), codes[..., ::-1])
    (tmp_path / "4.png").write_bytes(b"no picture")
    frames = tuple(ImageSource(tmp_path / f"{k}.png") for k in range(6))
    deblurrer = prepared(replace(recording, frames=frames), PLAIN)
    results = list(deblurred_frames(deblurrer))
    assert [result.index for result in results] == list(range(6))
    assert [result.image is None for result in results] == [k == 4 for k in range(6)]
    report = video_report(deblurrer, [row_of(deblurrer, k, result) for k, result in enumerate(results)], 1.0)
    assert report.rows[4].decision == BROKEN and "4.png" in report.rows[4].reason
    assert report.processed == 5
