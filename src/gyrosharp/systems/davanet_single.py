"""DAVANet's single-view network, the Oulu thesis's baseline."""

from gyrosharp.systems._spec import SystemSpec
from gyrosharp.systems._tiny import TINY

SPEC = SystemSpec(
    name="davanet_single",
    title="single-view part of a stereo deblurring network",
    paper="Zhou et al., DAVANet: Stereo Deblurring with View Aggregation, CVPR 2019, arXiv 1904.05065",
    net="davanet_single",
    sees="nothing: the picture alone",
    data="depth_imu",
    training={
        "data": {"crop": 240},
        "losses": [{"kind": "mse"}],
        # 400 epochs, of 1,000 steps each; a tenth of the rate after epochs 80, 160 and 240.
        "schedule": {"kind": "step", "steps": 400_000, "milestones": [0.2, 0.4, 0.6], "factor": 0.1},
    },
    tiny=TINY,
    parameters=4_593_635,
    notes=(
        "the paper adds 0.01 times a VGG feature loss: losses=[{kind: mse}, {kind: perceptual, weight: 0.01, options: "
        "{weights: FILE}}]",
        "crops are as high as the thesis's pictures, 240 px (published: 256); steps per epoch and batch are ours",
    ),
)
