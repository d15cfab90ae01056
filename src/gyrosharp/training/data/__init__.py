"""Training data: batches of pictures, truth and planes, from shards or synthesised on the training device."""

from collections.abc import Sequence
from pathlib import Path

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.data.batch import Arriving, Batch, TrainingData
from gyrosharp.training.data.device_synthesis import DeviceSynthesis
from gyrosharp.training.data.shard_data import ShardData

__all__ = ["Arriving", "Batch", "TrainingData", "open_training_data"]


def open_training_data(config: TrainConfig, inputs: NetworkInput, folders: Sequence[Path]) -> TrainingData:
    """Return the data of a training run.

    Parameters
    ----------
    config : TrainConfig
        The run's config.
    inputs : NetworkInput
        What the network sees besides the picture.
    folders : sequence of Path
        Folders of shards from `gyrosharp synth`; of sharp photos where `config.data.synth` is set.
    """
    kind = ShardData if config.data.synth is None else DeviceSynthesis
    return kind(config, inputs, folders)
