import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.errors import ImageError, UsageError  # noqa: E402
from gyrosharp.training.config import TrainConfig  # noqa: E402
from gyrosharp.training.data import Batch, TrainingData, open_training_data  # noqa: E402
from gyrosharp.training.data.order import Request, requests, sample_at  # noqa: E402
from gyrosharp.training.data.shard_data import SampleCache  # noqa: E402
from gyrosharp.training.data.shards import shard_records  # noqa: E402
from synth_inputs import write_photos  # noqa: E402
from training_shards import shards_of_photos  # noqa: E402

pytestmark = pytest.mark.torch
COUNT, HELD_OUT = 8, 3
INPUTS = NetworkInput("vector_norm", stride=4)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loader")
    shards_of_photos(write_photos(folder / "photos"), folder / "shards", COUNT, errors={"level": (2.0, 2.0)})
    return folder / "shards"


def opened(shards, inputs=INPUTS, samples=HELD_OUT, seed=5, **data) -> TrainingData:
    config = TrainConfig.model_validate(
        {
            "net": {"name": "any"},
            "data": {"crop": 32, "batch": 2, **data},
            "validation": {"samples": samples, "alpha": 0.5},
            "seed": seed,
        }
    )
    return open_training_data(config, inputs, [shards])


def steps(data, first, count, alpha_of_step=lambda _: 0.3, **ranks):
    return list(islice(data.batches(first, alpha_of_step, **ranks), count))


