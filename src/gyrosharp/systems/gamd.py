"""GAMD: Bezier heat maps of every pixel's trajectory beside the picture, at three scales."""

from types import MappingProxyType

from gyrosharp.systems._spec import Ablation, SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

SPEC = SystemSpec(
    name="gamd",
    title="Bezier blur heat maps in a multi-input multi-output U-Net",
    paper="Luan et al., Gyroscope-Assisted Motion Deblurring Network, arXiv 2402.06854",
    net="gamd",
    sees="control and end point of a Bezier curve per pixel",
    data="gamd",
    training={
        "data": {"crop": 256, "batch": 4},
        "losses": [{"kind": "l1_fft"}],
        # 2,000 epochs of 6,680 triplets in batches of 4; halved every 500 epochs.
        "schedule": {"kind": "step", "steps": 3_340_000, "milestones": [0.25, 0.5, 0.75], "factor": 0.5},
        "curriculum": dict(ALWAYS_ERRORS),
    },
    tiny=TINY,
    parameters=16_111_383,
    ablations=MappingProxyType(
        {
            "no-heatmaps": Ablation("MIMO-UNet+ alone", ("net.changes={heatmaps: false}",)),
            "full": Ablation("with heat maps", ()),
        }
    ),
    notes=(
        "the paper states its gain as a share: about 33 % more PSNR than MIMO-UNet on IMU-Blur",
        "mirrored crops have mirrored heat maps (the public code leaves the signs of mirrored crops as they were)",
        "heat maps are real numbers, not clipped to 8 bit",
    ),
)
