"""VideoDeblurrer: everything that is decided once for a clip, and the deblurring of its single frames.

What depends on the clip (plan, corrections of the gyro, noise) is settled before the first frame is restored, so that
frames differ in nothing but their own motion, can be restored in any order, and come out the same every time.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.recording import Recording
from gyrosharp.media.noise import saturation_confidence
from gyrosharp.restore.auto import METHOD, Verdict
from gyrosharp.restore.classical import Scene, checked_picture, moved
from gyrosharp.restore.deblur import AUTO, SceneDeblurrer, scene_deblurrer
from gyrosharp.restore.restoration import Diagnostics, Restoration
from gyrosharp.restore.solvers import Facts
from gyrosharp.restore.video.clip_calibration import ClipCalibration, Look, refined_alone
from gyrosharp.restore.video.frame_check import frame_score, frame_spectra
from gyrosharp.restore.video.plan import VideoPlan
from gyrosharp.restore.video.settings import VideoSettings

Image = NDArray[np.float32]

# Trust in a frame falls from 1 to 0 between these: blurred again, the result must give back the frame better than the
# frame itself does; a true motion leaves 0.1 to 0.45 of the residual ...
RESIDUAL_RATIOS = (0.8, 1.0)
# ... and the frame must show its blur (see `frame_check`).
SCORES = (0.35, 0.05)
NOTHING_TRUSTED = "nearly all of it is too bright to be trusted"
NO_BETTER = "the result would explain the frame hardly better than the frame itself does"
NOT_SHOWN = "the frame hardly shows the blur that the gyro recorded"


@dataclass(frozen=True, eq=False)
class VideoDeblurrer:
    """Deblurs the frames of one clip; `gyrosharp.restore.video.preparation.prepared` makes it.

    Attributes
    ----------
    recording : Recording
        The clip, with its corrections.
    settings : VideoSettings
        What was asked.
    plan : VideoPlan
        Which frames are processed, and how strongly.
    calibration : ClipCalibration or None
        None where nothing was corrected: other methods than ``"auto"``, or no blurred frames.
    looks : tuple of Look
        Frames that the noise was measured on.
    """

    recording: Recording
    settings: VideoSettings
    plan: VideoPlan
    calibration: ClipCalibration | None
    looks: tuple[Look, ...]

    @property
    def checks(self) -> bool:
        """Whether every frame is checked against its motion."""
        return self.settings.method == AUTO

    @cached_property
    def worker(self) -> SceneDeblurrer:
        """The solver or network that restores the frames."""
        return scene_deblurrer(METHOD if self.checks else self.settings.method, self.settings.tile)

    def restore(self, index: int, picture_linear: Image) -> Restoration:
        """Deblur one frame in full; how much of it is to be shown, `plan` and `trust` say.

        Parameters
        ----------
        index : int
            Frame of the recording.
        picture_linear : (H, W, C) float32 array
            The frame, linear light, C = 1 or 3.

        Raises
        ------
        ImageError
            If the picture's size is not the camera's, or it holds NaN or infinity.
        ImuError, CaptureError
            If the motion does not cover the exposure.
        """
        capture = self.recording[index]
        picture = checked_picture(picture_linear, (capture.camera.height, capture.camera.width))
        extent_px = float(self.plan.extent_px[index])
        capture, score = self._checked(capture, picture, extent_px) if self.checks else (capture, None)
        scene, extent = moved(self._scene(index, capture, picture), capture)
        result = self.worker.restore(scene, extent)
        diagnostics = replace(result.diagnostics, method=self.settings.method, gyro_agreement=score)
        return Restoration(result.image, diagnostics)

    def _checked(self, capture: Capture, picture: Image, extent_px: float) -> tuple[Capture, float | None]:
        """Return the frame's motion, and how far the frame shows it; None where that cannot be told."""
        spectra = frame_spectra(picture, extent_px, lossy=any(look.spectra.lossy for look in self.looks))
        if spectra is None:
            return capture, None
        if self.calibration is not None and self.calibration.varies:
            return refined_alone(self.calibration, capture, spectra)
        return capture, frame_score(capture, spectra)

    def trust(self, diagnostics: Diagnostics) -> Verdict:
        """Return how far a restored frame may be shown, and why not in full; methods that check nothing are trusted."""
        residual, score = diagnostics.reblur_residual, diagnostics.gyro_agreement
        if not self.checks:
            return Verdict(1.0, "")
        if residual is None:
            return Verdict(0.0, NOTHING_TRUSTED)
        fits = Verdict(_falling(residual.after / max(residual.before, 1e-9), *RESIDUAL_RATIOS), NO_BETTER)
        shows = Verdict(1.0 if score is None else _falling(score, *SCORES), NOT_SHOWN)
        least = min(fits, shows, key=lambda one: one.strength)
        return least if least.strength < 1.0 else Verdict(1.0, "")

    def _scene(self, index: int, capture: Capture, picture: Image) -> Scene:
        """Noise and brightness between the frames that were looked at: settings that follow the clip, not the frame."""
        at = [look.index for look in self.looks]
        noise = float(np.interp(index, at, [look.noise_std for look in self.looks]))
        brightness = float(np.interp(index, at, [look.brightness for look in self.looks]))
        return Scene(capture, picture, saturation_confidence(picture), Facts(noise, brightness, 0.0), 1)


def _falling(value: float, good: float, bad: float) -> float:
    """1 at `good` and beyond, 0 at `bad` and beyond, linear in between."""
    return float(np.clip((value - bad) / (good - bad), 0.0, 1.0))
