"""AutoDeblurrer: checks the motion against the photo, refines it, deblurs, and does no harm.

In this order: a camera that hardly moved leaves the photo alone. Time offset, gyro bias and focal length are refined
from the photo (`gyrosharp.restore.calibration`). The motion that fits best must then explain the photo better than no
motion or any other motion does (`gyrosharp.restore.agreement`), or the photo is left alone; where it does so only
roughly, the result is mixed with the photo. What is undone is that motion, or the recorded one where the photo makes no
case for a correction. Power spectra, which all this rests on, do not tell a trail from its point reflection, so a part
of the photo is deblurred with both, and the reflected one must not fit better. Then Richardson-Lucy solves the photo,
and a small network and the solver take turns from there (`gyrosharp.restore.physics`, docs/default.md). At last the
result, blurred again, must give back the photo better than the photo itself does, and parts of the photo that do not
show the motion stay as they are (`gyrosharp.restore.local_agreement`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.restore import tiling
from gyrosharp.restore.agreement import Agreement, evidence_of, measure_agreement
from gyrosharp.restore.calibration import Calibration, refine_motion, settle_motion
from gyrosharp.restore.classical import Scene, checked_picture, moved, part_of, survey
from gyrosharp.restore.local_agreement import local_strength
from gyrosharp.restore.models import find_model
from gyrosharp.restore.network import NetworkDeblurrer
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.reblur import reblur_residual
from gyrosharp.restore.restoration import BlurExtent, Diagnostics, ReblurResidual, Refinement, Restoration, mixed
from gyrosharp.restore.solvers import Facts, find_method
from gyrosharp.restore.spectrum import Spectra, textured_spectra

Image = NDArray[np.float32]

NAME = "auto"
METHOD = "rl"
"""What trials are solved with, and films, whose frames a network would take many times as long for."""
REFINER, FINISHED_REFINER = "refine-s", "refine-s-finished"
"""The networks that restore photos, after physics: as the sensor saw them, and from files with an encoder's losses,
which a camera has smoothed and sharpened before it stored them."""
# Shorter trails are left alone; up to full length the result fades in, for there is little to win, and what is wrong
# with the gyro is large beside them.
LEAST_TRAIL_PX, FULL_TRAIL_PX = 1.0, 3.0
# Fewer windows with texture do not make a verdict.
LEAST_WINDOWS = 4
# Corrections that a log and a camera are not trusted to need, as the sum of their squares in standard deviations: one
# in a hundred needs more (chi-squared, five degrees of freedom). Nearly any short trail can be bent into another: there
# it is one in thirteen.
MOST_CORRECTED, MOST_CORRECTED_SHORT, SHORT_TRAIL_PX = 15.0, 10.0, 5.0
# Agreement: least evidence over the evidence expected, lead over rivals, significance, and evidence expected.
LEAST_SCORE, LEAST_LEAD, LEAST_SIGNIFICANCE, LEAST_EXPECTED = 0.3, 0.15, 2.5, 0.01
# What score and lead must come to together: true motions reach 1.2 and more, wrong ones that happen to be similar 1.0.
LEAST_SUM = 1.1
# From this score on the result is taken as it is; below, it is mixed with the photo in proportion.
FULL_SCORE = 0.8
UNSURE = "the photo has too little texture, or too much noise or compression, to tell whether image and gyro agree"
TOO_SMALL = "the camera's motion smeared the photo over less than a pixel"
STABILISED = (
    "image and gyro disagree: the blur goes the gyro's way but is much shorter, as an optical stabiliser causes, or a "
    "focal length told too long; switch the stabiliser off, give what it recorded, or check the focal length"
)
# The reflected motion leaves 1 % to 250 % more residual than the true one does, and up to 5 % less than one that only
# looks like it; noise moves the ratio by less than 0.005.
LEAST_MIRROR_RATIO = 0.995
# It is measured on a part of this size, of the photo reduced until its trails are about this long.
MIRROR_SIDE_PX, MIRROR_TRAIL_PX = 768, 10.0
KEPT = "{:.0%} of the photo was left as it is: it does not show the camera's blur, as what is near or moves may not"
# Smaller shares are not worth a note.
LEAST_KEPT = 0.005
# Share of the progress bar that calibration takes.
CALIBRATED = 0.15


@dataclass(frozen=True)
class Verdict:
    """What follows from the comparison of photo and motion.

    Attributes
    ----------
    strength : float
        Share of the result that is taken, 0 to 1; 0 leaves the photo alone.
    reason : str
        Why, in plain words.
    """

    strength: float
    reason: str


class AutoDeblurrer:
    """The default method; see the module.

    Parameters
    ----------
    tile : int or {"auto", "off"}
        Tile size, px.
    poses : int or None
        Poses over the exposure; None takes as many as the longest trail needs.

    Raises
    ------
    UsageError
        If the tile size is no tile size.
    """

    def __init__(self, tile: int | str = "auto", poses: int | None = None) -> None:
        self.name = NAME
        self.remarks: tuple[str, ...] = ()
        self.needs_motion = True
        self._poses = poses
        self._tile = tiling.require_tile(tile)
        self._workers: dict[str, NetworkDeblurrer] = {}

    def deblur(
        self, capture: Capture, picture_linear: Image, progress: Progress | None = None, *, lossy: bool = False
    ) -> Restoration:
        """Deblur a photo, or leave it alone.

        Parameters
        ----------
        capture : Capture
            Camera, exposure and motion.
        picture_linear : (H, W, C) float32 array
            The photo, linear light, C = 1 or 3.
        progress : callable or None
            Told (done, total).
        lossy : bool
            Whether a lossy encoder has left its traces in the photo.

        Raises
        ------
        ImageError
            If the picture's size is not the camera's, it has other channels, or holds NaN or infinity.
        ImuError, CaptureError
            If the motion does not cover the exposure.
        """
        begun = time.perf_counter()
        picture = checked_picture(picture_linear, (capture.camera.height, capture.camera.width))
        scene, extent = survey(capture, picture, self._poses, lossy=lossy)
        restoration = self._restored(scene, extent, lossy, progress)
        elapsed = time.perf_counter() - begun
        return replace(restoration, diagnostics=replace(restoration.diagnostics, seconds=elapsed))

    def _worker(self, refiner: str) -> NetworkDeblurrer:
        """Loaded when a photo is worth it, and kept for others of its kind."""
        if refiner not in self._workers:
            self._workers[refiner] = NetworkDeblurrer(find_model(refiner), self._tile)
        return self._workers[refiner]

    def _restored(self, scene: Scene, extent: BlurExtent, lossy: bool, progress: Progress | None) -> Restoration:
        if extent.median < LEAST_TRAIL_PX:
            return _unchanged(scene, extent, TOO_SMALL)
        spectra = textured_spectra(_grey(scene.picture), extent.median, lossy=lossy)
        if len(spectra) < LEAST_WINDOWS:
            return _unchanged(scene, extent, "the photo has too little texture to check the gyro against")
        calibration = refine_motion(scene.capture, spectra)
        recorded, recorded_px = scene.capture, extent.median
        agreement = measure_agreement(calibration.capture, spectra)
        settled = settle_motion(recorded, calibration, spectra)
        scene, extent = moved(scene, settled.capture, self._poses)
        verdict = judge(calibration, agreement, min(recorded_px, extent.median))
        # Corrections that went to the limit to shorten the trails hide what shortened them.
        if verdict.strength == 0.0 and looks_stabilised(measure_agreement(recorded, spectra)):
            verdict = Verdict(0.0, STABILISED)
        score, refined = float(np.clip(agreement.score, 0.0, 1.0)), _refinement(settled)
        if verdict.strength > 0.0 and _reversed_fits(scene, spectra):
            verdict = Verdict(0.0, "image and gyro disagree: the reversed motion fits the photo better")
        if verdict.strength == 0.0:
            left = _unchanged(scene, extent, verdict.reason)
            return replace(left, diagnostics=replace(left.diagnostics, gyro_agreement=score, refined=refined))
        worker = self._worker(FINISHED_REFINER if lossy else REFINER)
        result = worker.restore(scene, extent, part_of(progress, CALIBRATED, 1.0))
        residual = result.diagnostics.reblur_residual
        diagnostics = replace(result.diagnostics, method=NAME, gyro_agreement=score, refined=refined)
        if residual is None or residual.after >= residual.before:
            reason = "the result would explain the photo no better than the photo itself does"
            return Restoration(scene.picture, replace(diagnostics, decision="left unchanged", reason=reason))
        everywhere = textured_spectra(_grey(scene.picture), extent.median, lossy=lossy, everywhere=True)
        strength = local_strength(scene.capture, everywhere)
        kept = 1.0 - float(strength.mean(dtype=np.float64))
        notes = (*diagnostics.notes, KEPT.format(kept)) if kept >= LEAST_KEPT else diagnostics.notes
        image = mixed(result.image, scene.picture, verdict.strength * strength if kept > 0 else verdict.strength)
        return Restoration(image, replace(diagnostics, reason=verdict.reason, notes=notes), scene.capture)


def looks_stabilised(agreement: Agreement) -> bool:
    """Return whether the photo shows the motion's own trails, only much shorter."""
    return agreement.shorter >= LEAST_SIGNIFICANCE and agreement.lead < -LEAST_LEAD


