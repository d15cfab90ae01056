"""Running average of a network's weights, which usually deblurs better than the last weights."""

import copy

import torch
from torch import nn


def averaged_copy(net: nn.Module) -> nn.Module:
    """Return the network that holds the average: a copy that never sees a gradient."""
    average = copy.deepcopy(net).eval()
    return average.requires_grad_(False)


def decay_at(decay: float, step: int) -> float:
    """Return the decay of a step, counted from 0: small at first, so that the random start is soon forgotten.

    ``min(decay, (1 + step) / (10 + step))``, as TensorFlow's ExponentialMovingAverage has it.
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Set the average to ``decay * average + (1 - decay) * net``; buffers, such as batch statistics, are copied."""
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - decay)
    for mean, value in zip(average.buffers(), net.buffers(), strict=True):
        mean.copy_(value)
