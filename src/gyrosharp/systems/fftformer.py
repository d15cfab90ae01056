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
        "optimiser": {"kind": "adamw", "rate": 1e-3, "betas": [0.9, 0.9]},
        "schedule": {"kind": "cosine", "steps": 600_000, "final_rate": 1e-7},
    },
    tiny=TINY,
    parameters=16_560_474,
    published=(
        Published("GoPro", 34.21, 0.969, "the paper"),
        Published("GyroBlur-Synth", 26.01, None, "GyroDeblurNet's paper"),
    ),
)
