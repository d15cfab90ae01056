"""Physics in training data: stored with the samples, cropped and turned with them; errors bounded by the curriculum."""

from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.errors import ImageError, UsageError  # noqa: E402
from gyrosharp.media.transfer import SRGB  # noqa: E402
from gyrosharp.restore.classical import survey  # noqa: E402
from gyrosharp.restore.physics import solve_physics  # noqa: E402
from gyrosharp.training.config import TrainConfig  # noqa: E402
from gyrosharp.training.data import open_training_data  # noqa: E402
from gyrosharp.training.data.augment import Augmentation, draw_augmentation  # noqa: E402
from gyrosharp.training.data.samples import batch_of, load_sample  # noqa: E402
from gyrosharp.training.data.shards import shard_records  # noqa: E402
from synth_inputs import write_photos  # noqa: E402
from training_shards import shards_of_photos  # noqa: E402

pytestmark = pytest.mark.torch
NAMES = ("estimate", "residual", "noise")
INPUTS = NetworkInput("linear_kernel", {"form": "vector"}, physics=NAMES)
COUNT = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("physics")
    photos = write_photos(folder / "photos")
    maker = shards_of_photos(photos, folder / "shards", COUNT, errors={"level": (0.0, 2.0)}, physics=NAMES)
    return maker, folder / "shards"


def test_samples_keep_what_the_solver_makes_of_the_noisy_motion(made):
    maker, folder = made
    whole = maker.sample(3)
    sample = load_sample(shard_records([folder])[3], INPUTS)
    picture = SRGB.decode(whole.blurred / 255).astype(np.float32)
    height, width = picture.shape[:2]
    jpeg = whole.meta["sensor"]["jpeg_quality"] > 0
    physics = solve_physics(survey(whole.noisy_capture, picture, lossy=jpeg)[0], NAMES, tile="off")
    planes = physics.planes((0, 0, width, height))
    assert sample.physics.shape == (height, width, 7) and sample.physics.dtype == np.uint8
    np.testing.assert_allclose(sample.physics.transpose(2, 0, 1) / 255, planes, atol=0.51 / 255)
    assert sample.bytes >= sample.physics.nbytes
    exact = solve_physics(survey(whole.capture, picture, lossy=jpeg)[0], NAMES, tile="off")
    assert np.abs(exact.planes((0, 0, width, height)) - planes).max() > 2 / 255, "the errors should show"


@pytest.mark.parametrize(("mirrored", "turns"), [(False, 0), (True, 1), (False, 2)])
def test_physics_is_cropped_and_turned_with_the_picture(made, mirrored, turns):
    sample = load_sample(shard_records([made[1]])[1], INPUTS)
    change = Augmentation(8, 16, 40, mirrored, turns)
    planes = batch_of([sample], [change], INPUTS, 1.0).planes[0].numpy()
    assert planes.shape == (2 + 7, 40, 40)
    np.testing.assert_allclose(planes[2:].transpose(1, 2, 0), change.picture(sample.physics) / 255, atol=1e-6)


def test_samples_without_what_is_wanted_are_refused(made):
    wanted = NetworkInput(physics=("estimate", "extent"))
    message = r"sample 00000000: .* got: no physics extent \(gyrosharp synth --set physics=\[estimate, extent\]\)"
    with pytest.raises(ImageError, match=message):
        load_sample(shard_records([made[1]])[0], wanted)


def test_the_share_of_errors_bounds_their_level(made):
    maker, folder = made
    levels = {record.key: maker.sample(k).meta["errors"]["level"] for k, record in enumerate(shard_records([folder]))}
    assert min(levels.values()) < 0.5 and max(levels.values()) > 1.2
    config = TrainConfig.model_validate(
        {"net": {"name": "any"}, "data": {"crop": 32, "batch": 4}, "validation": {"samples": 1}}
    )
    for alpha in (0.3, 1.0):
        data = open_training_data(config, INPUTS, [folder])
        seen = {name for batch in islice(data.batches(0, lambda _, a=alpha: a), 12) for name in batch.names}
        worst = max(levels[name] for name in seen)
        assert worst <= 2 * alpha and (alpha < 1 or worst > 1.2) and len(seen) > 1


def test_shards_that_are_being_written_are_not_read(made, tmp_path):
    for name, content in (("shard-000000.tar", None), (".shard-000001.1-1.tmp.tar", b"half")):
        source = (made[1] / "shard-000000.tar").read_bytes()
        (tmp_path / name).write_bytes(source if content is None else content)
    assert {record.shard.name for record in shard_records([tmp_path])} == {"shard-000000.tar"}


def test_crops_keep_away_from_the_edges():
    rng = np.random.default_rng(0)
    drawn = [draw_augmentation(rng, (160, 128), 64, 8, False, border=20) for _ in range(200)]
    assert {change.x0 for change in drawn} == {24, 32, 40} and {change.y0 for change in drawn} == set(range(24, 80, 8))
    with pytest.raises(UsageError, match=r"at most the samples' 80 x 112 px, got 96"):
        draw_augmentation(rng, (160, 128), 96, 8, False, border=20)
