import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.network_input import NetworkInput, blended, input_planes  # noqa: E402
from gyrosharp.datasets.synthesis.config import SynthConfig  # noqa: E402
from gyrosharp.datasets.synthesis.pictures import PhotoLibrary  # noqa: E402
from gyrosharp.datasets.synthesis.sensor import Sensor  # noqa: E402
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker  # noqa: E402
from gyrosharp.errors import ImageError, UsageError  # noqa: E402
from gyrosharp.geometry.shutter import Shutter  # noqa: E402
from gyrosharp.training.config import TrainConfig  # noqa: E402
from gyrosharp.training.data import open_training_data  # noqa: E402
from gyrosharp.training.data.device_sensor import photographed, stored  # noqa: E402
from gyrosharp.training.data.kept_photos import KeptPhotos  # noqa: E402
from synth_inputs import write_photos, write_rgbd  # noqa: E402

pytestmark = pytest.mark.torch
SIDE = 64
EXACT = {"preset": "none", "settings": {"bits": [16]}}
# Rounding to 16 bit may fall either way.
ONE_CODE = 1.1 / 65535
INPUTS = NetworkInput("mid_displacements", stride=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("device"))


def synth(**parts):
    base = {
        "picture": {"scale": (0.5, 1.0), "crops_per_photo": 2},
        "exposure": {"duration_s": (0.04, 0.06), "readout_s": (0.0, 0.02), "shutters": [str(s) for s in Shutter]},
        "motion": {"sources": [{"kind": "tremor"}], "trail_px": (2.0, 24.0)},
        "sensor": EXACT,
        "errors": {"level": (2.0, 2.0)},
    }
    return {**base, **parts}


def opened(photos, inputs=INPUTS, raw=None, seed=3, **data):
    config = {
        "net": {"name": "any"},
        "data": {"crop": SIDE, "batch": 4, "synth": raw or synth(), **data},
        "validation": {"samples": 5, "alpha": 1.0},
        "seed": seed,
    }
    return open_training_data(TrainConfig.model_validate(config), inputs, [photos])


def arrived(data, count, alpha=0.0, first=0, **ranks):
    return [batch.to("cpu") for batch in islice(data.batches(first, lambda _: alpha, **ranks), count)]


def engine_of(photos, raw, seed=3, kept=slice(2)):
    """The CPU engine, over the first two of three photos, which training has."""
    config = SynthConfig.model_validate(raw)
    sized = config.model_copy(update={"picture": config.picture.model_copy(update={"size": (SIDE, SIDE)})})
    maker = SynthMaker(sized, (str(photos),), seed=seed).samples
    return replace(maker, library=PhotoLibrary(maker.library.items[kept]))


def channels_first(codes):
    return torch.from_numpy((codes.transpose(2, 0, 1) / 65535).astype(np.float32))


def test_the_device_makes_what_the_cpu_engine_makes(photos):
    """16 shots: all shutters, trails of 2 to 24 px in one batch, windows of several sizes."""
    engine = engine_of(photos, synth())
    seen, poses, windows = set(), set(), set()
    for batch in islice(opened(photos, flip=False, batch=8).batches(0, lambda _: 0.25), 2):
        made = batch.to("cpu")
        windows.add(tuple(batch.light.shape[2:]))
        for place, name in enumerate(made.names):
            sample = engine.sample(int(name))
            assert (made.target[place] - channels_first(sample.sharp)).abs().max() < ONE_CODE
            assert (made.image[place] - channels_first(sample.blurred)).abs().max() < 1e-3
            field = blended(sample.field, sample.noisy_field, 0.25)
            truth = input_planes(INPUTS, field, (SIDE, SIDE))
            np.testing.assert_array_equal(made.planes[place].numpy(), truth)
            seen.add(sample.meta["exposure"]["shutter"])
            poses.add(sample.meta["blur"]["poses"])
    assert len(seen) == len(Shutter) and len(poses) > 5 and len(windows) == 2


