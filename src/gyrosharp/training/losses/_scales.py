"""Scales: a loss at one scale made into a loss over a network's outputs."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from gyrosharp.errors import ImageError, UsageError

PerPicture = Callable[[Tensor, Tensor], Tensor]


def over_scales(loss: PerPicture, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
    """Return sum_k mean_b loss(outputs[k], target at scale k)[b].

    Parameters
    ----------
    loss : callable
        Takes two (B, 3, h, w) float32 batches, returns (B,) values, or a scalar that is their mean.
    outputs : tuple of tensors
        (B, 3, H, W), (B, 3, ceil(H / 2), ceil(W / 2)), ...
    target : (B, 3, H, W) tensor
        Sharp pictures.

    Returns
    -------
    scalar tensor
        float32, computed outside of any autocast.

    Raises
    ------
    ImageError
        If there is no output, or one does not have its scale's shape.
    """
    if not outputs:
        raise ImageError("loss: expected at least one output of the network, got none")
    with torch.autocast(target.device.type, enabled=False):
        wanted = [target_at(target.float(), scale) for scale in range(len(outputs))]
        for scale, (output, sharp) in enumerate(zip(outputs, wanted, strict=True)):
            if output.shape != sharp.shape:
                found = f"got {tuple(output.shape)}"
                raise ImageError(f"loss: expected output {scale} to be {tuple(sharp.shape)} as its target, {found}")
        values = [loss(output.float(), sharp).mean() for output, sharp in zip(outputs, wanted, strict=True)]
    return torch.stack(values).sum()


def target_at(target: Tensor, scale: int) -> Tensor:
    """Return pictures (B, C, H, W) shrunk by 2^scale: block means (B, C, ceil(H / 2^scale), ceil(W / 2^scale))."""
    if scale == 0:
        return target
    block = 2**scale
    height, width = target.shape[2:]
    return avg_pool2d(pad(target, (0, -width % block, 0, -height % block), mode="replicate"), block)


def require_positive(loss: str, option: str, value: float) -> None:
    """Refuse a value of an option that is not a number > 0.

    Raises
    ------
    UsageError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise UsageError(f"loss {loss}: expected {option} to be a number > 0, got {value!r}")
