"""Richardson-Lucy on the training device: `gyrosharp.restore.solvers.richardson_lucy` for batches of shots.

The same equations, constants and numbers of steps, on `gyrosharp.blur.torch_operator.TorchBlur` instead of the native
kernel. Shots of a batch may take different numbers of steps and strengths; those that are done wait for the others.
"""

import math
from collections.abc import Sequence

import cv2
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from gyrosharp.blur.nodes import NodeGrid
from gyrosharp.blur.torch_operator import TorchBlur
from gyrosharp.restore.solvers._elementwise import LEAST_NORMALISER, LEAST_TV_FACTOR
from gyrosharp.restore.solvers.richardson_lucy import (
    BRIGHTNESS_SIDE_PX,
    BRIGHTNESS_SIGMA_PX,
    COVERAGE_POWER,
    LEAST_MISSED,
    LEAST_SEEN,
    PREDICTION_FLOOR,
    TV_BRIGHTNESS,
    TV_EPSILON,
    TV_LEAST_BRIGHTNESS,
    Settings,
    momenta,
    step_length,
)


class BatchProblem:
    """Find the sharp pictures u with A u + noise = observed, for a batch of shots.

    Parameters
    ----------
    observed : (B, C, H, W) float32 tensor
        Blurred pictures, linear light.
    grids : sequence of NodeGrid
        Displacements of each shot, with the same number of poses.
    confidence : (B, 1, H, W) float32 tensor
        1 where a pixel can be trusted.
    """

    def __init__(self, observed: Tensor, grids: Sequence[NodeGrid], confidence: Tensor) -> None:
        height, width = observed.shape[2:]
        self._observed = observed
        self._blur = TorchBlur(grids, (height, width), observed.device)
        self._trusted = self._blur.coverage() ** COVERAGE_POWER * confidence
        seen = self._blur.adjoint(torch.ones_like(confidence))
        # Points that no pixel saw keep what they were given.
        self._lacking = (LEAST_SEEN - seen).clamp_min(0)
        self._normaliser = (seen + self._lacking).clamp_min(LEAST_NORMALISER)
        self._tv_weight = _tv_weight(observed)

    def solve(self, settings: Sequence[Settings], start: Tensor | None = None) -> Tensor:
        """Return the solutions (B, C, H, W), linear light, >= 0.

        Parameters
        ----------
        settings : sequence of Settings
            Of each shot; all accelerated, or none.
        start : (B, C, H, W) tensor or None
            First estimates; None takes the observed pictures.
        """
        longest = max(settings, key=lambda one: one.iterations)
        step = step_length(longest)
        counts, strengths, most = (
            torch.tensor(values, device=self._observed.device).view(-1, 1, 1, 1)
            for values in (
                [one.iterations for one in settings],
                [step * one.tv_strength for one in settings],
                [one.trusted_residual for one in settings],
            )
        )
        believing = all(math.isinf(one.trusted_residual) for one in settings)
        previous = estimate = self._observed if start is None else start
        trusted = self._trusted
        for done, momentum in enumerate(momenta(longest)):
            predicted = self._blur.forward(estimate)
            if done == 0 and not believing:
                trusted = self._trusted * self._believed(predicted, most)
            ratio = 1 + step * trusted * (self._observed / predicted.clamp_min(PREDICTION_FLOOR) - 1)
            correction = self._blur.adjoint(ratio) + self._lacking
            smoothed = 1 - strengths * self._tv_weight * tv_divergence(estimate)
            new = estimate * correction / self._normaliser / smoothed.clamp_min(LEAST_TV_FACTOR)
            new.clamp_min_(0)
            under_way = done < counts
            estimate = torch.where(under_way, (new + momentum * (new - previous)).clamp_min_(0), estimate)
            previous = torch.where(under_way, new, previous)
        return previous

    def _believed(self, predicted: Tensor, most: Tensor) -> Tensor:
        missed = (self._observed.sqrt() - predicted.clamp_min(0).sqrt()).abs().amax(dim=1, keepdim=True)
        return (most / missed.clamp_min(LEAST_MISSED)).clamp_max(1)


def tv_divergence(image: Tensor) -> Tensor:
    """Return div(grad u / sqrt(|grad u|^2 + epsilon^2)) of pictures (B, C, H, W); |grad u| couples the channels."""
    along_x, along_y = pad(image.diff(dim=3), (0, 1)), pad(image.diff(dim=2), (0, 0, 0, 1))
    slope = (along_x.square() + along_y.square()).sum(dim=1, keepdim=True)
    inverse = torch.rsqrt(slope + TV_EPSILON**2)
    along_x, along_y = along_x * inverse, along_y * inverse
    return along_x + along_y - pad(along_x[..., :-1], (1, 0)) - pad(along_y[..., :-1, :], (0, 0, 1, 0))


def _tv_weight(observed: Tensor) -> Tensor:
    line = torch.as_tensor(cv2.getGaussianKernel(BRIGHTNESS_SIDE_PX, BRIGHTNESS_SIGMA_PX)).to(observed)
    half = BRIGHTNESS_SIDE_PX // 2
    bright = pad(observed.mean(dim=1, keepdim=True), (half,) * 4, mode="replicate")
    smooth = conv2d(conv2d(bright, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))
    return torch.sqrt(TV_BRIGHTNESS / smooth.clamp_min(TV_LEAST_BRIGHTNESS))
