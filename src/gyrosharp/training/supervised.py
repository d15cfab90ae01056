"""The supervised step: the network sees the blurred picture and its motion, and learns the sharp one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gyrosharp.training.averaging import averaged_copy, decay_at, update_average
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.devices import autocast_type
from gyrosharp.training.distributed import average_gradients, mean_over_processes
from gyrosharp.training.optimiser import make_optimiser, set_rate
from gyrosharp.training.schedule import rate_at

if TYPE_CHECKING:
    from gyrosharp.training.data import Batch

Loss = Callable[[tuple[Tensor, ...], Tensor], tuple[Tensor, dict[str, Tensor]]]


class SupervisedStep:
    """One update of a deblurring network per batch of blurred and sharp pictures.

    Parameters
    ----------
    config : TrainConfig
        Optimiser, schedule, average and precision.
    net : DeblurNet
        The network, already on the device.
    loss : callable
        (outputs, target) -> (loss, its terms by name), each a mean over the samples of the batch.
    device : torch.device
        Where the network is.
    """

    def __init__(self, config: TrainConfig, net: nn.Module, loss: Loss, device: torch.device) -> None:
        self._config, self._net, self._loss, self._device = config, net, loss, device
        self._average = averaged_copy(net) if config.ema else None
        self._optimiser = make_optimiser(config.optimiser, net.parameters())
        self._autocast = autocast_type(config.precision, device)

    def modules(self) -> Mapping[str, nn.Module]:
        """Return what a checkpoint holds: the network, and its running average if there is one."""
        return {"net": self._net} if self._average is None else {"net": self._net, "average": self._average}

    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Return the one optimiser."""
        return {"net": self._optimiser}

    def run(self, batch: "Batch", step: int, total_steps: int) -> dict[str, float]:
        """Update the network; a loss or gradient that is not finite changes nothing and gives ``skipped`` = 1.

        Parameters
        ----------
        batch : Batch
            Samples on the device; computed in as many parts as ``optimiser.accumulate`` says.
        step, total_steps : int
            Steps done before this one, and in all.
        """
        part = self._config.optimiser
        rate = rate_at(self._config.schedule, part.rate, step / total_steps)
        set_rate(self._optimiser, rate)
        self._optimiser.zero_grad(set_to_none=True)
        buffers = [buffer.clone() for buffer in self._net.buffers()]
        figures = self._gradients(batch)
        average_gradients([self._net])
        norm = nn.utils.clip_grad_norm_(self._net.parameters(), part.clip_norm or float("inf"))
        # One transfer from the device for all figures; the mean makes all processes skip the same steps.
        names = [*figures, "gradient_norm"]
        values = mean_over_processes(torch.stack([*figures.values(), norm.float()])).tolist()
        told = dict(zip(names, values, strict=True))
        sound = _finite(told["loss"]) and _finite(told["gradient_norm"])
        if sound:
            self._optimiser.step()
            self._follow(step)
        else:
            _put_back(self._net, buffers)
        return {**told, "rate": rate, "skipped": float(not sound)}

    def _gradients(self, batch: "Batch") -> dict[str, Tensor]:
        """Add up the gradients of the parts of a batch, weighted so that they equal those of the whole."""
        self._net.train()
        size = batch.image.shape[0]
        figures: dict[str, Tensor] = {}
        for part in _parts(batch, self._config.optimiser.accumulate):
            with self._precision():
                outputs = self._net(part.image, part.planes)
            loss, terms = self._loss(tuple(output.float() for output in outputs), part.target)
            share = part.image.shape[0] / size
            (share * loss).backward()
            for name, value in {"loss": loss, **terms}.items():
                figures[name] = figures.get(name, 0.0) + share * value.detach().float()
        return figures

    def _precision(self) -> AbstractContextManager[object]:
        return nullcontext() if self._autocast is None else torch.autocast(self._device.type, self._autocast)

    def _follow(self, step: int) -> None:
        if self._average is not None:
            update_average(self._average, self._net, decay_at(self._config.ema, step))


def _parts(batch: "Batch", count: int) -> Iterator["Batch"]:
    """Yield a batch in parts of nearly one size, at most `count` of them."""
    size = -(-batch.image.shape[0] // count)
    for start in range(0, batch.image.shape[0], size):
        part = slice(start, start + size)
        planes = None if batch.planes is None else batch.planes[part]
        yield replace(batch, image=batch.image[part], target=batch.target[part], planes=planes, names=batch.names[part])


def _finite(value: float) -> bool:
    return abs(value) < float("inf")


@torch.no_grad()
def _put_back(net: nn.Module, buffers: list[Tensor]) -> None:
    """Restore batch statistics that a skipped batch has spoilt."""
    for buffer, before in zip(net.buffers(), buffers, strict=True):
        buffer.copy_(before)
