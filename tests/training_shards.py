"""Small shards to train on, as `gyrosharp synth` writes them."""

from gyrosharp.datasets.job import JobPlan, run_job
from synth_inputs import clean_config, maker_of


def shards_of_photos(photos, output, count=6, shard_size=4, **parts):
    """Shards of 64 x 64 px samples; `parts` replace parts of the config."""
    config = clean_config(**{"picture": {"size": (64, 64), "scale": (0.7, 1.0), "crops_per_photo": 1}, **parts})
    maker = maker_of(photos, config)
    run_job(maker, JobPlan(output, count, shard_size, workers=1))
    return maker.samples
