"""MIMO-UNet+: MIMO-UNet with 20 residual blocks per stage."""

from gyrosharp.systems._spec import Published, SystemSpec
from gyrosharp.systems._tiny import TINY
from gyrosharp.systems.mimo_unet import PAPER, TRAINING

SPEC = SystemSpec(
    name="mimo_unet_plus",
    title="multi-input multi-output U-Net, 20 residual blocks per stage",
    paper=PAPER,
    net="mimo_unet",
    sees="nothing: the picture alone",
    data="gyrodeblurnet",
    training={**TRAINING, "net": {"size": "plus"}},
    tiny={**TINY, "net": {"size": "tiny", "changes": {"blocks": 3, "dropout": 0.1}}},
    parameters=16_107_651,
    published=(Published("GoPro", 32.45, 0.957, "the paper"),),
)
