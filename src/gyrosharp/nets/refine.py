"""Refine: gyrosharp's own default. It goes on from what physics makes of a photo, and never starts from nothing.

    sharp = estimate + trunk(picture, motion, physics)

Physics (`gyrosharp.restore.physics`) gives an estimate with its noise suppressed, one that is pulled back to the photo,
where the motion fails to explain the photo, how noisy and how badly smeared it is, and where light is lacking or came
from outside. The first estimate is the solver's; in further passes it is what the network made before, with the same
weights. The trunk is a U-shaped network of residual blocks of two 3x3 convolutions. It begins at half size: four
neighbours become channels, and nothing is lost. On a CPU such blocks do two to three times the arithmetic of NAFBlocks
in the same time, and nothing in them looks at the picture as a whole, so that tiles equal the whole picture. The last
layer starts at zero: before its first step the network is the solver.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pixel_shuffle

from gyrosharp.blur.network_input import ESTIMATE, PHYSICS, NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._first_weights import carry_variance
from gyrosharp.nets._net import DeblurNet, Descriptor
from gyrosharp.nets._reach import MAX_POOL_2, Hourglass

NAME = "refine"
DESCRIPTION = "refines what Richardson-Lucy made of the picture: gyrosharp's default"
PAPER = "gyrosharp's own; deconvolution before a network as in Dong et al., DWDN, NeurIPS 2020, arXiv 2103.09962"

PICTURE = 3
FINEST = 2
"""Side of the square of pixels that becomes one: the finest level of the trunk is so many times smaller."""
MOTION = NetworkInput("linear_kernel", {"form": "vector"})


@dataclass(frozen=True)
class Config:
    """Sizes and inputs of the network; the defaults have 5,393,292 parameters.

    Attributes
    ----------
    widths : tuple of int
        Channels per level, half size first.
    blocks : tuple of int
        Residual blocks of each level's encoder; those of the last level stand between encoder and decoder, and each
        decoder has as many as its encoder.
    motion : bool
        Whether the network sees where points moved from start to end of the exposure, px.
    physics : tuple of str
        What it sees of physics; begins with "estimate", unless it is empty: then the network starts from the picture.
    passes : int
        How often it is applied, >= 1; see `gyrosharp.blur.network_input.NetworkInput`.
    orientations : int
        In how many orientations a pass shows it the photo, 1 to 8; see there.
    motion_scale : float
        Length of a motion vector that becomes 1, px, > 0.

    Raises
    ------
    UsageError
        If there are not as many widths as blocks, a number is below 1, the scale is not above 0, or physics is not
        known or does not begin with "estimate", or passes or orientations are not what `NetworkInput` allows.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (2, 2, 3)
    motion: bool = True
    physics: tuple[str, ...] = ("estimate", "consistent", "residual", "noise", "extent", "saturation", "outside")
    passes: int = 1
    orientations: int = 4
    motion_scale: float = 32.0

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks) or min((*self.widths, *self.blocks), default=0) < 1:
            raise UsageError(
                f"{NAME}: expected as many widths as blocks, all >= 1, got widths {self.widths}, blocks {self.blocks}"
            )
        if not self.motion_scale > 0:
            raise UsageError(f"{NAME}: expected motion_scale above 0, got {self.motion_scale}")
        if self.physics and self.physics[0] != ESTIMATE:
            raise UsageError(f"{NAME}: expected physics to begin with {ESTIMATE}, got {', '.join(self.physics)}")

    @property
    def inputs(self) -> NetworkInput:
        """The planes that this network takes."""
        encoding, options = (MOTION.encoding, MOTION.options) if self.motion else (None, {})
        wanted = NetworkInput(encoding, options, 1, physics=self.physics)
        return replace(wanted, passes=self.passes, orientations=self.orientations)


SIZES = {
    "full": Config(),
    "small": Config(widths=(32, 64, 128), blocks=(2, 2, 1)),
    "tiny": Config(widths=(16, 32, 48), blocks=(1, 1, 1)),
}
PARAMETERS: dict[str, int] = {}


