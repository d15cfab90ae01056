"""The Oulu thesis: a residual U-Net that sees blur vectors, depth, or both."""

from types import MappingProxyType

from gyrosharp.systems._spec import Ablation, SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

SPEC = SystemSpec(
    name="depth_imu_unet",
    title="blur vectors from six degrees of freedom, and depth, in a residual U-Net",
    paper="Alhawwary, Depth and IMU Aided Image Deblurring Based on Deep Learning, master's thesis, "
    "University of Oulu, 2020",
    net="depth_imu_unet",
    sees="one blur vector and the depth per pixel",
    data="depth_imu",
    training={
        "data": {"crop": 240, "batch": 32},
        "losses": [{"kind": "mse"}],
        # 100 epochs of 24,000 samples in batches of 32; a tenth of the rate after epoch 80.
        "schedule": {"kind": "step", "steps": 75_000, "milestones": [0.8], "factor": 0.1},
        "curriculum": dict(ALWAYS_ERRORS),
    },
    tiny=TINY,
    ablations=MappingProxyType(
        {
            "blind": Ablation("the picture alone", ("net.changes={sees: blind}",)),
            "depth": Ablation("with depth", ("net.changes={sees: depth}",)),
            "kernel": Ablation("with blur vectors", ("net.changes={sees: kernel}",)),
            "both": Ablation("with depth and blur vectors", ("net.changes={sees: both}",)),
        }
    ),
    notes=(
        "the thesis states the homography as K^-1 (R + T r^T / d) K; the projection is K (R + T r^T / d) K^-1",
        "the thesis trains on whole pictures, 320 x 240 px; here crops are square, and as high as the pictures",
        "the thesis compares its variants with DAVANet (single view) and states no figure that carries over",
    ),
)