def judge(calibration: Calibration, agreement: Agreement, trail_px: float) -> Verdict:
    """Decide whether a motion may deblur its photo.

    Parameters
    ----------
    calibration : Calibration
        What was corrected.
    agreement : Agreement
        Of the corrected motion.
    trail_px : float
        Median trail of the recorded or of the corrected motion, whichever is shorter, px.
    """
    if trail_px < LEAST_TRAIL_PX:
        return Verdict(0.0, TOO_SMALL)
    if agreement.expected < LEAST_EXPECTED:
        return Verdict(0.0, "the blur is too faint to check the gyro against")
    if looks_stabilised(agreement):
        return Verdict(0.0, STABILISED)
    if agreement.score >= LEAST_SCORE and agreement.significance < LEAST_SIGNIFICANCE:
        return Verdict(0.0, UNSURE)
    if agreement.score < LEAST_SCORE:
        return Verdict(0.0, "image and gyro disagree: the photo does not show the blur that the gyro recorded")
    if agreement.lead < LEAST_LEAD:
        return Verdict(0.0, "image and gyro disagree: blur of another direction or length fits the photo better")
    if agreement.score + agreement.lead < LEAST_SUM:
        return Verdict(0.0, "image and gyro disagree: other motions fit the photo nearly as well")
    if calibration.distance > (MOST_CORRECTED if trail_px >= SHORT_TRAIL_PX else MOST_CORRECTED_SHORT):
        return Verdict(0.0, "image and gyro disagree: only implausible corrections would make them fit")
    faded = min(1.0, (trail_px - LEAST_TRAIL_PX) / (FULL_TRAIL_PX - LEAST_TRAIL_PX))
    if agreement.score < FULL_SCORE:
        strength = faded * agreement.score / FULL_SCORE
        return Verdict(strength, f"image and gyro agree only roughly, so it was done at {strength:.0%} strength")
    reason = "image and gyro agree"
    return Verdict(
        faded, reason if faded == 1.0 else f"{reason}; the blur is small, so it was done at {faded:.0%} strength"
    )


