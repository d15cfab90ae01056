"""A small run without files: random pictures blurred by a box, and a network of two convolutions."""

import sys
import time
from itertools import count
from pathlib import Path

import torch
from torch import nn

from gyrosharp.training.config import train_config
from gyrosharp.training.data import Batch
from gyrosharp.training.losses import total_loss
from gyrosharp.training.run import Session, train_step
from gyrosharp.training.supervised import SupervisedStep

STEPS = 24


class ToyNet(nn.Module):
    """Adds a correction to the picture; chance (dropout) and batch statistics as real networks have them."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.Conv2d(8, 3, 3, padding=1)
        )

    def forward(self, image, _planes=None):
        return (image + self.body(image),)


class PlainNet(nn.Module):
    """The same result for a picture whatever else is in its batch."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GELU(), nn.Conv2d(8, 3, 3, padding=1))

    def forward(self, image, _planes=None):
        return (image + self.body(image),)


class ToyData:
    """Batches that depend on seed and number alone; `spoil` names steps whose pictures are not finite."""

    def __init__(self, batch=4, side=16, seed=0, spoil=(), pause_s=0.0):
        self.batch, self.side, self.seed, self.spoil, self.pause_s = batch, side, seed, spoil, pause_s
        self.alphas = []

    @property
    def facts(self):
        return {"kind": "toy", "seed": self.seed}

    def batches(self, first_step, alpha_of_step, rank=0, world=1):
        for step in count(first_step):
            time.sleep(self.pause_s)
            self.alphas.append((step, alpha_of_step(step)))
            first = (step * world + rank) * self.batch
            made = self.made(range(first, first + self.batch))
            if step in self.spoil:
                made.image[0, 0, 0, 0] = float("nan")
            yield made

    def validation(self, device):  # noqa: ARG002
        return [self.made(range(10**6, 10**6 + 3)), self.made(range(10**6 + 3, 10**6 + 4))]

    def made(self, numbers):
        sharp = torch.stack([self.picture(number) for number in numbers])
        blurred = nn.functional.avg_pool2d(sharp, 3, stride=1, padding=1, count_include_pad=False)
        return Batch(blurred, sharp, None, tuple(f"toy{number}" for number in numbers))

    def picture(self, number):
        chance = torch.Generator().manual_seed(self.seed * 10**9 + number)
        return torch.rand(3, self.side, self.side, generator=chance)


def toy_config(*changes):
    content = {
        "net": {"name": "toy"},
        "losses": [{"kind": "l1"}],
        "optimiser": {"rate": 1e-2},
        "schedule": {"steps": STEPS, "final_rate": 1e-5},
        "validation": {"every": 10, "pictures": 2},
        "checkpoint_every": 7,
        "log_every": 3,
        "ema": 0.9,
    }
    return train_config(content, changes)


def toy_step(config, device, net=ToyNet):
    torch.manual_seed(config.seed)
    return SupervisedStep(config, net().to(device), total_loss(config.losses), device)


def plain_step(config, device):
    return toy_step(config, device, PlainNet)


def toy_train(folder, *changes, data=None, make_step=toy_step, **session):
    session = Session(**{"device": "cpu", **session})
    return train_step(make_step, toy_config(*changes), data or ToyData(), folder, session)


if __name__ == "__main__":
    kind, folder, *changes = sys.argv[1:]
    if kind == "slow":  # time to be killed in the middle
        toy_train(Path(folder), *changes, data=ToyData(pause_s=0.03))
    else:
        toy_train(Path(folder), *changes, make_step=plain_step)
