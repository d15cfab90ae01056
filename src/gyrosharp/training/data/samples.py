"""From a record of a shard to what a network is trained on: codes, fields, and at last a batch of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gyrosharp.blur.encodings import moments_needed
from gyrosharp.blur.field import BlurField
from gyrosharp.blur.network_input import NetworkInput, blended, input_field, input_planes
from gyrosharp.datasets.sample import BlurSample, Codes
from gyrosharp.datasets.sample_files import PHYSICS_SUFFIX, sample_from
from gyrosharp.errors import ImageError, InputError
from gyrosharp.training.data.augment import Augmentation
from gyrosharp.training.data.batch import Batch
from gyrosharp.training.data.shards import MAKE_AGAIN, ShardRecord

# Saturation, and planes of encodings, are left in the shard: planes follow from the fields.
NEEDED = (
    "meta.json",
    "sharp.png",
    "blurred.png",
    "mask.png",
    "field.npy",
    "noisy_field.npy",
    "motion.npy",
    "noisy_motion.npy",
    "depth.npy",
)
# Trails longer than this many picture diagonals are no trails: a damaged number is rarely a small one.
MOST_DIAGONALS = 10.0


@dataclass(frozen=True, eq=False)
class TrainingSample:
    """What training keeps of a sample.

    Attributes
    ----------
    name : str
        Name in its shard.
    sharp, blurred : (H, W, 3) uint8 or uint16 arrays
        Truth and observation, sRGB-encoded codes.
    fields : (BlurField, BlurField) or None
        Exact and erroneous trajectories; None where the network sees the picture alone.
    depth_m : (H, W) float32 array or None
        Depth, m, where the network sees it.
    physics : (H, W, P) uint8 array or None
        What physics makes of it, where the network sees that; 255 is 1.
    level : float
        Of its gyro errors: 0 none, 1 realistic, 2 twice that.
    """

    name: str
    sharp: Codes
    blurred: Codes
    fields: tuple[BlurField, BlurField] | None
    depth_m: NDArray[np.float32] | None
    physics: NDArray[np.uint8] | None = None
    level: float = 0.0

    @property
    def stride(self) -> int:
        """Crops must lie on this grid, px."""
        return self.fields[0].stride if self.fields else 1

    @property
    def bytes(self) -> int:
        """Memory that the arrays take."""
        arrays: list[NDArray[Any] | None] = [self.sharp, self.blurred, self.depth_m, self.physics]
        arrays += [field.displacement_px for field in self.fields or ()]
        return sum(array.nbytes for array in arrays if array is not None)


def load_sample(record: ShardRecord, inputs: NetworkInput) -> TrainingSample:
    """Decode what a network with these inputs needs of a record.

    Raises
    ------
    ImageError
        If the record is damaged, naming shard and sample.
    """
    try:
        sample = sample_from(record.read((*NEEDED, *(f"{name}{PHYSICS_SUFFIX}" for name in inputs.physics))))
        _require_sound(sample)
        fields = _fields(sample, inputs) if inputs.encoding else None
        physics = _physics(sample, inputs) if inputs.physics else None
    except (InputError, ValueError, TypeError, KeyError, AttributeError) as error:
        found = str(error).replace("\n", " ")
        if found.startswith(str(record)):
            raise
        raise ImageError(f"{record}: expected a sample that can be decoded, got: {found}; {MAKE_AGAIN}") from None
    depth_m, level = sample.depth_m if inputs.depth else None, float(sample.meta["errors"].get("level", 0.0))
    return TrainingSample(sample.name, sample.sharp, sample.blurred, fields, depth_m, physics, level)


def batch_of(
    samples: Sequence[TrainingSample], changes: Sequence[Augmentation], inputs: NetworkInput, alpha: float
) -> Batch:
    """Return a batch of samples, each cropped and turned, under motion with a share alpha of the gyro's errors."""
    pairs = list(zip(samples, changes, strict=True))
    planes = [sample_planes(sample, change, inputs, alpha) for sample, change in pairs]
    return Batch(
        pictures([change.picture(sample.blurred) for sample, change in pairs]),
        pictures([change.picture(sample.sharp) for sample, change in pairs]),
        torch.from_numpy(np.stack(planes)) if len(planes[0]) else None,
        tuple(sample.name for sample in samples),
    )


