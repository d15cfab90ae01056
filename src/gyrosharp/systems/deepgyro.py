"""DeepGyro: a U-Net that sees one blur vector per pixel."""

from gyrosharp.systems._spec import SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

SPEC = SystemSpec(
    name="deepgyro",
    title="one blur vector per pixel in a U-Net",
    paper="Mustaniemi et al., Gyroscope-Aided Motion Deblurring with Deep Networks, WACV 2019, arXiv 1810.00986",
    net="deepgyro",
    sees="one blur vector per pixel, direction unknown, 8 bit",
    data="depth_imu",
    training={
        "losses": [{"kind": "mse"}],
        "optimiser": {"rate": 5e-5},
        "curriculum": dict(ALWAYS_ERRORS),
    },
    tiny=TINY,
    parameters=31_033_027,
    notes=("23.78 dB on GyroBlur-Synth according to GyroDeblurNet's paper",),
)