def test_samples_are_turned_with_their_planes(photos):
    straight = arrived(opened(photos, flip=False), 3)
    turned = list(islice(opened(photos).batches(0, lambda _: 0.0), 3))
    orientations = set()
    for before, after in zip(straight, turned, strict=True):
        made = after.to("cpu")
        for place, shot in enumerate(after.shots):
            change = replace(shot.change, x0=0, y0=0)
            orientations.add((change.mirrored, change.turns))
            for name in ("image", "target"):
                picture = getattr(before, name)[place].permute(1, 2, 0).numpy()
                expected = change.picture(picture).transpose(2, 0, 1)
                np.testing.assert_array_equal(getattr(made, name)[place].numpy(), expected)
    assert len(orientations) > 4


def test_a_step_has_the_same_batch_whatever_makes_it(photos):
    noisy = synth(sensor={"preset": "poisson"})
    whole = arrived(opened(photos, raw=noisy), 3)
    others = {
        "workers": arrived(opened(photos, raw=noisy, workers=2), 3),
        "later": [None, *arrived(opened(photos, raw=noisy), 2, first=1)],
    }
    halves = [arrived(opened(photos, raw=noisy, batch=2), 3, rank=rank, world=2) for rank in (0, 1)]
    for step, batch in enumerate(whole):
        for other in others.values():
            if other[step] is not None:
                assert torch.equal(batch.image, other[step].image) and torch.equal(batch.planes, other[step].planes)
        assert torch.equal(batch.image, torch.cat([half[step].image for half in halves]))
    assert not torch.equal(whole[0].image, arrived(opened(photos, raw=noisy, seed=4), 1)[0].image)


def test_validation_has_photos_of_its_own(photos):
    data = opened(photos)
    batches = data.validation(torch.device("cpu"))
    assert [len(batch.names) for batch in batches] == [4, 1]
    assert torch.equal(batches[1].image, opened(photos).validation(torch.device("cpu"))[1].image)
    last = engine_of(photos, synth(), kept=slice(2, None))
    assert (batches[0].target[0] - channels_first(last.sample(0).sharp)).abs().max() < ONE_CODE


def test_facts_follow_the_config(photos):
    facts = opened(photos).facts
    assert facts == opened(photos).facts == json.loads(json.dumps(facts))
    assert facts["folders"] == [photos.name] and facts["samples"] == 3
    assert facts["sha256"] != opened(photos, raw=synth(sensor={"preset": "gaussian"})).facts["sha256"]


def test_networks_that_see_the_picture_alone_get_no_planes(photos):
    assert arrived(opened(photos, NetworkInput()), 1)[0].planes is None


def test_photos_are_kept_as_codes_while_they_fit(photos):
    library = engine_of(photos, synth(), kept=slice(None)).library
    most = 2 * 300 * 260 * 3
    kept = KeptPhotos(library.items, most_bytes=most)
    for index in range(3):
        part = (slice(10, 50), slice(20, 90))
        linear = library.photo(index).sharp_linear[part]
        np.testing.assert_allclose(kept.photo(index).sharp_linear[part], linear, atol=1e-6)
        assert kept.photo(index).sharp_linear.shape == (260, 300, 3)
    assert [kept.photo(index).sharp_linear.__class__.__name__ for index in range(3)] == [
        "CodedPicture",
        "CodedPicture",
        "ndarray",
    ]


SENSORS = {
    "gaussian": Sensor(encoded_std=0.02, bits=16),
    "photons": Sensor(shot_variance=1 / 300, bits=16),
    "few photons": Sensor(shot_variance=1 / 20, read_variance=0.01**2, bits=16),
    "read": Sensor(read_variance=0.02**2),
    "all": Sensor(shot_variance=1e-3, read_variance=1e-4, encoded_std=0.01, noise_on_saturated=False),
}


