"""Folders of training runs for tests, without the training: checkpoints as the loop writes them. Needs torch."""

from gyrosharp.nets import build_net
from gyrosharp.training.checkpoint import RunState, save_checkpoint
from gyrosharp.training.config import train_config

FACTS = {"samples": 5}


class Parts:
    """What the training loop saves of a step."""

    def __init__(self, **modules):
        self._modules = modules

    def modules(self):
        return self._modules

    def optimisers(self):
        return {}


def restless(name):
    """A network of random weights in which nothing is zero: deformable convolutions look elsewhere."""
    import torch

    torch.manual_seed(3)
    net = build_net(name, "tiny").eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
    return net


def write_run(folder, name, net=None, **averages):
    """A run of a tiny network that stands at step 7 of 10."""
    folder.mkdir(exist_ok=True)
    config = train_config({"net": {"name": name, "size": "tiny"}})
    state = RunState(step=7, steps=10, seconds=90.0)
    save_checkpoint(folder / "last.pt", config, FACTS, state, Parts(net=net or restless(name), **averages))
    return folder
