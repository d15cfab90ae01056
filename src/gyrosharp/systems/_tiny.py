"""The equal budget of the ``tiny`` sizes: the same samples, size of crops, steps and optimiser for every system.

Crops start on the grid of the blur fields, every 8 px, where a network sees motion, and anywhere where it does not.

One loss, too: that of PSNR, on every scale that a network puts out. With MSE, L1 or spectral losses a few thousand
steps go to the worst crops first, at the expense of those that are hardly blurred. What differs from the papers'
recipes otherwise is what a small network and one CPU ask for: a higher rate, cosine decay to almost nothing, small
crops. Gyro errors are present from the first step (alpha = 1), but for systems whose paper has a curriculum.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

TINY: Mapping[str, Any] = MappingProxyType(
    {
        "data": {"crop": 128, "batch": 4, "flip": True},
        "losses": [{"kind": "psnr"}],
        "optimiser": {"kind": "adamw", "rate": 1e-3, "betas": [0.9, 0.99], "weight_decay": 1e-4, "clip_norm": 1.0},
        "schedule": {"kind": "cosine", "steps": 2000, "warmup": 50, "final_rate": 1e-6, "milestones": []},
        "validation": {"every": 500, "samples": 64, "pictures": 4},
        "ema": 0.995,
        "checkpoint_every": 200,
        "log_every": 50,
    }
)

# No curriculum: the motion has its gyro errors in full from the first step.
ALWAYS_ERRORS: Mapping[str, Any] = MappingProxyType({"kind": "stairs", "points": [[0.0, 1.0]]})
