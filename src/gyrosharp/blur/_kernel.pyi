"""The native blur kernel: exposure blur on a node grid, its exact transpose, and Richardson-Lucy steps.

The blur of an image I under N poses with displacement d_j and weight w_j is the gather

    B(x) = sum_j w_j I(x + d_j(x)),

with bilinear sampling and source coordinates clamped to the image (borders replicated). d_j is given on a node grid
`nodes` (N, NY, NX, 2), (dx, dy) in px: node (iy, ix) belongs to the pixel

    (x, y) = ((ix - 1) STEP_X, (iy - 1) step_y),

and in between, d_j is the separable cubic Lagrange interpolant through the 4 x 4 surrounding nodes, exact for
cubics. Every pixel has its surrounding nodes when NX >= (W - 1) // STEP_X + 4 and NY >= (H - 1) // step_y + 4; more
are allowed. Global shutter, rolling shutter and lens distortion differ only in the nodes.

All arrays are float32, C-contiguous and in CPU memory; nothing is converted. `threads` is the number of worker
threads; results do not depend on it, bit for bit. The GIL is released while the work is done. Any displacement up
to 1e6 px is safe. Results may differ in the last bits between variants (AVX-512, AVX2, baseline), which contract
and vectorise differently.

Every function raises ValueError, with one line that names the argument, for a wrong type, dtype, shape or memory
layout, for NaN or infinite nodes, weights or parameters, for more than 4 channels and for threads < 1. Images may
hold any value; NaN in an image spreads to what it touches.
"""

import numpy as np
from numpy.typing import NDArray

STEP_X: int

