"""Least squares with many small groups of unknowns: what a lens, a pair of cameras and the poses of a board share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Residuals = Callable[[Array, Array], Array]
"""Residuals (M,) for shared unknowns (S,) and own unknowns (V, P); not finite where they make no sense."""

STEP = 1e-6
"""Relative step of numeric derivatives: a little over the square root of a double's precision."""
MOST_STEPS = 80
ENOUGH = 1e-9
"""Relative decrease of the sum of squares at which the search ends."""
WEAKEST = 1e-14
"""Eigenvalues of the scaled normal matrix below this belong to what the data does not determine."""


@dataclass(frozen=True, eq=False)
class BundleFit:
    """The least-squares solution.

    Attributes
    ----------
    shared : (S,) array
        What all views share.
    own : (V, P) array
        What belongs to one view each.
    residuals : (M,) array
        At the solution.
    covariance : (S, S) array
        Of `shared`, all own unknowns free: s^2 (J^T J)^-1 with s^2 = sum of squares / (M - S - V P). Huge where the
        data determines nothing.
    """

    shared: Array
    own: Array
    residuals: Array
    covariance: Array

    @property
    def std(self) -> Array:
        """One standard deviation of each shared unknown."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


def fit_bundle(
    residuals: Residuals, owner: NDArray[np.int64], shared: Array, own: Array, most_steps: int = MOST_STEPS
) -> BundleFit:
    """Minimise the sum of squared residuals over shared and own unknowns.

    Levenberg-Marquardt steps on the normal equations

        [A   B_1 ... B_V] [ds  ]     [a  ]
        [B_v^T  C_v     ] [do_v] = - [c_v]

    with the own unknowns eliminated (Schur complement A - sum_v B_v C_v^-1 B_v^T), as in Triggs et al., "Bundle
    Adjustment - A Modern Synthesis" (2000), section 6.

    Parameters
    ----------
    residuals : callable
        See `Residuals`. Residual m may depend on all shared unknowns and on the own unknowns of view ``owner[m]`` only.
    owner : (M,) int64 array
        View of each residual, 0 to V - 1.
    shared : (S,) array
        Start; S may be 0.
    own : (V, P) array
        Start. Where its residuals are not finite it comes back as it is, with infinite covariance.
    most_steps : int
        Steps tried at most.
    """
    now = residuals(shared, own)
    cost, damping = _cost(now), 1e-3
    if cost == np.inf:
        return BundleFit(shared, own, now, np.full((shared.size, shared.size), np.inf))
    rows = [np.flatnonzero(owner == view) for view in range(len(own))]
    system = _System(residuals, rows, shared, own, now)
    for _ in range(most_steps):
        try:
            ds, do = system.step(damping)
        except np.linalg.LinAlgError:
            damping *= 10.0
            continue
        trial = residuals(shared + ds, own + do)
        lower = _cost(trial)
        if not lower < cost:
            if damping > 1e12:
                break
            damping *= 10.0
            continue
        done = cost - lower <= ENOUGH * cost
        shared, own, now, cost, damping = shared + ds, own + do, trial, lower, max(damping / 10.0, 1e-12)
        system = _System(residuals, rows, shared, own, now)
        if done:
            break
    return BundleFit(shared, own, now, system.covariance(cost))


def _cost(values: Array) -> float:
    return float(values @ values) if np.isfinite(values).all() else np.inf


class _System:
    """Jacobian and normal equations at one point."""

    def __init__(
        self, residuals: Residuals, rows: list[NDArray[np.int64]], shared: Array, own: Array, now: Array
    ) -> None:
        S, P = shared.size, own.shape[1]
        self.count, self.unknowns = now.size, int(S + own.size)
        by_shared = _columns(lambda p: residuals(p, own), shared, now)
        # A step in the same unknown of all views at once: residuals only feel their own view's.
        by_own = _columns(lambda p: residuals(shared, own + p), np.zeros(P), now, np.abs(own).max(axis=0))
        together = np.column_stack([by_shared, by_own, now])
        products = np.stack([together[of].T @ together[of] for of in rows])
        self.A, self.a = products[:, :S, :S].sum(axis=0), products[:, :S, -1].sum(axis=0)
        self.B = products[:, :S, S : S + P]
        self.C, self.c = products[:, S : S + P, S : S + P], products[:, S : S + P, -1]

    def step(self, damping: float) -> tuple[Array, Array]:
        """Return the Levenberg-Marquardt step; the diagonal is raised in proportion, so units do not matter."""
        P, S = self.C.shape[1], self.A.shape[0]
        C = self.C + damping * self.C * np.eye(P) + 1e-300 * np.eye(P)
        A = self.A + damping * self.A * np.eye(S)
        BC = self.B @ np.linalg.inv(C)
        left = A - (BC @ self.B.transpose(0, 2, 1)).sum(axis=0)
        right = -self.a + (BC @ self.c[:, :, None]).sum(axis=0)[:, 0]
        ds = np.linalg.solve(left, right) if S else np.zeros(0)
        do = -np.linalg.solve(C, (self.c + np.einsum("vsp,s->vp", self.B, ds))[:, :, None])[:, :, 0]
        return ds, do

    def covariance(self, cost: float) -> Array:
        S = self.A.shape[0]
        if not S:
            return np.zeros((0, 0))
        inverse = np.linalg.pinv(self.C, hermitian=True)
        left = self.A - (self.B @ inverse @ self.B.transpose(0, 2, 1)).sum(axis=0)
        # Scaled to a unit diagonal of A: how much of what the residuals say is left once the own unknowns are free.
        scale = np.sqrt(np.maximum(np.diag(self.A), 1e-300))
        values, vectors = np.linalg.eigh(left / np.outer(scale, scale))
        weights = 1.0 / np.maximum(values, WEAKEST)
        unscaled = (vectors * weights) @ vectors.T / np.outer(scale, scale)
        return np.asarray(unscaled * cost / max(self.count - self.unknowns, 1), dtype=np.float64)


def _columns(values: Callable[[Array], Array], at: Array, now: Array, size: Array | None = None) -> Array:
    """Return the derivatives (M, K) of residuals by K unknowns, by forward differences."""
    columns = np.empty((now.size, at.size))
    for k in range(at.size):
        step = STEP * (1.0 + (abs(at[k]) if size is None else size[k]))
        moved = at.copy()
        moved[k] += step
        columns[:, k] = (values(moved) - now) / step
    return columns
