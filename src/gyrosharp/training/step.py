"""Step: what the loop drives."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

if TYPE_CHECKING:
    from gyrosharp.training.data import Batch


class Step(Protocol):
    """One way to learn from a batch, with any number of networks and optimisers."""

    def modules(self) -> Mapping[str, nn.Module]:
        """Return the networks that a checkpoint holds.

        ``net`` is the one that deblurs; ``average``, if there is one, its running average, which is validated instead.
        """

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Return the optimisers that a checkpoint holds."""

    def run(self, batch: "Batch", step: int, total_steps: int) -> dict[str, float]:
        """Learn from a batch on the device.

        Parameters
        ----------
        batch : Batch
            Samples.
        step, total_steps : int
            Steps done before this one, and in all. Nothing else may decide rates, nor chance other than torch's, which
            the loop seeds for each step.

        Returns
        -------
        dict
            Figures for the log: ``loss``, ``rate``, any others; ``skipped`` is 1 where the batch was of no use.
        """


def deblurring_net(step: Step) -> nn.Module:
    """Return the network that is validated."""
    nets = step.modules()
    return nets.get("average", nets["net"])