def forward(
    image: NDArray[np.float32],
    nodes: NDArray[np.float32],
    step_y: int,
    weights: NDArray[np.float32],
    threads: int,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Blur an image: out(x) = sum_j w_j I(clamp(x + d_j(x))).

    Parameters
    ----------
    image : (H, W, C) float32 array
        C from 1 to 4; any size from 1 x 1.
    nodes : (N, NY, NX, 2) float32 array
        Displacements (dx, dy) from a blurred pixel to its source, px.
    step_y : int
        Rows between nodes, >= 1.
    weights : (N,) float32 array
        Pose weights; used as they are.
    threads : int
        Worker threads, >= 1.
    out : (H, W, C) float32 array, optional
        Where to write; must not share memory with `image`. Saves the page faults of a fresh array.

    Returns
    -------
    (H, W, C) float32 array
        The blurred image (`out` if given).

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

def adjoint(
    image: NDArray[np.float32],
    nodes: NDArray[np.float32],
    step_y: int,
    weights: NDArray[np.float32],
    threads: int,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Apply the transpose of `forward`: <forward(I), G> = <I, adjoint(G)> for all I and G, up to rounding.

    What `forward` samples outside the image it takes from the border; so here those contributions are added to the
    border pixels. Parameters and errors as in `forward`.

    Returns
    -------
    (H, W, C) float32 array
        out(p) = sum_j sum_x w_j b(p, clamp(x + d_j(x))) G(x) with b the bilinear weight (`out` if given).
    """

def coverage(
    nodes: NDArray[np.float32],
    step_y: int,
    weights: NDArray[np.float32],
    height: int,
    width: int,
    threads: int,
) -> NDArray[np.float32]:
    """Share of each blurred pixel that was seen inside the image.

    Returns
    -------
    (H, W) float32 array
        c(x) = sum of w_j over the poses with x + d_j(x) in [0, W - 1] x [0, H - 1].

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

def rl_ratio(
    observed: NDArray[np.float32],
    predicted: NDArray[np.float32],
    confidence: NDArray[np.float32],
    floor: float,
    threads: int,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the Richardson-Lucy ratio, damped where a pixel is not to be trusted.

    out = 1 + confidence (observed / max(predicted, floor) - 1), per pixel and channel.

    Parameters
    ----------
    observed, predicted : (H, W, C) float32 arrays
        The blurred photo and the blur of the present estimate.
    confidence : (H, W) float32 array
        1 trusts a pixel, 0 ignores it (saturated, outside).
    floor : float
        Least denominator, > 0.
    threads : int
        Worker threads, >= 1.
    out : (H, W, C) float32 array, optional
        Where to write; may be `observed` or `predicted` itself.

    Returns
    -------
    (H, W, C) float32 array
        The ratio (`out` if given).

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

def tv_divergence(
    u: NDArray[np.float32],
    epsilon: float,
    threads: int,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute the divergence of the normalised gradient, the negative gradient of smoothed total variation.

    out = div(grad u / sqrt(|grad u|^2 + epsilon^2)), where |grad u|^2 sums over both directions and ALL channels of
    a pixel. grad: forward differences, 0 across the last row and column. div: its negative transpose, backward
    differences.

    Parameters
    ----------
    u : (H, W, C) float32 array
        Image.
    epsilon : float
        Gradient magnitude below which the term turns quadratic, > 0.
    threads : int
        Worker threads, >= 1.
    out : (H, W, C) float32 array, optional
        Where to write; must not share memory with `u`.

    Returns
    -------
    (H, W, C) float32 array
        The divergence (`out` if given).

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

def rl_update(
    estimate: NDArray[np.float32],
    correction: NDArray[np.float32],
    normaliser: NDArray[np.float32],
    tv: NDArray[np.float32] | None,
    tv_weight: NDArray[np.float32] | None,
    previous: NDArray[np.float32],
    momentum: float,
    threads: int,
    out_new: NDArray[np.float32] | None = None,
    out_extrapolated: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Take one Richardson-Lucy step with total variation, and extrapolate it.

    new = max(estimate correction / (max(normaliser, 1e-3) max(1 - tv_weight tv, 0.25)), 0)
    extrapolated = max(new + momentum (new - previous), 0)

    Parameters
    ----------
    estimate : (H, W, C) float32 array
        The point the step starts from (the last extrapolated image).
    correction : (H, W, C) float32 array
        `adjoint` of the ratio.
    normaliser : (H, W) float32 array
        `adjoint` of what the ratio is for a perfect estimate (ones, or the confidence).
    tv : (H, W, C) float32 array or None
        `tv_divergence` of the estimate; None leaves the term out.
    tv_weight : (H, W) float32 array or None
        Strength of the total variation at every pixel; not looked at without `tv`.
    previous : (H, W, C) float32 array
        `new` of the last step.
    momentum : float
        0 turns extrapolation off.
    threads : int
        Worker threads, >= 1.
    out_new, out_extrapolated : (H, W, C) float32 arrays, optional
        Where to write: two different arrays; each may be one of the (H, W, C) inputs itself, as every element is
        read before it is written.

    Returns
    -------
    new, extrapolated : (H, W, C) float32 arrays
        `out_new` and `out_extrapolated` if given.

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

class DepthScene:
    """A camera's motion through a scene of known depth, checked and prepared for the depth functions below.

    Pose j, at the line of the target, sends the reference pixel with ideal centred coordinates (u, v) and inverse
    depth q to (X, Y, Z) = A_j (u, v, 1) + q b_j and from there to the pixel (X / Z, Y / Z) + lens + middle, with the
    inverse depth q / Z. "Ideal" is without lens distortion, "centred" relative to ((W - 1) / 2, (H - 1) / 2).

    Parameters
    ----------
    rays : (3 or 5, H + 2 pad, W + 2 pad) float32 array
        u, v in px; q >= 0 in 1/m, 0 for infinitely far. With a lens also the x and y that its grid leaves at rest.
    pad : int
        Pixels by which the reference continues beyond each border of the image.
    poses : (N, 1 or H, 12) float32 array
        A row by row, then b; one line for a global shutter.
    weights : (N,) float32 array
        Pose weights; used as they are.
    halo : (N,) float32 array
        How far from a hole its background is looked for, px; at most 64.
    same : (2,) float32 array
        Inverse depths closer than same[0], or than same[1] times the larger one, are one surface.
    lens : (GH, GW, 2) float32 array or None
        What the lens adds to an ideal pixel, on a grid, bilinear in between.
    lens_frame : (3,) float32 array or None
        Ideal centred x, y of the first node, and the step, px.
    fill : bool
        Whether holes take the light of the background next to them, or stay dark.
    threads : int
        Worker threads, >= 1.

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

    def __init__(
        self,
        rays: NDArray[np.float32],
        pad: int,
        poses: NDArray[np.float32],
        weights: NDArray[np.float32],
        halo: NDArray[np.float32],
        same: NDArray[np.float32],
        lens: NDArray[np.float32] | None,
        lens_frame: NDArray[np.float32] | None,
        fill: bool,
        threads: int,
    ) -> None: ...

def depth_forward(
    image: NDArray[np.float32],
    scene: DepthScene,
    threads: int,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Blur an image: out(x) = sum_j w_j I(s_j(x)), s_j the place that x sees at pose j by the z-buffer.

    Parameters
    ----------
    image : (H, W, C) float32 array
        C from 1 to 4.
    scene : DepthScene
        Motion and depth.
    threads : int
        Worker threads, >= 1.
    out : (H, W, C) float32 array, optional
        Where to write; may be `image` itself.

    Returns
    -------
    (H, W, C) float32 array
        The blurred image (`out` if given).

    Raises
    ------
    ValueError
        If an argument is unfit; the message names it.
    """

def depth_adjoint(
    image: NDArray[np.float32],
    scene: DepthScene,
    threads: int,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Apply the transpose of `depth_forward`; parameters and errors as there."""

def depth_coverage(scene: DepthScene, threads: int) -> NDArray[np.float32]:
    """Share (H, W) of each blurred pixel that it saw inside the image; holes do not count.

    Raises
    ------
    ValueError
        If threads < 1.
    """

def cpu_features() -> str:
    """Name the variant in use: "avx512", "avx2" or "baseline".

    The best one this processor supports, unless the environment variable GYROSHARP_KERNEL names another one at
    import or `set_variant` was called.
    """

def supported_variants() -> list[str]:
    """List the variants this build and this processor support, best first."""

def set_variant(name: str) -> None:
    """Use another variant from now on, in the whole process.

    Raises
    ------
    ValueError
        If the variant is not supported here.
    """
