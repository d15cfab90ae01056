"""DeepGyro: a U-Net that sees one blur vector per pixel."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

SPEC = SystemSpec(
    name="deepgyro",
    title="one blur vector per pixel in a U-Net",
    paper="Mustaniemi et al., Gyroscope-Aided Motion Deblurring with Deep Networks, WACV 2019, arXiv 1810.00986",
    net="deepgyro",
    sees="one blur vector per pixel, direction unknown, 8 bit",
    data="depth_imu",
    training={
        "data": {"crop": 240},
        "losses": [{"kind": "mse"}],
        "optimiser": {"rate": 5e-5},
        "curriculum": dict(ALWAYS_ERRORS),
    },
    tiny=TINY,
    parameters=31_033_027,
    published=(Published("GyroBlur-Synth", 23.78, None, "GyroDeblurNet's paper"),),
    notes=(
        "Adam at 5e-5 and MSE are the authors'; length of the training, batch, crop and the fall of the rate are ours",
        "data are the Oulu thesis's, which continues DeepGyro: 320 x 240 px, global shutter; DeepGyro's are of a "
        "rolling one",
    ),
)
