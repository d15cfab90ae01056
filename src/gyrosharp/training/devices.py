"""Where a run computes, and in which precision."""

import os

import torch

from gyrosharp.errors import UsageError
from gyrosharp.restore.memory import keep_freed_pages


def find_device(name: str) -> torch.device:
    """Return the device of a name: auto, cpu, cuda, or cuda:N.

    ``auto`` is the first CUDA device, or the CPU where there is none. Under torchrun, ``auto`` and ``cuda`` are the
    CUDA device of this process.

    Raises
    ------
    UsageError
        If the name is another one, or there is no such CUDA device.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdigit())):
        raise UsageError(f"--device: expected auto, cpu, cuda or cuda:N, got {name!r}")
    if kind == "cpu" or (kind == "auto" and not found):
        return torch.device("cpu")
    index = int(number or os.environ.get("LOCAL_RANK", "0"))
    if index >= found:
        raise UsageError(f"--device: expected one of {found} CUDA devices here, got {name!r}; use --device cpu")
    return torch.device("cuda", index)


def prepare_device(device: torch.device) -> None:
    """Choose what makes training fast on a device: kept pages on the CPU, timed convolutions and TF32 on CUDA."""
    if device.type == "cpu":
        keep_freed_pages()
        return
    torch.cuda.set_device(device)
    torch.backends.cudnn.benchmark = True  # crops have one size, so the search for the fastest kernels pays
    torch.set_float32_matmul_precision("high")


def has_bfloat16(device: torch.device) -> bool:
    """Return whether a device computes with bfloat16 in hardware; emulation would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def precision_note(precision: str, device: torch.device) -> str | None:
    """Return what a user should know of the precision that a run gets; None: it is what the config says."""
    if precision == "float32" or has_bfloat16(device):
        return None
    return f"this {device.type} has no bfloat16 arithmetic: the run computes in float32"


def autocast_type(precision: str, device: torch.device) -> torch.dtype | None:
    """Return the type of forward and backward passes; None: float32, also where bfloat16 is not in hardware."""
    return torch.bfloat16 if precision == "bfloat16" and has_bfloat16(device) else None
