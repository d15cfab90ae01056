"""EggNet: deformable convolution whose offsets come from the gyro."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

SPEC = SystemSpec(
    name="eggnet",
    title="deformable convolution steered by the gyro, after the paper's description",
    paper="EggNet (Ji et al., 2021), as GyroDeblurNet's paper describes it",
    net="eggnet",
    sees="motion vectors per pixel",
    data="gyrodeblurnet",
    training={"losses": [{"kind": "charbonnier"}], "curriculum": dict(ALWAYS_ERRORS)},
    tiny=TINY,
    published=(Published("GyroBlur-Synth", 25.49, None, "GyroDeblurNet's paper"),),
    notes=("no public code or parameter count: our own design from the description",),
)
