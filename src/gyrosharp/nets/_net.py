"""DeblurNet: what all networks have in common: input checks, padding to their size multiple, cropping back."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import pad

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import ImageError


@dataclass(frozen=True)
class Descriptor:
    """What one needs to know to feed a network.

    Attributes
    ----------
    inputs : NetworkInput
        Planes besides the picture.
    size_multiple : int
        Sides that `DeblurNet.restore` takes; a multiple of ``inputs.stride``.
    receptive_field_px : int or None
        How wide a part of the picture one output pixel sees; None: all of it (pooling or attention over the picture).
    tile_margin_px : int
        What a tile needs around it.
    scales : int
        Number of outputs; output k is 2^k times smaller than the picture.
    """

    inputs: NetworkInput
    size_multiple: int
    receptive_field_px: int | None
    tile_margin_px: int
    scales: int = 1


class DeblurNet(nn.Module):
    """A network from a blurred picture, and planes that describe its motion, to the sharp picture.

    Pictures are (B, 3, H, W) in [0, 1], sRGB-encoded as stored, of any size; planes are (B, C, ceil(H / s),
    ceil(W / s)) as `gyrosharp.blur.network_input.input_planes` makes them, s the stride that the descriptor names.

    Subclasses write `restore`, which may rely on sides being multiples of ``size_multiple``; it is what is exported.

    Attributes
    ----------
    descriptor : Descriptor
        Inputs and sizes.
    channels_last : bool
        Whether a CPU trains it faster with a pixel's channels side by side in memory: convolutions say yes, Fourier
        transforms over the picture no.
    """

    descriptor: Descriptor
    channels_last = True

    def forward(self, image: Tensor, planes: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the sharp picture, finest scale first: (B, 3, H, W), (B, 3, ceil(H / 2), ceil(W / 2)), ...

        Picture and planes are padded alike, by repeating their borders. Values are not clipped to [0, 1].

        Raises
        ------
        ImageError
            If picture or planes do not have the shape that the network needs.
        """
        self._check(image, planes)
        height, width = image.shape[2:]
        padded = _padded(image, height, width, self.descriptor.size_multiple)
        if planes is not None:
            stride = self.descriptor.inputs.stride
            rows, columns = padded.shape[2] // stride, padded.shape[3] // stride
            planes = pad(planes, (0, columns - planes.shape[3], 0, rows - planes.shape[2]), mode="replicate")
        outputs = self.restore(padded, planes)
        return tuple(output[..., : -(-height // 2**k), : -(-width // 2**k)] for k, output in enumerate(outputs))

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the outputs for sides that are multiples of ``size_multiple``, finest first."""
        raise NotImplementedError

    def _check(self, image: Tensor, planes: Tensor | None) -> None:
        wanted, name = self.descriptor.inputs, type(self).__module__.rsplit(".", 1)[-1]
        if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
            raise ImageError(f"{name}: expected pictures (B, 3, H, W), got {tuple(image.shape)}")
        grid = (image.shape[0], wanted.channels, *(-(-side // wanted.stride) for side in image.shape[2:]))
        found = None if planes is None else tuple(planes.shape)
        if found != (grid if wanted.channels else None):
            what = f"planes {grid} ({_words(wanted)})" if wanted.channels else "no planes"
            raise ImageError(f"{name}: expected {what}, got {found}; make them with this network's own encoding")


def parameter_count(net: nn.Module) -> int:
    """Return the number of trainable values."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)


def _padded(image: Tensor, height: int, width: int, multiple: int) -> Tensor:
    return pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _words(wanted: NetworkInput) -> str:
    parts = [part for part in (wanted.encoding, "depth" if wanted.depth else None) if part]
    return f"{' and '.join(parts)} at stride {wanted.stride}"
