"""Inputs for networks, and networks whose branches all matter."""

import torch
from torch import nn


def inputs(net, batch, height, width, seed=0):
    """Return a random picture and, if the network takes any, planes of a few px."""
    source = torch.Generator().manual_seed(seed)
    wanted = net.descriptor.inputs
    image = torch.rand(batch, 3, height, width, generator=source)
    if not wanted.channels:
        return image, None
    rows, columns = -(-height // wanted.stride), -(-width // wanted.stride)
    return image, torch.randn(batch, wanted.channels, rows, columns, generator=source)


def awake(net, seed=0):
    """Return the network with noise on parameters that start constant: a zero hides all that is before it."""
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.numel() == 1 or parameter.std() == 0:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=source))
    return net


def without_dropout(net):
    """Return the network in training mode, but for dropout."""
    net.train()
    for module in net.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    return net
