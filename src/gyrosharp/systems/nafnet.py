"""NAFNet, width 32: a strong network that sees the picture alone."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import TINY

SPEC = SystemSpec(
    name="nafnet",
    title="U-Net of blocks without nonlinear activations",
    paper="Chen et al., Simple Baselines for Image Restoration, ECCV 2022, arXiv 2204.04676",
    net="nafnet",
    sees="nothing: the picture alone",
    data="gyrodeblurnet",
    training={
        "data": {"crop": 256, "batch": 32},
        "losses": [{"kind": "psnr"}],
        "optimiser": {"kind": "adamw", "rate": 1e-3, "betas": [0.9, 0.9], "weight_decay": 1e-3},
        "schedule": {"kind": "cosine", "steps": 200_000, "final_rate": 1e-7},
    },
    tiny=TINY,
    parameters=17_111_907,
    published=(
        Published("GoPro", 32.87, 0.961, "the paper"),
        Published("GyroBlur-Synth", 25.06, None, "GyroDeblurNet's paper"),
    ),
    notes=("the GoPro figure is with channel means over windows at test time (TLC), which is not built in here",),
)
