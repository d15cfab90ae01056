"""Several processes that train one network, started by torchrun; with one process everything here does nothing.

Gradients are averaged by hand, in one transfer after the backward pass, rather than by a wrapper around the network:
any step of any number of networks and optimisers then works alike, and networks with unused parameters too.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

# Rank 0 validates while the others wait at the next step's transfer.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Group:
    """One process among those of a run.

    Attributes
    ----------
    rank : int
        Number of this process; rank 0 validates and writes.
    world : int
        Number of processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Join the processes that torchrun started, and leave them at the end; a process of its own is a group of one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Group()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Group(distributed.get_rank(), distributed.get_world_size())
        # A process that leaves while another still talks to it may take the whole run down.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def average_gradients(nets: Iterable[nn.Module]) -> None:
    """Replace gradients, and floating buffers such as batch statistics, by their means over the processes."""
    if not distributed.is_initialized():
        return
    values = [value for net in nets for value in _averaged_tensors(net)]
    flat = torch.cat([value.reshape(-1).float() for value in values])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for value, mean in zip(values, flat.split([value.numel() for value in values]), strict=True):
        value.copy_(mean.view_as(value))


def mean_over_processes(values: Tensor) -> Tensor:
    """Return the mean of a tensor over the processes."""
    if not distributed.is_initialized():
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()


def from_leader(value: float, device: torch.device) -> float:
    """Return the value that rank 0 has; float64, so that whole numbers below 2^53 stay exact."""
    if not distributed.is_initialized():
        return value
    sent = torch.tensor(value, dtype=torch.float64, device=device)
    distributed.broadcast(sent, 0)
    return float(sent)


def _averaged_tensors(net: nn.Module) -> list[Tensor]:
    """Gradients of all trainable parameters, zero where a process has none, and floating buffers."""
    tensors = []
    for parameter in net.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            tensors.append(parameter.grad)
    return tensors + [buffer for buffer in net.buffers() if buffer.is_floating_point()]
