"""VideoSettings: what a user asks of a video."""

from dataclasses import dataclass

from gyrosharp.errors import UsageError
from gyrosharp.restore.deblur import AUTO, deblurrer
from gyrosharp.restore.video.plan import DEFAULT_MIN_BLUR_PX

LARGEST_MIN_BLUR_PX = 1000.0


@dataclass(frozen=True)
class VideoSettings:
    """What a user asks of a video.

    Attributes
    ----------
    method : str
        ``"auto"`` aligns gyro and camera from the clip, checks that they belong together, and leaves alone what does
        not gain; solvers and networks (see `gyrosharp.restore.deblur.deblur`) do as they are told.
    strength : float
        0 keeps the frames, 1 gives the full result.
    min_blur_px : float
        Frames with less predicted blur (median over the picture) are passed through.
    tile : int or {"auto", "off"}
        Tile size, px; see `gyrosharp.restore.tiling.tile_size`.
    workers : int or None
        Frames worked on at a time; None takes 2, or 1 where frames are too large for that. The result does not depend
        on it.

    Raises
    ------
    UsageError
        If one of them is not as described.
    MissingComponentError, InputError
        If a network's files are not there, or cannot be used.
    """

    method: str = AUTO
    strength: float = 1.0
    min_blur_px: float = DEFAULT_MIN_BLUR_PX
    tile: int | str = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        deblurrer(self.method, self.tile)  # raises if there is no such method or tile size
        if not 0.0 <= self.strength <= 1.0:
            raise UsageError(f"strength: expected 0 to 1, got {self.strength:g}")
        if not 0.0 <= self.min_blur_px <= LARGEST_MIN_BLUR_PX:
            raise UsageError(f"min blur: expected 0 to {LARGEST_MIN_BLUR_PX:.0f} px, got {self.min_blur_px:g}")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"workers: expected at least 1, got {self.workers}")
