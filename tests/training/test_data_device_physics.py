"""Physics made on the training device against that of `gyrosharp synth`."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
pytest.importorskip("onnxscript", reason="onnxscript is not installed here")

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.datasets.synthesis.config import SynthConfig  # noqa: E402
from gyrosharp.datasets.synthesis.pictures import PhotoLibrary  # noqa: E402
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker  # noqa: E402
from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.geometry.shutter import Shutter  # noqa: E402
from gyrosharp.nets import net_config  # noqa: E402
from gyrosharp.restore.classical import Scene  # noqa: E402
from gyrosharp.restore.model_card import CardFile, sha256  # noqa: E402
from gyrosharp.restore.models import find_model  # noqa: E402
from gyrosharp.training.config import TrainConfig  # noqa: E402
from gyrosharp.training.data import open_training_data  # noqa: E402
from gyrosharp.training.data.physics_shot import FRAME_STEP_PX  # noqa: E402
from gyrosharp.training.data.refiner import Refiner  # noqa: E402
from gyrosharp.training.onnx_graph import onnx_graph  # noqa: E402
from gyrosharp.training.run import train  # noqa: E402
from gyrosharp.training.start import net_of_model  # noqa: E402
from synth_inputs import write_photos, write_rgbd  # noqa: E402

pytestmark = pytest.mark.torch
PHYSICS = ("estimate", "consistent", "residual", "noise", "extent", "saturation", "outside")
INPUTS = NetworkInput("linear_kernel", {"form": "vector"}, physics=PHYSICS)
# What samples store is rounded to half a code of 8 bit; what the solvers differ by comes on top.
ONE_CODE = 1 / 255
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("device"))


@pytest.fixture(scope="module")
def in_float32(tmp_path_factory):
    """refine-s as it was before its convolutions were rounded to 8 bits."""
    folder, card = tmp_path_factory.mktemp("model"), find_model("refine-s").card
    graph = onnx_graph(net_of_model(find_model("refine-s")))
    (folder / "float.onnx").write_bytes(graph)
    files = {"onnx": CardFile(name="float.onnx", sha256=sha256(graph))}
    card.model_copy(update={"name": "float", "files": files}).write(folder / "float.card.json")
    return str(folder / "float.onnx")


@pytest.fixture
def frames_alike(monkeypatch):
    """Frames of photos as wide as those of training, where they are rounded up."""
    framed = Scene.framed
    monkeypatch.setattr(Scene, "framed", lambda scene, multiple=FRAME_STEP_PX: framed(scene, multiple))


def synth(**parts):
    base = {
        "picture": {"scale": (0.5, 1.0), "crops_per_photo": 2},
        "exposure": {"duration_s": (0.04, 0.06), "readout_s": (0.0, 0.02), "shutters": [str(s) for s in Shutter]},
        "motion": {"sources": [{"kind": "tremor"}], "trail_px": (1.0, 8.0)},
        "sensor": {"preset": "phone"},
        "blur": {"moving_objects": 0.3},
        "errors": {"level": (2.0, 2.0)},
        "physics": PHYSICS,
    }
    return {**base, **parts}


def opened(photos, raw=None, inputs=INPUTS, side=64, **data):
    config = {
        "net": {"name": "any"},
        "data": {"crop": side, "batch": 4, "synth": raw or synth(), "flip": False, **data},
        "validation": {"samples": 5},
        "seed": 3,
    }
    return open_training_data(TrainConfig.model_validate(config), inputs, [photos])


def arrived(data, count, alpha=1.0, first=0, **ranks):
    return [batch.to(CPU) for batch in islice(data.batches(first, lambda _: alpha, **ranks), count)]


def engine_of(photos, raw, side=64):
    """What `gyrosharp synth` makes samples with, over the first two of three photos, which training has."""
    config = SynthConfig.model_validate(raw)
    sized = config.model_copy(update={"picture": config.picture.model_copy(update={"size": (side, side)})})
    maker = SynthMaker(sized, (str(photos),), seed=3).samples
    return replace(maker, library=PhotoLibrary(maker.library.items[:2]))


def assert_same(batch, place, sample):
    """Pictures to the bit, planes to the rounding of what samples store."""
    for made, codes in ((batch.image, sample.blurred), (batch.target, sample.sharp)):
        stored = codes.transpose(2, 0, 1) / np.float32(np.iinfo(codes.dtype).max)
        np.testing.assert_array_equal(made[place].numpy(), stored.astype(np.float32))
    stored = np.concatenate([sample.physics[name] for name in PHYSICS], axis=2).transpose(2, 0, 1) / 255
    gap = np.abs(batch.planes[place, 2:].numpy() - stored)
    assert gap.max() < 1.5 * ONE_CODE and np.mean(gap > 0.55 * ONE_CODE) < 1e-3


@pytest.mark.usefixtures("frames_alike")
def test_the_device_makes_what_synth_makes(photos):
    """Eight shots of a phone: mosaic, JPEG, moving objects, all shutters, gyro errors; all planes."""
    engine, seen = engine_of(photos, synth()), set()
    batches = arrived(opened(photos), 2)
    for batch in batches:
        for place, name in enumerate(batch.names):
            sample = engine.sample(int(name))
            assert_same(batch, place, sample)
            seen.add((sample.meta["exposure"]["shutter"], sample.meta["sensor"]["jpeg_quality"] > 0))
    assert len({shutter for shutter, _ in seen}) > 2 and len({jpeg for _, jpeg in seen}) == 2
    planes = torch.cat([batch.planes for batch in batches])
    assert planes[:, 2:5].std() > 0.05 and (planes[:, 8:11] - 0.5).abs().max() > 0.05


@pytest.mark.usefixtures("frames_alike")
def test_long_trails_are_solved_at_half_size_first(photos):
    raw = synth(motion={"sources": [{"kind": "tremor"}], "trail_px": (18.0, 30.0)})
    data = opened(photos, raw, side=160, batch=2)
    arriving = next(data.batches(0, lambda _: 1.0))
    assert [len(shot.sizes) for shot in arriving.solvers] == [2, 2]
    batch, engine = arriving.to(CPU), engine_of(photos, raw, side=160)
    for place in range(2):
        assert_same(batch, place, engine.sample(place))


@pytest.mark.usefixtures("frames_alike")
def test_a_network_makes_the_estimate_in_further_passes(photos, in_float32):
    """refine-s, as a photo of that size is shown to it: four passes, each in four orientations."""
    raw = synth(refiner=in_float32)
    refiner = Refiner.of_model(in_float32, 64 * 64)
    assert [len(ways) for ways in refiner.passes] == [4, 4, 4, 4] and len(refiner.ways) == 8
    batch, engine = arrived(opened(photos, raw, batch=3), 1)[0], engine_of(photos, raw)
    for place in range(3):
        assert_same(batch, place, engine.sample(place))
    solved = arrived(opened(photos, batch=3), 1)[0]
    assert (solved.planes[:, 2:5] - batch.planes[:, 2:5]).abs().max() > 5 * ONE_CODE
    # What ships rounds to 8 bits on the way, the device does not.
    sample = engine_of(photos, synth(refiner="refine-s")).sample(0)
    rounded = sample.physics["estimate"].transpose(2, 0, 1) / 255
    assert 0 < np.square(batch.planes[0, 2:5].numpy() - rounded).mean() < (0.6 * ONE_CODE) ** 2


def test_samples_are_turned_with_their_planes(photos):
    """Motion vectors point another way then; the rest is laid as the picture is."""
    straight, turned = (arrived(opened(photos, flip=flip), 2) for flip in (False, True))
    ways = [way for one in islice(opened(photos, flip=True).batches(0, lambda _: 1.0), 2) for way in one.orientations]
    assert len(set(ways)) > 3
    for before, after, first in zip(straight, turned, (0, 4), strict=True):
        for place, way in enumerate(ways[first : first + 4]):
            for name in ("image", "target"):
                expected = way.laid(getattr(before, name)[place].numpy())
                np.testing.assert_array_equal(getattr(after, name)[place].numpy(), expected)
            physics = way.laid(before.planes[place, 2:].numpy())
            np.testing.assert_allclose(after.planes[place, 2:].numpy(), physics, atol=1e-5)
            vectors = before.planes[place, :2].numpy()
            turned_vectors = after.planes[place, :2].numpy()
            np.testing.assert_allclose(np.hypot(*turned_vectors), way.laid(np.hypot(*vectors)), atol=1e-3)
            if way.turns % 2:
                np.testing.assert_allclose(np.abs(turned_vectors[0]), way.laid(np.abs(vectors[1])), atol=1e-3)


def test_the_share_of_errors_scales_them(photos):
    """Without errors, physics is that of the true motion; with half of them it lies between."""
    none, half, full = (arrived(opened(photos), 1, alpha)[0] for alpha in (0.0, 0.5, 1.0))
    exact = engine_of(photos, synth(errors={"level": (0.0, 0.0)})).sample(0)
    assert torch.equal(none.image, full.image)
    stored = exact.physics["noise"][0, 0] / 255
    assert none.planes[0, 11, 0, 0].item() == pytest.approx(stored, abs=ONE_CODE)
    apart = [(one.planes[:, :2] - none.planes[:, :2]).abs().mean().item() for one in (half, full)]
    assert 0 < 0.3 * apart[1] < apart[0] < 0.7 * apart[1]
    misfit = [(one.planes[:, 8:11] - 0.5).abs().mean().item() for one in (none, full)]
    assert misfit[0] < misfit[1]


@pytest.mark.parametrize("names", [("estimate",), ("estimate", "noise"), ("saturation",)])
def test_networks_see_no_more_than_they_ask_for(photos, names):
    wanted = NetworkInput(physics=names)
    every = arrived(opened(photos), 1)[0].planes[:, 2:]
    planes = arrived(opened(photos, inputs=wanted), 1)[0].planes
    places = {"estimate": [0, 1, 2], "noise": [9], "saturation": [11]}
    torch.testing.assert_close(planes, every[:, [place for name in names for place in places[name]]])


def test_depth_is_seen_where_nothing_moves_with_it(tmp_path):
    wanted = NetworkInput("linear_kernel", {"form": "vector"}, depth=True, physics=("estimate",))
    data = opened(write_rgbd(tmp_path / "rgbd"), synth(picture={"scale": (1.0, 1.0)}, blur={}), wanted)
    planes = torch.cat([batch.planes for batch in arrived(data, 2)])
    assert planes.shape == (8, 6, 64, 64)
    np.testing.assert_allclose(np.unique(planes[:, 2]), [0.08, 0.3], rtol=1e-5)


def test_several_configs_take_turns(photos):
    plain = synth(sensor={"preset": "none"}, blur={})
    both = arrived(opened(photos, [synth(), plain], batch=2), 4)
    alone = arrived(opened(photos, plain, batch=2), 4)
    first = arrived(opened(photos, batch=2), 4)
    for step, batch in enumerate(both):
        assert torch.equal(batch.image, (alone if step % 2 else first)[step].image)
    facts = [opened(photos, raw).facts["sha256"] for raw in ([synth(), plain], synth(), plain)]
    assert len(set(facts)) == 3


def test_validation_takes_photos_of_its_own_and_loaders_change_nothing(photos):
    data = opened(photos, flip=True)
    batches = data.validation(CPU)
    assert [len(batch.names) for batch in batches] == [4, 1] and batches[0].planes.shape == (4, 15, 64, 64)
    trained = arrived(data, 1)[0]
    assert not torch.equal(trained.target, batches[0].target)
    by_workers = arrived(opened(photos, flip=True, workers=2), 1)[0]
    torch.testing.assert_close(trained.planes, by_workers.planes)


def test_samples_are_echoed_and_a_run_goes_on_anywhere(photos):
    """Two uses of each: 32 steps of a round have 16 batches' samples, each twice, in other company."""
    raw = synth(physics=("noise",), sensor={"preset": "none"}, blur={})
    wanted = NetworkInput("linear_kernel", {"form": "vector"}, physics=("noise", "extent"))
    data = opened(photos, raw, wanted, side=32, batch=2, echo=2)
    steps = arrived(data, 33)
    used = [name for batch in steps[:32] for name in batch.names]
    assert sorted(used) == sorted([f"{n:08d}" for n in range(32)] * 2)
    assert [batch.names for batch in steps[:16]] != [batch.names for batch in steps[16:32]]
    assert min(int(name) for name in steps[32].names) >= 32
    for first in (5, 31):
        again = arrived(data, 2, first=first)
        for ours, theirs in zip(again, steps[first : first + 2], strict=True):
            assert ours.names == theirs.names and torch.equal(ours.planes, theirs.planes)
    ranks = [{int(n) for one in arrived(data, 4, rank=rank, world=2) for n in one.names} for rank in (0, 1)]
    assert not ranks[0] & ranks[1]


