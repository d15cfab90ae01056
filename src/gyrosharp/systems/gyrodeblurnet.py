"""GyroDeblurNet: a motion field refined by the picture, deformable convolution, a curriculum of gyro errors."""

from types import MappingProxyType

from gyrosharp.systems._spec import Ablation, Published, SystemSpec
from gyrosharp.systems._tiny import TINY

PAPER = "Yang et al., Gyro-based Neural Single Image Deblurring, CVPR 2025, arXiv 2404.00916"
NO_CURRICULUM = "curriculum={kind: stairs, points: [[0.0, 1.0]]}"

SPEC = SystemSpec(
    name="gyrodeblurnet",
    title="camera motion field, gyro refinement and gyro deblurring blocks, curriculum",
    paper=PAPER,
    net="gyrodeblurnet",
    sees="8 motion vectors per pixel on a half-resolution grid",
    data="gyrodeblurnet",
    training={
        "data": {"crop": 256, "batch": 16},
        "losses": [{"kind": "psnr"}],
        # 300 epochs of 14,600 pairs in batches of 16.
        "schedule": {"kind": "cosine", "steps": 273_750},
    },
    tiny=TINY,
    parameters=16_311_296,
    published=(
        Published("GyroBlur-Synth", 27.28, 0.780, "the paper"),
        Published("GyroVD-Syn", 32.34, 0.8458, "GyroDVD, CVPR 2026"),
    ),
    ablations=MappingProxyType(
        {
            "no-gyro": Ablation("(a) the trunk alone", ("net.changes={gyro: false}",), 24.90),
            "error-free": Ablation(
                "(b) trained on motion without gyro errors", ("curriculum={kind: stairs, points: [[0.0, 0.0]]}",), 24.94
            ),
            "no-refinement": Ablation("(c) no refinement blocks", ("net.changes={refinement: none}",), 25.47),
            "refinement-without-image": Ablation(
                "(d) refinement blocks do not see the picture", ("net.changes={refinement: without_image}",), 26.17
            ),
            "offsets-from-gyro": Ablation(
                "(e) offsets of the deformable convolution from the motion alone",
                ("net.changes={offsets: gyro}",),
                26.32,
            ),
            "no-curriculum": Ablation("(f) gyro errors in full from the first step", (NO_CURRICULUM,), 26.94),
            "full": Ablation("(g) everything", (), 27.28),
            "m2": Ablation("M = 2 motion vectors", ("net.changes={pairs: 2}",), 25.71),
            "m16": Ablation("M = 16 motion vectors", ("net.changes={pairs: 16}",), 27.32),
        }
    ),
    notes=(
        "the field is padded together with the picture (the public code crashes on sizes that are no multiple of 8)",
        "motion follows the rolling shutter row by row; the paper's is that of a global shutter",
        "the public training code (hmyang0727/GyroDeblurNet, 59ab3ef) learns in linear light, and neither mirrors nor "
        "turns its crops; here pictures are sRGB-encoded, and crops are mirrored and turned together with their motion",
    ),
)
