"""Refine: gyrosharp's own default, physics first and a network after it."""

from types import MappingProxyType

from gyrosharp.systems._spec import Ablation, SystemSpec
from gyrosharp.systems._tiny import ALWAYS_ERRORS, TINY

# PSNR's loss is cut off at 50 dB: pictures that were never blurred are there from the first step.
FLOOR = 1e-5

SPEC = SystemSpec(
    name="refine",
    title="Richardson-Lucy first, then a network: gyrosharp's default",
    paper="gyrosharp's own",
    net="refine",
    sees="two solutions, where they fail, motion, noise, saturation",
    data="refine",
    training={
        "data": {"crop": 128, "batch": 8, "flip": True},
        # An edge error of 1/255 weighs as much as a sixteenth of a dB.
        "losses": [{"kind": "psnr", "options": {"eps": FLOOR}}, {"kind": "edge", "weight": 16.0}],
        "optimiser": {"kind": "adamw", "rate": 1e-3, "betas": [0.9, 0.99], "weight_decay": 1e-4, "clip_norm": 30.0},
        "schedule": {"kind": "cosine", "steps": 18_000, "warmup": 200, "final_rate": 1e-6},
        "curriculum": dict(ALWAYS_ERRORS),
        "validation": {"every": 1000, "samples": 64},
        "ema": 0.999,
        "checkpoint_every": 500,
        "log_every": 100,
    },
    tiny=TINY,
    ablations=MappingProxyType(
        {
            "full": Ablation("all inputs", ()),
            "estimate-alone": Ablation("picture and estimate", ("net.changes={motion: false, physics: [estimate]}",)),
            "no-consistent": Ablation(
                "without the estimate that is pulled back to the photo",
                ("net.changes={physics: [estimate, residual, noise, extent, saturation, outside]}",),
            ),
            "no-residual": Ablation(
                "without the residual",
                ("net.changes={physics: [estimate, consistent, noise, extent, saturation, outside]}",),
            ),
            "no-facts": Ablation(
                "without noise, extent and saturation",
                ("net.changes={physics: [estimate, consistent, residual, outside]}",),
            ),
            "no-outside": Ablation(
                "without what pixels saw of the outside of the photo",
                ("net.changes={physics: [estimate, consistent, residual, noise, extent, saturation]}",),
            ),
            "no-motion": Ablation("without motion vectors", ("net.changes={motion: false}",)),
            "no-physics": Ablation("picture and motion alone, as the other systems", ("net.changes={physics: []}",)),
            "error-free": Ablation(
                "trained on samples whose gyro errors are a twentieth of the usual or less",
                ("curriculum={kind: stairs, points: [[0.0, 0.025]]}",),
            ),
            "curriculum": Ablation(
                "gyro errors grow over the first third",
                ("curriculum={kind: linear, points: [[0.0, 0.025], [0.33, 1.0]]}",),
            ),
            "size-s": Ablation(
                "the size of refine-s under the recipe of the size that is asked for", ("net.size=small",)
            ),
            "size-m": Ablation("the size of refine-m under it", ("net.size=full",)),
        }
    ),
)