def test_a_network_is_trained_on_it(photos, tmp_path):
    config = TrainConfig.model_validate(
        {
            "net": {"name": "refine", "size": "tiny"},
            "data": {"crop": 48, "batch": 2, "synth": synth(), "echo": 2},
            "validation": {"samples": 2, "every": 3, "pictures": 1},
            "schedule": {"steps": 3},
        }
    )
    data = open_training_data(config, net_config("refine", "tiny", {}).inputs, [photos])
    report = train(config, data, tmp_path / "run", device="cpu")
    assert report.steps == 3


def test_what_is_not_done_is_refused(tmp_path):
    poses = tmp_path / "poses.txt"
    rows = [f"{t:.3f} {0.3 * np.sin(9 * t):.6f} {0.1 * t:.6f} 0 0 0 0 1" for t in np.arange(0, 1.0, 0.01)]
    poses.write_text("\n".join(rows) + "\n")
    moved = {"sources": [{"kind": "trajectory", "files": [str(poses)]}], "trail_px": (4.0, 8.0)}
    with pytest.raises(UsageError, match=r"data\.synth: expected motion without depth, .*; make shards with gyrosharp"):
        arrived(opened(write_rgbd(tmp_path / "rgbd"), synth(motion=moved)), 1)
    with pytest.raises(ValueError, match="expected echo 1 without synth, got 3"):
        TrainConfig.model_validate({"net": {"name": "any"}, "data": {"echo": 3}})