def mirror_ratio(scene: Scene, centres_px: NDArray[np.float64]) -> float:
    """Return the reblur residual under the point-reflected motion over that under the motion, on a part of the photo.

    1 where the two cannot be told apart, as for constant rates; above 1 for the true motion. Known poses are checked
    like a log: written as world-to-camera they are nearly the point-reflected ones.

    Parameters
    ----------
    scene : Scene
        The photo with its motion.
    centres_px : (W, 2) array
        Where the photo has texture; the part holds as many of these places as it can.
    """
    own, other = trial_residuals(scene, [scene.capture, reflected(scene.capture)], centres_px)
    return 1.0 if own is None or other is None else other / max(own, 1e-9)


def trial_residuals(scene: Scene, captures: Sequence[Capture], centres_px: NDArray[np.float64]) -> list[float | None]:
    """Return the reblur residuals that several motions leave on one part of a photo, in units of its noise.

    None where no pixel can be trusted. Of two motions that the power spectra cannot tell apart the true one leaves
    less; but a trail that is too short also leaves less than the true one.

    Parameters
    ----------
    scene : Scene
        The photo; its own motion decides how far the photo is reduced, and how long the solver works.
    captures : sequence of Capture
        The motions, with the camera of the scene but for the focal length.
    centres_px : (W, 2) array
        Where the photo has texture; the part holds as many of these places as it can.
    """
    full_width = scene.capture.camera.width
    while scene.facts.trail_px > 2 * MIRROR_TRAIL_PX and min(scene.picture.shape[:2]) > MIRROR_SIDE_PX:
        scene = scene.halved()
    camera = scene.capture.camera
    width, height = min(camera.width, MIRROR_SIDE_PX), min(camera.height, MIRROR_SIDE_PX)
    centre = _amid_most(centres_px * (camera.width / full_width), (width, height))
    x0 = int(np.clip(centre[0] - width / 2, 0, camera.width - width))
    y0 = int(np.clip(centre[1] - height / 2, 0, camera.height - height))
    scaled = [capture.scaled(camera.width, camera.height) for capture in captures]
    found = [_residual(replace(scene, capture=small).problem((x0, y0, width, height)), scene.facts) for small in scaled]
    return [None if residual is None else residual.after for residual in found]


