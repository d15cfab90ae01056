"""IMU U-Net: a six-channel U-Net on length and direction of the motion."""

from types import MappingProxyType

from gyrosharp.systems._spec import Ablation, Published, SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

SPEC = SystemSpec(
    name="imu_unet",
    title="length and direction of the motion in a six-channel U-Net",
    paper="gjazali, Image motion blur removal using inertial sensor data and CNN, 2023",
    net="imu_unet",
    sees="length and unit direction of the motion per pixel",
    data="imu_unet",
    training={
        "data": {"crop": 256, "batch": 16},
        "losses": [{"kind": "l1_mse"}],
        "optimiser": {"rate": 2e-4},
        # 20 epochs of 150,000 crops in batches of 16.
        "schedule": {"kind": "constant", "steps": 187_500},
        "curriculum": dict(ALWAYS_ERRORS),
    },
    tiny=TINY,
    parameters=7_766_915,
    published=(Published("held-out ImageNet crops", 24.0, None, "the author, about"),),
    ablations=MappingProxyType(
        {
            "mse": Ablation("MSE alone", ("losses=[{kind: mse}]",)),
            "l1-mse": Ablation("L1 and MSE, 10 to 1", ("losses=[{kind: l1_mse}]",)),
            "ssim": Ablation("SSIM, the author's wish", ("losses=[{kind: ssim}]",)),
        }
    ),
    notes=("normalisation of dx and dy is not stated; here they are the unit direction",),
)
