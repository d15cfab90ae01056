"""KeptPhotos: a library that keeps decoded photos in memory, as 8-bit codes."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np

from gyrosharp.datasets.synthesis.pictures import CodedPicture, Photo, PhotoLibrary
from gyrosharp.media.transfer import SRGB, encode_codes


@dataclass(eq=False)
class KeptPhotos(PhotoLibrary):
    """Photos as 8-bit sRGB codes, kept as long as they fit; of the others the last few are, as in any library.

    Parameters
    ----------
    items : sequence of DatasetItem
        Where the photos are.
    most_bytes : float
        Memory for codes.
    """

    most_bytes: float = 0.0
    _coded: OrderedDict[int, Photo] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def photo(self, index: int) -> Photo:
        """Return a photo; see `PhotoLibrary.photo` for the errors."""
        if index in self._coded:
            return self._coded[index]
        photo = super().photo(index)
        codes = encode_codes(np.asarray(photo.sharp_linear[:]), SRGB, np.uint8)
        if self._bytes + codes.nbytes > self.most_bytes:
            return photo
        self._coded[index] = replace(photo, sharp_linear=CodedPicture(codes))
        self._bytes += codes.nbytes
        return self._coded[index]