@pytest.mark.parametrize("name", SENSORS)
def test_noise_is_distributed_as_the_cpu_sensor_s(name):
    """Grey patches from black to beyond white: mean, deviation and two quantiles agree within their own scatter."""
    levels, count = np.float32([0.0, 0.002, 0.05, 0.3, 0.8, 0.99, 1.0, 1.5]), 128 * 128
    light = np.broadcast_to(levels[:, None, None], (8, count, 3)).astype(np.float32)
    codes = SENSORS[name].photograph(light, np.random.default_rng(1))
    cpu = codes / np.iinfo(codes.dtype).max
    tensor = torch.from_numpy(light.transpose(2, 0, 1).copy())[None]
    device = photographed(tensor, [SENSORS[name]], [11])[0].numpy().transpose(1, 2, 0)
    for level, ours, theirs in zip(levels, device, cpu, strict=True):
        ours, theirs = ours.ravel(), theirs.ravel()
        error = np.hypot(ours.std(), theirs.std()) / np.sqrt(ours.size) + 1e-6
        assert abs(ours.mean() - theirs.mean()) < 5 * error, level
        assert abs(ours.std() - theirs.std()) < 5 * error, level
        # The step between two codes of few photons is wider than the scatter of a quantile.
        step = 1.01 / 255 if SENSORS[name].bits == 8 else 12 * error
        assert np.abs(np.quantile(ours, [0.1, 0.9]) - np.quantile(theirs, [0.1, 0.9])).max() < step, level


def test_noiseless_codes_are_those_of_the_cpu_sensor():
    light = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32) * 1.2
    light[0, :9, 0] = [0.0, 1e-5, 0.003, 0.0031308, 0.0032, 0.5, 0.999, 1.0, 1.1]
    for bits, share in ((8, 1e-3), (16, 1e-2)):
        codes = Sensor(bits=bits).target(light)
        ours = stored(torch.from_numpy(light.transpose(2, 0, 1).copy()), bits).numpy().transpose(1, 2, 0)
        gap = np.abs(ours * (2**bits - 1) - codes)
        # One code, where a value lies in the middle between two.
        assert gap.max() < 1.01 and np.mean(gap > 0.5) < share


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sensor": {"preset": "phone"}}, "expected a sensor of noise and rounding alone, got one with a Bayer mosaic"),
        ({"sensor": {"preset": "none", "settings": {"finish_share": 0.5}}}, "got one with smoothing and sharpening;"),
        ({"sensor": {"preset": "none", "settings": {"jpeg_share": 0.5}}}, "got one with JPEG; set sensor.preset to"),
        (
            {"sensor": {"preset": "none", "settings": {"tone": "power", "tone_value": [2.2, 2.2]}}},
            "got one with the tone curve power",
        ),
        ({"blur": {"moving_objects": 0.5}}, "data.synth: expected blur.moving_objects 0, got more; make shards with"),
        ({"field": {"stride": 12}}, "data.crop: expected a multiple of the blur fields' stride 12, got 64"),
        ({"fog": {}}, "data.synth: .*fog"),
    ],
)
def test_what_the_device_does_not_do_is_refused(photos, change, message):
    with pytest.raises(UsageError, match=message):
        arrived(opened(photos, raw=synth(**change)), 1)


def test_depth_is_seen_where_nothing_moves_with_it(tmp_path):
    depths = write_rgbd(tmp_path / "rgbd")
    data = opened(depths, NetworkInput("vector_norm", depth=True), raw=synth(picture={"scale": [1.0, 1.0]}))
    planes = torch.cat([batch.planes for batch in arrived(data, 3)])
    assert planes.shape == (12, 4, SIDE, SIDE)
    np.testing.assert_allclose(np.unique(planes[:, 3]), [0.08, 0.3], rtol=1e-5)


def test_motion_with_depth_is_refused(tmp_path):
    poses = tmp_path / "poses.txt"
    rows = [f"{t:.3f} {0.3 * np.sin(9 * t):.6f} {0.1 * t:.6f} 0 0 0 0 1" for t in np.arange(0, 1.0, 0.01)]
    poses.write_text("\n".join(rows) + "\n")
    source = {"kind": "trajectory", "files": [str(poses)]}
    data = opened(write_rgbd(tmp_path / "rgbd"), raw=synth(motion={"sources": [source], "trail_px": (4.0, 8.0)}))
    with pytest.raises(UsageError, match=r"data.synth: expected motion without depth, .*; make shards with gyrosharp"):
        arrived(data, 1)


def test_photos_are_needed(photos, tmp_path):
    with pytest.raises(ImageError, match="nowhere: expected the folder of a data set, got none"):
        _ = opened(tmp_path / "nowhere").facts
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "coffee.png").write_bytes((photos / "coffee.png").read_bytes())
    with pytest.raises(UsageError, match="data: expected photos for training and for validation, got 1; give more"):
        arrived(opened(tmp_path / "one"), 1)
