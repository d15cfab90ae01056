"""From a config to a data set on the disk: determinism, resuming, layouts, and what bad inputs do."""

import hashlib
import json
import pickle
import shutil
import tarfile

import cv2
import numpy as np
import pytest

from gyrosharp.datasets.formats import read_dataset, writable_formats
from gyrosharp.datasets.job import JobPlan, run_job
from gyrosharp.datasets.sample_files import sample_from
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker, writer_of
from gyrosharp.errors import CaptureError, ImageError, ImuError, MissingComponentError, OutputError, UsageError
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore.classical import survey
from gyrosharp.restore.physics import physics_of
from onnx_files import conv_graph, write_model
from synth_inputs import clean_config, maker_of, write_log, write_photos, write_rgbd

SMALL = {"picture": {"size": [64, 48], "scale": [0.7, 1.0], "crops_per_photo": 2}}


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path / "photos")


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "synth.json"
    }


def made(maker, output, count=7, **plan):
    return run_job(maker, JobPlan(output, count, 3, writer=writer_of(maker.config), **plan))


def records(folder):
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as tar:
            files = {}
            for entry in tar:
                key, suffix = entry.name.split(".", 1)
                files.setdefault(key, {})[suffix] = tar.extractfile(entry).read()
            yield from files.items()


def test_one_and_two_workers_make_the_same_bytes(photos, tmp_path):
    config = clean_config(**SMALL, sensor={"preset": "phone"}, errors={"level": [1.0, 1.0]})
    maker = maker_of(photos, config, [write_log(tmp_path / "log.gcsv")])
    for workers in (1, 2):
        report = made(maker, tmp_path / str(workers), workers=workers)
        assert (report.made, report.shards, report.skipped) == (7, 3, ())
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    names = [sample_from(files).name for _, files in records(tmp_path / "1")]
    assert names == [f"{index:08d}" for index in range(7)]


def test_the_manifest_names_every_parameter(photos, tmp_path):
    made(maker_of(photos, clean_config(**SMALL)), tmp_path / "out", 2)
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1]
    photo = lines[0]["photo"]
    assert hashlib.sha256((photos / f"{photo['name']}.png").read_bytes()).hexdigest() == photo["sha256"]
    for part in ("seed", "motion", "trail_px", "exposure", "camera", "blur", "sensor", "errors"):
        assert part in lines[0]


def test_what_is_missing_is_made_again(photos, tmp_path):
    maker = maker_of(photos, clean_config(**SMALL))
    made(maker, tmp_path / "out")
    whole = hashes(tmp_path / "out")
    (tmp_path / "out" / "shard-000001.tar").unlink()
    assert made(maker, tmp_path / "out").resumed == 4
    assert hashes(tmp_path / "out") == whole


def test_another_config_is_not_mixed_in(photos, tmp_path):
    made(maker_of(photos, clean_config(**SMALL)), tmp_path / "out", 2)
    with pytest.raises(OutputError, match="seed"):
        made(maker_of(photos, clean_config(**SMALL), seed=4), tmp_path / "out", 2)


def test_a_maker_is_a_small_pickle(photos):
    maker = maker_of(photos)
    maker.make(0)
    again = pickle.loads(pickle.dumps(maker))
    assert len(pickle.dumps(maker)) < 20_000
    assert again.make(1).files == maker.make(1).files


@pytest.mark.parametrize("layout", sorted(writable_formats()))
def test_every_layout_is_read_back(tmp_path, layout):
    photos = write_rgbd(tmp_path / "photos")
    encodings = [{"name": name} for name in writable_formats()[layout].NEEDS]
    output = {"layout": layout}
    config = clean_config(**SMALL, encodings=encodings, output=output)
    made(maker_of(photos, config), tmp_path / "out", 4)
    items = read_dataset(tmp_path / "out", layout)
    assert len(items) == 4
    by_index = sorted(items, key=lambda item: item.name)
    assert by_index[2].blurred_image().shape == (48, 64, 3)


