"""How far an hourglass network looks: encoder, bottom and decoder, with skips between levels of one size."""

from dataclasses import dataclass

MAX_POOL_2 = (0, 1)
CONV_3_STRIDE_2 = (-1, 1)


@dataclass(frozen=True)
class Hourglass:
    """The longest path through an hourglass network, as far as sizes go.

    Attributes
    ----------
    encoder : tuple of int
        Per level, finest first and the bottom last: how far all convolutions of that level reach to a side, in its own
        px. The bottom's counts what its encoder and decoder do.
    decoder : tuple of int
        The same for the decoder, finest first; one level fewer.
    down : (int, int)
        First and last pixel, from 2 i, that pixel i of the next level sees.
    up_kernel : 2 or 4
        Side of the transposed convolution of stride 2 that goes up. It is padded by side / 2 - 1.
    """

    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    down: tuple[int, int]
    up_kernel: int

    def seen(self, x: int) -> tuple[int, int]:
        """Return the first and the last input px, along one axis, that output pixel x depends on."""
        first, last = x, x
        border = self.up_kernel // 2 - 1
        for radius in self.decoder:
            # Input i of the transposed convolution reaches outputs 2 i - border ... 2 i - border + kernel - 1.
            first = -((self.up_kernel - 1 - border - (first - radius)) // 2)
            last = (last + radius + border) // 2
        first, last = first - self.encoder[-1], last + self.encoder[-1]
        for radius in reversed(self.encoder[:-1]):
            first, last = 2 * first + self.down[0] - radius, 2 * last + self.down[1] + radius
        return first, last

    @property
    def receptive_field_px(self) -> int:
        """How wide a part of the picture an output pixel sees at most."""
        return max(last - first + 1 for first, last in map(self.seen, range(self.size_multiple)))

    @property
    def tile_margin_px(self) -> int:
        """How far an output pixel looks to a side at most: with this much around it, a tile equals the whole."""
        return max(max(x - self.seen(x)[0], self.seen(x)[1] - x) for x in range(self.size_multiple))

    @property
    def size_multiple(self) -> int:
        """What sides must be a multiple of for all levels to have whole sizes."""
        return int(2 ** len(self.decoder))