class Net(DeblurNet):
    """Refine."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        inputs, widths = config.inputs, config.widths
        self.descriptor = Descriptor(inputs, *_reach(config.blocks))
        self._vectors = MOTION.channels if config.motion else 0
        self._base = PHYSICS[ESTIMATE] if config.physics else 0
        self.register_buffer("_motion_scale", torch.tensor(config.motion_scale), persistent=False)
        self.first = nn.Conv2d(FINEST**2 * (PICTURE + inputs.channels), widths[0], 3, padding=1)
        self.encoders = nn.ModuleList(_blocks(n, c) for n, c in zip(config.blocks[:-1], widths[:-1], strict=True))
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.bottom = _blocks(config.blocks[-1], widths[-1])
        self.ups = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths))
        self.decoders = nn.ModuleList(_blocks(n, c) for n, c in zip(config.blocks[:-1], widths[:-1], strict=True))
        self.last = nn.Conv2d(widths[0], FINEST**2 * PICTURE, 3, padding=1)
        carry_variance(self)
        for layer in (self.last, *(block.second for block in self.modules() if isinstance(block, ResidualBlock))):
            nn.init.zeros_(layer.weight)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture (B, 3, H, W)."""
        base = image
        if planes is not None and self._base:
            base = planes[:, self._vectors : self._vectors + PICTURE]
        x = self._halved(image, planes).contiguous(memory_format=torch.channels_last)
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            skips.append(encoder(x))
            x = down(skips[-1])
        x = self.bottom(x)
        for skip, up, decoder in reversed(list(zip(skips, self.ups, self.decoders, strict=True))):
            x = decoder(up(x) + skip)
        return (base + pixel_shuffle(self.last(x), FINEST),)

    def _halved(self, image: Tensor, planes: Tensor | None) -> Tensor:
        """Return first(pixel_unshuffle([image, vectors / scale, physics])), the features of half size.

        That is a convolution of stride 2 whose kernel is twice as large: without copies of all inputs, which would take
        a seventh of the time and three quarters of the memory.
        """
        rows, columns = self.first.kernel_size
        weight = self.first.weight.unflatten(1, (-1, FINEST, FINEST)).permute(0, 1, 4, 2, 5, 3)
        weight = weight.reshape(len(weight), -1, rows * FINEST, columns * FINEST)
        x = conv2d(image, weight[:, :PICTURE], self.first.bias, stride=FINEST, padding=FINEST)
        if planes is None:
            return x
        moved, rest = PICTURE + self._vectors, weight[:, PICTURE + self._vectors :]
        kernels = torch.cat([weight[:, PICTURE:moved] / self._motion_scale, rest], dim=1)
        return x + conv2d(planes, kernels, stride=FINEST, padding=FINEST)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), 3x3, without normalisation; starts as the identity.

    Lim et al., Enhanced Deep Residual Networks, CVPR Workshops 2017, fig. 2c.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) features of (B, C, H, W) features."""
        return x + self.second(torch.relu(self.first_conv(x)))


def _blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


def _reach(blocks: tuple[int, ...]) -> tuple[int, int, int]:
    """Size multiple, receptive field and tile margin, px, of so many blocks per level."""
    # A block reaches 2 px, the first and the last convolution 1 px each, all in px of their level.
    reaches = [2 * count for count in blocks]
    encoder = (reaches[0] + 1, *reaches[1:]) if len(blocks) > 1 else (reaches[0] + 2,)
    decoder = (reaches[0] + 1, *reaches[1:-1]) if len(blocks) > 1 else ()
    # A 2 x 2 convolution of stride 2 sees what a 2 x 2 pooling does.
    path = Hourglass(encoder, decoder, MAX_POOL_2, up_kernel=2)
    margin = path.tile_margin_px * FINEST + FINEST - 1
    return path.size_multiple * FINEST, path.receptive_field_px * FINEST, margin
