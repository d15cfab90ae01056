"""Optimisers by name."""

from collections.abc import Iterable

import torch
from torch import nn

from gyrosharp.training.config import OptimiserPart

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def make_optimiser(part: OptimiserPart, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimiser of a config: Adam (weight decay joins the gradient) or AdamW (decay of its own).

    Parameters
    ----------
    part : OptimiserPart
        Kind, highest rate, moments and weight decay. Learning rates are set at every step (`set_rate`).
    parameters : iterable of Parameter
        What it changes; those that need no gradient are left out.
    """
    changed = [parameter for parameter in parameters if parameter.requires_grad]
    return KINDS[part.kind](changed, lr=part.rate, betas=part.betas, weight_decay=part.weight_decay)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate
