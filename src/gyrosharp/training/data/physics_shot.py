"""PhysicsShot: how a drawn shot is to be solved on the training device, planned by the loader."""

from dataclasses import dataclass

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.nodes import NodeGrid
from gyrosharp.blur.torch_operator import shot_grid
from gyrosharp.restore.classical import Scene, pyramid
from gyrosharp.restore.physics import PULL, SOLVER
from gyrosharp.restore.solvers import find_method
from gyrosharp.restore.solvers.richardson_lucy import Settings
from gyrosharp.training.data.fitted_grids import pose_steps

# Frames are made wider, to a multiple of this: shots of one size are solved together.
FRAME_STEP_PX = 16


@dataclass(frozen=True, eq=False)
class SolverSize:
    """One size that a shot is solved at.

    Attributes
    ----------
    shape : (int, int)
        Height and width, px, frame included.
    grid : NodeGrid
        Displacements.
    settings : Settings
        Of the solver.
    """

    shape: tuple[int, int]
    grid: NodeGrid
    settings: Settings


@dataclass(frozen=True, eq=False)
class PhysicsShot:
    """How a shot is solved.

    Attributes
    ----------
    sizes : tuple of SolverSize
        The whole size, then each half the one before.
    pull : Settings
        Of the few steps that pull an estimate back to the photo.
    grid : NodeGrid
        Displacements without a frame.
    """

    sizes: tuple[SolverSize, ...]
    pull: Settings
    grid: NodeGrid

    @property
    def form(self) -> tuple[object, ...]:
        """What shots have in common that are solved together."""
        return tuple(size.shape for size in self.sizes), pose_steps(self.grid)


def physics_shot(scene: Scene) -> PhysicsShot:
    """Plan how a surveyed photo is solved, as `gyrosharp.restore.classical.solve_scene` does it.

    Raises
    ------
    CaptureError
        If near points move more than far ones, or the lens distortion cannot be inverted.
    """
    method = find_method(SOLVER)
    scenes = tuple(pyramid(scene.framed(FRAME_STEP_PX), method))
    sizes = (
        SolverSize(each.picture.shape[:2], _grid(each), method.plan(each.facts, each is not scenes[-1]))
        for each in scenes
    )
    return PhysicsShot(tuple(sizes), PULL.plan(scene.facts, True), _grid(scene))


def _grid(scene: Scene) -> NodeGrid:
    return shot_grid(CameraMotion.from_capture(scene.capture), scene.poses)