def same(one: Batch, other: Batch):
    assert one.names == other.names
    for name in ("image", "target", "planes"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def joined(batches):
    return Batch(*(torch.cat([getattr(one, name) for one in batches]) for name in ("image", "target", "planes")), ())


def test_batches_have_the_promised_form(shards):
    batch = steps(opened(shards, batch=3), 0, 1)[0]
    assert batch.image.shape == batch.target.shape == (3, 3, 32, 32)
    assert batch.planes.shape == (3, 3, 8, 8) and len(batch.names) == 3
    assert {part.dtype for part in (batch.image, batch.target, batch.planes)} == {torch.float32}
    assert batch.image.min() >= 0 and batch.image.max() <= 1 and not torch.equal(batch.image, batch.target)
    same(batch, batch.to("cpu"))
    assert steps(opened(shards, NetworkInput()), 0, 1)[0].planes is None
    assert steps(opened(shards, NetworkInput()), 0, 1)[0].to("cpu").planes is None


def test_a_step_has_the_same_batch_wherever_training_starts(shards):
    whole = steps(opened(shards), 0, 7)
    for one, other in zip(whole[4:], steps(opened(shards), 4, 3), strict=True):
        same(one, other)
    assert len({batch.names for batch in whole}) > 3
    other_seed = steps(opened(shards, seed=6), 0, 7)
    assert [batch.names for batch in whole] != [batch.names for batch in other_seed]


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_processes_change_nothing(shards, workers):
    before = torch.get_rng_state()
    pairs = zip(steps(opened(shards), 3, 5), steps(opened(shards, workers=workers), 3, 5), strict=True)
    for one, other in pairs:
        same(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_processes_share_out_the_batches(shards):
    wide = steps(opened(shards, batch=4), 0, 4)
    halves = [steps(opened(shards, batch=2), 0, 4, rank=rank, world=2) for rank in (0, 1)]
    for whole, parts in zip(wide, zip(*halves, strict=True), strict=True):
        assert parts[0].names + parts[1].names == whole.names
        both = joined(parts)
        assert torch.equal(both.image, whole.image) and torch.equal(both.planes, whole.planes)


def test_every_epoch_shows_every_training_sample_once(shards):
    data = opened(shards, batch=1)
    names = [batch.names[0] for batch in steps(data, 0, 10)]
    kept = {f"{index:08d}" for index in range(COUNT - HELD_OUT)}
    assert set(names[:5]) == set(names[5:]) == kept
    assert names[:5] != names[5:]
    held_out = [name for batch in data.validation(torch.device("cpu")) for name in batch.names]
    assert held_out == [f"{index:08d}" for index in range(COUNT - HELD_OUT, COUNT)]


def test_crops_differ_from_epoch_to_epoch(shards):
    data = opened(shards, batch=5)
    first, second = steps(data, 0, 2)
    assert set(first.names) == set(second.names)
    for place, name in enumerate(first.names):
        assert not torch.equal(first.target[place], second.target[second.names.index(name)])


def test_the_curriculum_reaches_the_planes_alone(shards):
    exact, erroneous, mixed = (steps(opened(shards), 2, 1, lambda _, a=a: a)[0] for a in (0.0, 1.0, 0.5))
    assert torch.equal(exact.image, erroneous.image)
    assert (exact.planes - erroneous.planes).abs().max() > 1e-3
    assert not torch.equal(mixed.planes, exact.planes)
    by_step = steps(opened(shards), 0, 4, lambda step: step % 2)
    assert torch.equal(by_step[2].planes, exact.planes)
    assert torch.equal(steps(opened(shards, workers=1), 0, 4, lambda step: step % 2)[3].planes, by_step[3].planes)


def test_validation_is_fixed_and_straight(shards):
    batches = opened(shards, seed=1).validation(torch.device("cpu"))
    assert [len(batch.names) for batch in batches] == [2, 1]
    for one, other in zip(batches, opened(shards, seed=2, flip=False).validation(torch.device("cpu")), strict=True):
        same(one, other)
    sharp = SampleCache(shard_records([shards]), INPUTS, 0.0)[7].sharp
    middle = torch.from_numpy(sharp[16:48, 16:48].transpose(2, 0, 1) / np.float32(255))
    assert torch.equal(batches[1].target[0], middle)


def test_the_cache_keeps_what_fits(shards):
    records = shard_records([shards])
    nothing, all_of_it = (SampleCache(records, INPUTS, most_bytes) for most_bytes in (0.0, 1e9))
    assert nothing[0] is not nothing[0] and all_of_it[0] is all_of_it[0]
    two = SampleCache(records, INPUTS, 2.5 * all_of_it[0].bytes)
    seen = [two[index] for index in range(4)]
    assert [two[index] is sample for index, sample in enumerate(seen)] == [True, True, False, False]


def test_facts_are_json(shards):
    data = opened(shards)
    assert json.loads(json.dumps(data.facts)) == data.facts
    assert data.facts["folders"] == ["shards"] and data.facts["samples"] == COUNT


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_arrive_in_one_line(shards, workers):
    data = opened(shards, crop=128, workers=workers)
    message = "^data.crop: expected at most the samples' 64 x 64 px, got 128; set data.crop, or make larger samples$"
    with pytest.raises(UsageError, match=message):
        steps(data, 0, 1)


def test_validation_may_not_take_everything(shards):
    message = (
        "data: expected more samples than validation takes \\(8\\), got 8; "
        "make more with gyrosharp synth, or set validation.samples"
    )
    with pytest.raises(UsageError, match=message):
        opened(shards, samples=8).validation(torch.device("cpu"))
    with pytest.raises(ImageError, match="expected shards, got no such folder"):
        _ = opened(shards / "nowhere").facts


def test_requests_by_hand():
    wanted = requests(3, 4, lambda step: step / 10, rank=1, world=2)
    assert list(islice(wanted, 2)) == [Request(28, 4, 0.3), Request(36, 4, 0.4)]
    assert sorted(sample_at(0, number, 5) for number in range(10, 15)) == [0, 1, 2, 3, 4]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here")
def test_a_signal_to_all_processes_leaves_a_checkpoint(tmp_path):
    """As job schedulers and `timeout` send it: loader processes leave it to the training process."""
    photos = write_photos(tmp_path / "photos")
    config = {
        "net": {"name": "refine", "size": "tiny"},
        "data": {"crop": 32, "batch": 2, "workers": 2, "synth": {"motion": {"sources": [{"kind": "tremor"}]}}},
        "validation": {"samples": 1},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    command = [sys.executable, "-m", "gyrosharp", "train", str(tmp_path / "config.yaml"), "--data", str(photos)]
    command += ["-o", str(tmp_path / "run"), "--set", "log_every=1", "--set", "data.synth.motion.trail_px=[1, 4]"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    log, deadline = tmp_path / "run" / "log.jsonl", time.monotonic() + 120
    while not log.exists() or '"step": 3' not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "interrupted" in said and "bug" not in said
    assert (tmp_path / "run" / "last.pt").exists()