def test_a_layout_that_lacks_its_encoding_is_refused():
    with pytest.raises(UsageError, match="expected the encoding"):
        writer_of(clean_config(output={"layout": "imu_blur"}))


def test_an_unknown_layout_is_refused():
    with pytest.raises(UsageError, match=r"layout: expected webdataset, .* got 'zip'"):
        writer_of(clean_config(output={"layout": "zip"}))


def test_bad_photos_are_skipped_and_named(photos, tmp_path):
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n rubbish")
    cv2.imwrite(str(photos / "tiny.png"), np.zeros((20, 30, 3), np.uint8))
    report = made(maker_of(photos, clean_config(**SMALL)), tmp_path / "out", 10)
    assert report.made == 6
    reasons = " ".join(skipped.reason for skipped in report.skipped)
    assert "broken.png" in reasons and "tiny: expected at least 64 x 48 px, got 30 x 20" in reasons
    assert len(list(records(tmp_path / "out"))) == 6


def test_bad_photos_stop_a_strict_job(photos, tmp_path):
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n rubbish")
    with pytest.raises(ImageError, match=r"sample .*broken\.png"):
        made(maker_of(photos, clean_config(**SMALL)), tmp_path / "out", 8, on_error="refuse")


def test_depth_of_another_size_is_skipped(tmp_path):
    folder = write_rgbd(tmp_path / "rgbd")
    np.save(folder / "coffee_depth.npy", np.ones((10, 10), np.float32))
    report = made(maker_of(folder, clean_config(**SMALL)), tmp_path / "out", 6)
    assert report.made == 4
    assert all("coffee_depth.npy: expected a map of 300 x 260" in skipped.reason for skipped in report.skipped)


def test_nan_depth_is_infinitely_far(tmp_path):
    folder = write_rgbd(tmp_path / "rgbd")
    for path in folder.glob("*_depth.npy"):
        depth_m = np.load(path)
        depth_m[:90] = np.nan
        np.save(path, depth_m)
    poses = tmp_path / "poses.txt"
    poses.write_text("\n".join(f"{t:.2f} {t:.3f} 0 0 0 0 0 1" for t in np.arange(0, 1, 0.02)))
    motion = {"sources": [{"kind": "trajectory", "files": [str(poses)]}], "trail_px": [6.0, 6.0], "turned": False}
    samples = maker_of(folder, clean_config(motion=motion)).samples
    sample = next(s for s in map(samples.sample, range(8)) if 0.1 < np.isnan(s.depth_m).mean() < 0.4)
    still = np.isnan(sample.depth_m)
    assert np.isfinite(sample.field.displacement_px).all()
    extent = field_extent(sample)
    assert extent[still].max() < 1e-3 < 3 < np.median(extent[~still])


def field_extent(sample):
    from gyrosharp.blur.field import field_of_motion

    return field_of_motion(sample.motion, 1, 9).extent_px


def test_short_logs_are_left_out_and_named(photos, tmp_path):
    short, long = write_log(tmp_path / "short.gcsv", 0.1), write_log(tmp_path / "long.gcsv")
    config = clean_config(motion={"sources": [{"kind": "log"}], "trail_px": [5.0, 9.0]})
    maker = maker_of(photos, config, [short, long])
    (message,) = maker.messages
    assert "short.gcsv" in message and "expected at least" in message
    assert maker.samples.sample(0).meta["motion"]["file"] == "long.gcsv"


def test_without_motion_or_photos_there_is_nothing_to_make(photos, tmp_path):
    config = clean_config(motion={"sources": [{"kind": "log"}], "trail_px": [5.0, 9.0]})
    with pytest.raises(UsageError, match="expected gyro logs for this config"):
        maker_of(photos, config).make(0)
    with pytest.raises(ImageError, match="expected sharp pictures, got none"):
        SynthMaker(clean_config(), ()).make(0)
    with pytest.raises(ImageError, match="nowhere"):
        maker_of(tmp_path / "nowhere").make(0)


