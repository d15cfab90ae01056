"""FFTformer: attention and feed-forward layers in the frequency domain."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import TINY

SPEC = SystemSpec(
    name="fftformer",
    title="self-attention and feed-forward layers on the spectra of 8 x 8 patches",
    paper="Kong et al., Efficient Frequency Domain-based Transformers for High-Quality Image Deblurring, CVPR 2023, "
    "arXiv 2211.12250",
    net="fftformer",
    sees="nothing: the picture alone",
    data="gyrodeblurnet",
    training={
        "data": {"crop": 256, "batch": 16},
        "losses": [{"kind": "l1_fft"}],
        "optimiser": {"kind": "adamw", "rate": 1e-3, "betas": [0.9, 0.9], "weight_decay": 1e-3},
        "schedule": {"kind": "cosine", "steps": 600_000, "final_rate": 1e-7},
    },
    tiny=TINY,
    parameters=16_560_474,
    published=(
        Published("GoPro", 34.21, 0.969, "the paper"),
        Published("GyroBlur-Synth", 26.01, None, "GyroDeblurNet's paper"),
    ),
    notes=(
        "the optimiser is that of the public config, AdamW with weight decay, where the paper says Adam; its 300,000 "
        "steps on crops of 128 px do not reach the paper's figures, 600,000 on 256 px do (kkkls/FFTformer, issue 8)",
    ),
)