def sample_planes(
    sample: TrainingSample, change: Augmentation, inputs: NetworkInput, alpha: float
) -> NDArray[np.float32]:
    """Return a sample's planes (C, h, w): fields are cropped, blended and turned before they are encoded."""
    field = None
    if sample.fields:
        exact, erroneous = (Augmentation(change.x0, change.y0, change.side).field(part) for part in sample.fields)
        turn = Augmentation(0, 0, change.side, change.mirrored, change.turns)
        field = turn.field(blended(exact, erroneous, alpha))
    depth_m = None if sample.depth_m is None else change.picture(sample.depth_m)
    physics = None
    if sample.physics is not None:
        physics = change.picture(sample.physics).transpose(2, 0, 1) * np.float32(1 / 255)
    return input_planes(inputs, field, (change.side, change.side), depth_m, physics)


def pictures(codes: Sequence[Codes]) -> "torch.Tensor":
    """Return pictures (H, W, 3) of 8- or 16-bit codes as a tensor (B, 3, H, W) float32, [0, 1]."""
    stacked = np.empty((len(codes), 3, *codes[0].shape[:2]), np.float32)
    for place, picture in zip(stacked, codes, strict=True):
        white = np.float32(np.iinfo(picture.dtype).max)
        np.divide(picture.transpose(2, 0, 1), white, out=place, casting="unsafe")
    return torch.from_numpy(stacked)


def _fields(sample: BlurSample, inputs: NetworkInput) -> tuple[BlurField, BlurField]:
    motion = sample.motion
    if motion.moves_with_depth:
        # The stored grid is too coarse at the edges of near things.
        return input_field(motion, inputs), input_field(sample.noisy_motion, inputs)
    return _needed(sample.field, inputs), _needed(sample.noisy_field, inputs)


def _physics(sample: BlurSample, inputs: NetworkInput) -> NDArray[np.uint8]:
    missing = [name for name in inputs.physics if name not in sample.physics]
    if missing:
        raise ImageError(f"no physics {missing[0]} (gyrosharp synth --set physics=[{', '.join(inputs.physics)}])")
    return np.concatenate([sample.physics[name] for name in inputs.physics], axis=2)


def _needed(field: BlurField, inputs: NetworkInput) -> BlurField:
    """The field with those of its moments that the encoding looks at."""
    assert inputs.encoding is not None
    times = field.phases.size
    moments = max(moments_needed(inputs.encoding, times), 2)
    step, rest = divmod(times - 1, moments - 1)
    if rest or step == 1:
        return field
    weights = np.full(moments, 1.0 / (moments - 1))
    weights[[0, -1]] *= 0.5
    # A copy: a view would keep all moments in memory.
    return replace(
        field, displacement_px=field.displacement_px[::step].copy(), weights=weights, phases=field.phases[::step]
    )


def _require_sound(sample: BlurSample) -> None:
    for codes in (sample.sharp, sample.blurred):
        if codes.ndim != 3 or codes.shape != sample.sharp.shape or codes.dtype not in (np.uint8, np.uint16):
            raise ImageError(f"pictures of {sample.sharp.shape} and {sample.blurred.shape}, {codes.dtype}")
    longest_px = MOST_DIAGONALS * float(np.hypot(*sample.sharp.shape[:2]))
    for field in (sample.field, sample.noisy_field):
        # Not the other way round: NaN compares false.
        if not np.abs(field.displacement_px).max() <= longest_px:
            raise ImageError(f"a blur field beyond {longest_px:.0f} px")