def test_short_logs_stop_a_strict_job(photos, tmp_path):
    logs = [write_log(tmp_path / "short.gcsv", 0.1), write_log(tmp_path / "long.gcsv")]
    motion = {"sources": [{"kind": "log"}], "trail_px": [5.0, 9.0]}
    config = clean_config(**SMALL, motion=motion, output={"on_error": "refuse"})
    with pytest.raises(ImuError, match=r"sample 0: .*short\.gcsv: expected at least"):
        made(maker_of(photos, config, logs), tmp_path / "out", 2, on_error="refuse")


def test_a_source_without_logs_is_said(photos):
    config = clean_config(motion={"sources": [{"kind": "log"}, {"kind": "tremor"}], "trail_px": [5.0, 9.0]})
    maker = maker_of(photos, config)
    assert maker.messages == ("no gyro logs for the source `log`: motion comes from the others",)
    assert maker.samples.sample(0).meta["motion"]["source"] == "tremor"


def test_a_trajectory_needs_one_file(photos):
    with pytest.raises(UsageError, match="expected one pose file"):
        maker_of(photos, clean_config(motion={"sources": [{"kind": "trajectory"}]})).make(0)


def test_inertial_motion_needs_an_accelerometer(photos, tmp_path):
    config = clean_config(motion={"sources": [{"kind": "inertial"}], "trail_px": [5.0, 9.0]})
    with pytest.raises((ImuError, CaptureError), match="accelerations"):
        maker_of(photos, config, [write_log(tmp_path / "log.gcsv", 8.0)]).make(0)


def test_photos_may_lie_in_several_folders(photos, tmp_path):
    other = tmp_path / "more"
    other.mkdir()
    shutil.move(photos / "coffee.png", other / "coffee.png")
    maker = SynthMaker(clean_config(**SMALL), (str(photos), str(other)), (), 0)
    assert len(maker.samples.library) == 3
    assert maker.fingerprint()["photos"] == 3


def test_the_estimate_may_be_a_networks_result(photos, tmp_path):
    """A network that gives back nine tenths of the photo: its result is the estimate, and physics goes on from it."""
    names = ("estimate", "consistent", "residual", "noise")
    write_model(tmp_path, conv_graph(np.full((1, 1), 0.9)))
    config = clean_config(**SMALL, physics=names, refiner=str(tmp_path / "tiny.onnx"))
    maker = maker_of(photos, config)
    sample = maker.samples.sample(1)
    blurred = SRGB.decode(sample.blurred / 255).astype(np.float32)
    estimate = SRGB.decode(0.9 * SRGB.encode(blurred)).astype(np.float32)
    np.testing.assert_allclose(sample.physics["estimate"] / 255, SRGB.encode(estimate), atol=0.6 / 255)
    planes = physics_of(survey(sample.noisy_capture, blurred)[0], names, estimate).planes((0, 0, 64, 48))
    for name, first in (("consistent", 3), ("residual", 6)):
        np.testing.assert_allclose(
            sample.physics[name] / 255, planes[first : first + 3].transpose(1, 2, 0), atol=2 / 255
        )
    plain = maker_of(photos, clean_config(**SMALL, physics=names))
    assert np.abs(plain.samples.sample(1).physics["estimate"].astype(int) - sample.physics["estimate"]).max() > 10
    np.testing.assert_array_equal(plain.samples.sample(1).blurred, sample.blurred)
    assert plain.fingerprint()["refiner"] is None and len(maker.fingerprint()["refiner"]) == 64


def test_a_network_that_is_not_there_is_said(photos):
    maker = maker_of(photos, clean_config(**SMALL, physics=("estimate",), refiner="gone.onnx"))
    with pytest.raises(MissingComponentError, match=r"gone\.onnx: expected a model, got no such file"):
        maker.make(0)
