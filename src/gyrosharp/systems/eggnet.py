"""EggNet: deformable convolution whose offsets come from the gyro."""

from types import MappingProxyType

from gyrosharp.systems._spec import Ablation, Published, SystemSpec
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
    ablations=MappingProxyType(
        {
            "no-gyro": Ablation("motion vectors shrunk to nothing", ("net.changes={planes_scale: 1000000000.0}",)),
            "error-free": Ablation(
                "trained on motion without gyro errors", ("curriculum={kind: stairs, points: [[0.0, 0.0]]}",)
            ),
            "full": Ablation("gyro errors in full from the first step", ()),
            "curriculum": Ablation("GyroDeblurNet's curriculum of gyro errors", ("curriculum={}",)),
        }
    ),
    notes=("no public code or parameter count: our own design from the description",),
)
