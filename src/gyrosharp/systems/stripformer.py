"""Stripformer: attention along strips of the picture."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import TINY

SPEC = SystemSpec(
    name="stripformer",
    title="attention within and between horizontal and vertical strips",
    paper="Tsai et al., Stripformer: Strip Transformer for Fast Image Deblurring, ECCV 2022, arXiv 2204.04627",
    net="stripformer",
    sees="nothing: the picture alone",
    data="gyrodeblurnet",
    training={
        "data": {"crop": 256, "batch": 8},
        "losses": [{"kind": "charbonnier"}, {"kind": "edge", "weight": 0.05}],
        # 3,000 epochs of 2,103 pairs in batches of 8.
        "schedule": {"kind": "cosine", "steps": 788_625},
    },
    tiny=TINY,
    parameters=19_708_611,
    published=(
        Published("GoPro", 33.08, 0.962, "the paper"),
        Published("GyroBlur-Synth", 25.93, None, "GyroDeblurNet's paper"),
    ),
    notes=(
        "the paper adds 0.0005 times a contrastive loss on VGG features, left out here",
        "the paper goes on for 1,000 epochs on crops of 512 px, left out here",
    ),
)
