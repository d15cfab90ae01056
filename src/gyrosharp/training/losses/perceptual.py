"""Perceptual loss: differences of the features of a VGG, whose weights the user gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from gyrosharp.errors import InputError, MissingComponentError, UsageError
from gyrosharp.training.losses._scales import over_scales

NAME = "perceptual"
DESCRIPTION = "mean squared difference of VGG features; weights from a file that the user gives"
PAPER = "Johnson et al., Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016, eq. 2"

# Number of 3 x 3 convolutions before each layer; pooling by 2 comes after the second and the fourth. VGG-16 and VGG-19
# (Simonyan and Zisserman 2015) are alike so far.
LAYERS = {"relu1_2": 2, "relu2_2": 4, "relu3_3": 7}
POOLED = (2, 4)
# Where torchvision's VGGs keep these convolutions: names of tensors are features.N.weight and features.N.bias.
INDICES = (0, 2, 5, 7, 10, 12, 14)
# Mean and standard deviation of ImageNet's sRGB values, which those weights were trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Convolutions = tuple[tuple[Tensor, Tensor], ...]


@dataclass(frozen=True)
class Loss:
    """L = mean (phi(x) - phi(y))^2, phi the features of a layer.

    Attributes
    ----------
    weights : str
        A .safetensors or .npz file with the first convolutions of a VGG-16 or VGG-19, named as in torchvision:
        features.0.weight (64, 3, 3, 3), features.0.bias (64,), features.2.weight ... Pickles are not read.
    layer : "relu1_2", "relu2_2" or "relu3_3"
        Which features.

    Raises
    ------
    UsageError
        If there is no such layer.
    MissingComponentError
        If no weights are given.
    InputError
        If the file cannot be read, or does not hold these tensors.
    """

    weights: str = ""
    layer: str = "relu3_3"

    def __post_init__(self) -> None:
        """Check the options and read the file, so that mistakes show before training starts."""
        if self.layer not in LAYERS:
            raise UsageError(f"loss {NAME}: expected a layer out of {', '.join(LAYERS)}, got {self.layer!r}")
        if not self.weights:
            raise MissingComponentError(
                f"loss {NAME}: expected the option weights, got none; gyrosharp brings no VGG: save the first "
                f"{LAYERS[self.layer]} convolutions of a VGG-16 as .safetensors or .npz and give the file's path"
            )
        _convolutions(self.weights, LAYERS[self.layer], torch.device("cpu"))

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss."""
        return over_scales(self._difference, outputs, target)

    def _difference(self, output: Tensor, target: Tensor) -> Tensor:
        convolutions = _convolutions(self.weights, LAYERS[self.layer], target.device)
        return (features(output, convolutions) - features(target, convolutions)).square().mean()


def features(image: Tensor, convolutions: Convolutions) -> Tensor:
    """Return the features after the last convolution's ReLU, for pictures (B, 3, H, W) in [0, 1].

    Pooling halves sides and rounds up, so that pictures of any size have features.
    """
    mean, deviation = (image.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    found = (image - mean) / deviation
    for done, (weight, bias) in enumerate(convolutions):
        if done in POOLED:
            found = max_pool2d(found, 2, ceil_mode=True)
        found = relu(conv2d(found, weight, bias, padding=1))
    return found


@cache
def _convolutions(path: str, count: int, device: torch.device) -> Convolutions:
    tensors, pairs, channels = _read(Path(path)), [], 3
    for index in INDICES[:count]:
        weight, bias = (_tensor(path, tensors, f"features.{index}.{kind}") for kind in ("weight", "bias"))
        if weight.shape != (len(bias), channels, 3, 3):
            wanted = f"({len(bias)}, {channels}, 3, 3)"
            raise InputError(f"{path}: expected features.{index}.weight to be {wanted}, got {tuple(weight.shape)}")
        pairs.append((weight.to(device), bias.to(device)))
        channels = len(bias)
    return tuple(pairs)


def _tensor(path: str, tensors: Mapping[str, NDArray[Any]], name: str) -> Tensor:
    if name not in tensors:
        found = ", ".join(tensors) or "none"
        raise InputError(f"{path}: expected a tensor {name} as in torchvision's VGG-16, got {found}")
    return torch.from_numpy(np.asarray(tensors[name], dtype=np.float32))


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors}
    if path.suffix not in readers:
        raise InputError(f"{path}: expected weights as .safetensors or .npz, got {path.suffix or 'no suffix'!r}")
    if not path.is_file():
        raise InputError(f"{path}: expected a file of VGG weights, got no file; correct the option weights")
    try:
        return readers[path.suffix](path)
    except Exception as error:  # The readers have no common error for broken files.
        raise InputError(f"{path}: expected weights as {path.suffix}, could not read it: {error}") from error


def _read_npz(path: Path) -> Mapping[str, NDArray[Any]]:
    # Opened here: numpy leaves broken archives open.
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _read_safetensors(path: Path) -> Mapping[str, NDArray[Any]]:
    from safetensors.numpy import load_file

    return dict(load_file(path))
