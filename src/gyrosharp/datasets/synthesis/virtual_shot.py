"""What the virtual camera does: the captures of a window and of the sample within it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.config import ExposurePart
from gyrosharp.datasets.synthesis.motion_mix import MotionMix
from gyrosharp.datasets.synthesis.motion_sources import capture_of
from gyrosharp.datasets.synthesis.pictures import Scene
from gyrosharp.datasets.synthesis.trail_length import scaled_to_trail
from gyrosharp.geometry.shutter import Exposure, Shutter


@dataclass(frozen=True, eq=False)
class Shot:
    """Captures of a window and of the sample in it, which see the same motion and refer to the same moment.

    Attributes
    ----------
    window, sample : Capture
        The captures.
    facts : dict
        Everything drawn, as JSON.
    """

    window: Capture
    sample: Capture
    facts: dict[str, Any]


@dataclass(frozen=True)
class Timing:
    """A drawn exposure of the whole photo."""

    duration_s: float
    readout_s: float
    shutter: Shutter

    @property
    def total_s(self) -> float:
        """From the first line's start to the last line's end."""
        return self.duration_s + self.readout_s


def draw_timing(rng: np.random.Generator, part: ExposurePart) -> Timing:
    """Draw exposure time, readout and shutter of a whole photo."""
    duration_s, readout_s = float(rng.uniform(*part.duration_s)), float(rng.uniform(*part.readout_s))
    return Timing(duration_s, readout_s, Shutter(part.shutters[int(rng.integers(len(part.shutters)))]))


def draw_shot(
    rng: np.random.Generator, scene: Scene, timing: Timing, motions: MotionMix, trail_px: float, reference: str
) -> Shot:
    """Draw a motion, and scale it to the wanted trail length.

    The readout is that of the whole photo, so a part of it is read in less time. The reference moment is that of the
    sample: "mid" is the middle, and "start" the start, of the exposure of its middle line.

    Raises
    ------
    ImuError, CaptureError
        If the motion cannot be read or cannot be scaled so.
    """
    motion = motions.draw(rng, timing.total_s)
    exposure = Exposure(motion.start_ns, timing.duration_s, timing.readout_s, timing.shutter)
    window = capture_of(motion, scene.whole, exposure).cropped(*scene.cut_px)
    window = replace(window, camera=window.camera.scaled(*scene.size_px), depth_m=scene.depth_m)
    x, y, width, height = scene.sample_px
    sample = window.cropped(x, y, width, height)
    centre = ((width - 1) / 2, (height - 1) / 2)
    phase = 0.0 if reference == "start" else 0.5
    reference_ns = int(sample.exposure.times_ns(centre, width, height, [phase])[0])
    sample = scaled_to_trail(replace(sample, reference_ns=reference_ns), trail_px)
    window = replace(window, imu=sample.imu, poses=sample.poses, reference_ns=reference_ns)
    facts = {
        "motion": motion.description,
        "trail_px": trail_px,
        "exposure": _exposure_facts(sample.exposure),
        "reference": reference,
        "camera": _camera_facts(sample),
    }
    return Shot(window, sample, facts)


def _exposure_facts(exposure: Exposure) -> dict[str, Any]:
    return {
        "duration_s": exposure.duration_s,
        "readout_s": exposure.readout_s,
        "shutter": str(exposure.shutter),
    }


def _camera_facts(capture: Capture) -> dict[str, Any]:
    camera = capture.camera
    intrinsics = {name: getattr(camera, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
    return {**intrinsics, "distortion_model": camera.distortion_model, "distortion": list(camera.distortion)}