def _reversed_fits(scene: Scene, spectra: Spectra) -> bool:
    """Return whether the reversed motion fits better where the photo shows the motion or its reverse at all."""
    gain, _ = evidence_of(scene.capture, spectra)
    shown = spectra.centres_px[gain > 0] if (gain > 0).any() else spectra.centres_px
    return mirror_ratio(scene, shown) < LEAST_MIRROR_RATIO


def _amid_most(centres_px: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Return the middle (2,) of those centres (W, 2) that lie in a box of this size around one of them: the most."""
    apart_px = np.abs(centres_px[:, None] - centres_px)
    near: NDArray[np.bool_] = np.all(apart_px <= 0.5 * np.array(size_px), axis=-1)
    return np.asarray(centres_px[near[near.sum(axis=1).argmax()]].mean(axis=0))


def reflected(capture: Capture) -> Capture:
    """Return a capture whose camera turns and moves the other way: R_ref (R_ref^T R)^T and 2 p_ref - p.

    A stabiliser's shift is reflected too, to 2 s_ref - s.
    """
    shift = capture.lens_shift
    if shift is not None:
        assert capture.reference_ns is not None
        shift_px = 2.0 * shift.at(capture.reference_ns) - shift.shift_px
        capture = replace(capture, lens_shift=replace(shift, shift_px=shift_px))
    if capture.imu is not None:
        bias = capture.gyro_bias_rad_s
        imu = replace(capture.imu, gyro_rad_s=-capture.imu.gyro_rad_s)
        return replace(capture, imu=imu, gyro_bias_rad_s=None if bias is None else -bias)
    poses = capture.poses
    assert poses is not None and capture.reference_ns is not None
    R_ref, p_ref = poses.at(capture.reference_ns)
    rotations = R_ref @ np.swapaxes(poses.rotations, -1, -2) @ R_ref
    positions = None if poses.positions_m is None or p_ref is None else 2.0 * p_ref - poses.positions_m
    return replace(capture, poses=replace(poses, rotations=rotations, positions_m=positions, rates_rad_s=None))


def _residual(problem: Problem, facts: Facts) -> ReblurResidual | None:
    method = find_method(METHOD)
    return reblur_residual(problem, method.solve(problem, None, method.plan(facts, False), None))


def _grey(picture: Image) -> Image:
    channels = picture.shape[2]
    total = reduce(np.add, (picture[..., c] for c in range(channels)))
    return np.asarray(total / np.float32(channels), dtype=np.float32)


def _refinement(calibration: Calibration) -> Refinement | None:
    capture = calibration.capture
    if capture.imu is None:
        return None
    _, x, y, z, log_focal = (float(value) for value in calibration.corrections)
    offset_std, x_std, y_std, z_std, log_focal_std = (float(value) for value in calibration.uncertainties)
    focal_factor = float(np.exp(log_focal))
    return Refinement(
        time_offset_s=capture.time_offset_s,
        gyro_bias_rad_s=(x, y, z),
        focal_factor=focal_factor,
        time_offset_std_s=offset_std,
        gyro_bias_std_rad_s=(x_std, y_std, z_std),
        focal_factor_std=focal_factor * log_focal_std,
    )


def _unchanged(scene: Scene, extent: BlurExtent, reason: str) -> Restoration:
    diagnostics = Diagnostics(
        method=NAME,
        decision="left unchanged",
        reason=reason,
        blur_extent_px=extent,
        noise_std=scene.facts.noise_std,
        poses=scene.poses,
        saturated_share=float((scene.confidence < 0.5).mean()),
    )
    return Restoration(scene.picture, diagnostics)
