"""DatasetItem: one entry of a data set, as paths and small facts; pictures and planes are decoded on demand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._planes import PlaneSource, codes_of, share_of
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.media.header import read_header
from gyrosharp.media.movie import movie_size
from gyrosharp.media.transfer import TransferCurve, decode_codes

Image = NDArray[np.float32]
Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class DatasetItem:
    """One entry of a data set.

    Attributes
    ----------
    name : str
        Unique within its subset; may hold ``/``.
    split : str or None
        Name of its subset, where the data set has subsets.
    sharp, blurred : ImageSource or None
        Truth and observation; None where the set has none.
    pictures : mapping of str to ImageSource
        Further pictures by name, e.g. GoPro's ``blur_gamma``.
    mask, saturation : Path or None
        Validity mask, and share of the exposure that was clipped.
    camera : CameraModel or None
        Intrinsics of the pictures, where the set names them.
    depth : DepthSource or None
        Depth map of the sharp picture.
    fields : mapping of str to PlaneSource
        Motion planes by name: encodings, kernels, disparities.
    curve : TransferCurve or None
        How codes become linear light; None: as the file itself says.
    capture_of : callable or None
        Builds the capture; None where camera or motion is unknown.
    notes : tuple of str
        What a user must know about this set, in plain words.
    """

    name: str
    split: str | None = None
    sharp: ImageSource | None = None
    blurred: ImageSource | None = None
    pictures: Mapping[str, ImageSource] = field(default_factory=dict)
    mask: Path | None = None
    saturation: Path | None = None
    camera: CameraModel | None = None
    depth: DepthSource | None = None
    fields: Mapping[str, PlaneSource] = field(default_factory=dict)
    curve: TransferCurve | None = None
    capture_of: Callable[[], Capture] | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sharp picture, else of the blurred one, px; read from the file's header.

        Raises
        ------
        ImageError
            If there is neither, or the file cannot be read.
        """
        source = self.sharp or self.blurred
        if source is None:
            raise ImageError(f"{self.name}: expected a picture, got an entry without one")
        if source.frame is not None:
            return movie_size(source.path)
        header = read_header(source.path)
        return header.width, header.height

    def sharp_image(self) -> Image:
        """Return the truth (H, W, C), linear light.

        Raises
        ------
        ImageError
            If there is none, or it cannot be read.
        """
        return self._decoded(self.sharp, "sharp picture")

    def blurred_image(self) -> Image:
        """Return the observation (H, W, C), linear light.

        Raises
        ------
        ImageError
            If there is none, or it cannot be read.
        """
        return self._decoded(self.blurred, "blurred picture")

    def image(self, name: str) -> Image:
        """Return one of the further `pictures` (H, W, C), linear light.

        Raises
        ------
        UsageError
            If there is none of that name.
        ImageError
            If it cannot be read.
        """
        return self._decoded(_named(self.pictures, name, f"{self.name}: pictures"), name)

    def depth_m(self) -> Image | None:
        """Return the depth (H, W) along the camera's z axis in metres, NaN unknown; None without a depth map.

        Raises
        ------
        CaptureError
            If it cannot be read or has another size than the picture.
        """
        return None if self.depth is None else self.depth.read(*self.size)

    def planes(self, name: str) -> Image:
        """Return one of the `fields` as (C, h, w) float32.

        Raises
        ------
        UsageError
            If there is none of that name.
        ImageError
            If it cannot be read.
        """
        return _named(self.fields, name, f"{self.name}: fields").read()

    def mask_image(self) -> Image | None:
        """Return the validity mask (H, W, C), 0 to 1; None without one."""
        return None if self.mask is None else share_of(self.mask)

    def saturation_image(self) -> Image | None:
        """Return the share of the exposure that was clipped (H, W, C), 0 to 1; None without one."""
        return None if self.saturation is None else share_of(self.saturation)

    def capture(self) -> Capture | None:
        """Return camera, exposure and motion of the shot; None where the set does not give them.

        Raises
        ------
        CaptureError, ImuError
            If the files that say so are missing or broken.
        """
        return None if self.capture_of is None else self.capture_of()

    def _decoded(self, source: ImageSource | None, what: str) -> Image:
        if source is None:
            raise ImageError(f"{self.name}: expected a {what}, got an entry without one")
        if self.curve is None or source.frame is not None:
            return source.read().pixels_linear
        return decode_codes(codes_of(source.path), self.curve)


def _named(entries: Mapping[str, Value], name: str, where: str) -> Value:
    if name not in entries:
        raise UsageError(f"{where}: expected one of {', '.join(entries) or 'none'}, got {name!r}")
    return entries[name]
