"""The blur model in plain NumPy: oracle for the native kernel, and its stand-in where no compiler was present."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion

Array = NDArray[np.float64]


class ReferenceOperator:
    """B(x) = sum_j w_j I(x_j(x)), bilinear, borders replicated, in float64; the adjoint scatters.

    Source positions are evaluated per pixel, without the kernel's node grid.

    Parameters
    ----------
    motion : CameraMotion
        The shot.
    poses : int
        Number of poses N, weight 1 / N each.
    """

    def __init__(self, motion: CameraMotion, poses: int) -> None:
        self.shape = (motion.camera.height, motion.camera.width)
        self._motion = motion
        self._phases = (np.arange(poses) + 0.5) / poses

    def forward(self, image: NDArray[np.floating]) -> Array:
        """Blur an image (H, W, C)."""
        flat = np.asarray(image, dtype=np.float64).reshape(self.shape[0] * self.shape[1], -1)
        total = np.zeros_like(flat)
        for phase in self._phases:
            for index, weight in self._taps(phase):
                total += weight[:, None] * flat[index]
        return (total / self._phases.size).reshape(image.shape)

    def adjoint(self, image: NDArray[np.floating]) -> Array:
        """Apply the transpose of `forward` to an image (H, W, C)."""
        flat = np.asarray(image, dtype=np.float64).reshape(self.shape[0] * self.shape[1], -1)
        total = np.zeros_like(flat)
        for phase in self._phases:
            for index, weight in self._taps(phase):
                for channel in range(flat.shape[1]):
                    total[:, channel] += np.bincount(index, weight * flat[:, channel], minlength=len(flat))
        return (total / self._phases.size).reshape(image.shape)

    def coverage(self) -> NDArray[np.float32]:
        """Return the share (H, W) of each pixel's exposure that it saw points inside the reference image."""
        total = np.zeros(self.shape)
        for phase in self._phases:
            position = self._positions(phase)
            inside = (position >= 0).all(axis=-1) & (position <= (self.shape[1] - 1, self.shape[0] - 1)).all(axis=-1)
            total += inside
        return (total / self._phases.size).astype(np.float32)

    @property
    def reach_px(self) -> float:
        """How far the light of a pixel may come from, px."""
        pixels = _pixel_grid(self.shape)
        return max(float(np.linalg.norm(self._positions(phase) - pixels, axis=-1).max()) for phase in self._phases)

    def _positions(self, phase: float) -> Array:
        pixels = _pixel_grid(self.shape)
        if self._motion.lines_run_down:
            times = self._motion.line_times_ns(pixels[:1], [phase])
        else:
            times = self._motion.line_times_ns(pixels[:, :1], [phase])
        return self._motion.sources(pixels, times)[..., 0, :]

    def _taps(self, phase: float) -> list[tuple[NDArray[np.intp], Array]]:
        """The four bilinear taps of every pixel: flat source index and weight."""
        height, width = self.shape
        position = self._positions(phase).reshape(-1, 2)
        x = np.clip(position[:, 0], 0.0, width - 1.0)
        y = np.clip(position[:, 1], 0.0, height - 1.0)
        x0, y0 = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
        x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
        fx, fy = x - x0, y - y0
        return [
            (y0 * width + x0, (1 - fy) * (1 - fx)),
            (y0 * width + x1, (1 - fy) * fx),
            (y1 * width + x0, fy * (1 - fx)),
            (y1 * width + x1, fy * fx),
        ]


def _pixel_grid(shape: tuple[int, int]) -> Array:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    return np.stack([columns, rows], axis=-1)
