"""MIMO-UNet: coarse to fine in one U-Net that sees the picture alone."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import TINY

PAPER = "Cho et al., Rethinking Coarse-to-Fine Approach in Single Image Deblurring, ICCV 2021, arXiv 2108.05054"
TRAINING = {
    "data": {"crop": 256, "batch": 4},
    "losses": [{"kind": "l1_fft"}],
    # 3,000 epochs of 2,103 pairs in batches of 4; halved every 500 epochs.
    "schedule": {
        "kind": "step",
        "steps": 1_577_250,
        "milestones": [k / 6 for k in range(1, 6)],
        "factor": 0.5,
    },
}

SPEC = SystemSpec(
    name="mimo_unet",
    title="multi-input multi-output U-Net",
    paper=PAPER,
    net="mimo_unet",
    sees="nothing: the picture alone",
    data="gyrodeblurnet",
    training=TRAINING,
    tiny=TINY,
    parameters=6_807_171,
    published=(Published("GoPro", 31.73, 0.951, "the paper"),),
)
