"""SystemSpec: a published system as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gyrosharp.errors import UsageError


@dataclass(frozen=True)
class Published:
    """A figure that a paper states.

    Attributes
    ----------
    data : str
        Test set.
    psnr_db : float
        PSNR.
    ssim : float or None
        SSIM.
    source : str
        Where it is stated.
    """

    data: str
    psnr_db: float
    ssim: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Ablation:
    """A variant of a system that its paper compares.

    Attributes
    ----------
    about : str
        What differs.
    changes : tuple of str
        Values of the training config that differ, "part.key=value".
    published_db : float or None
        The paper's PSNR.
    """

    about: str
    changes: tuple[str, ...]
    published_db: float | None = None


@dataclass(frozen=True)
class SystemSpec:
    """A published system.

    Attributes
    ----------
    name : str
        What a user calls it.
    title, paper : str
        One line, and where it comes from.
    net : str
        Network (`gyrosharp.nets`).
    sees : str
        What the network sees besides the picture, in plain words.
    data : str
        Config of `gyrosharp synth` that makes data as the paper's; for networks that see the picture alone, as those
        that they were compared on.
    training : mapping
        Raw `gyrosharp.training.config.TrainConfig` of the paper's recipe, but for the net's name.
    tiny : mapping
        What differs for the ``tiny`` size: short and small enough for a CPU.
    parameters : int or None
        Published parameter count; None where the paper states none.
    published : tuple of Published
        Published figures.
    ablations : mapping
        The paper's variants by name.
    notes : tuple of str
        Where this differs from the paper or its code.
    """

    name: str
    title: str
    paper: str
    net: str
    sees: str
    data: str
    training: Mapping[str, Any]
    tiny: Mapping[str, Any]
    parameters: int | None = None
    published: tuple[Published, ...] = ()
    ablations: Mapping[str, Ablation] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def find_ablation(self, name: str) -> Ablation:
        """Return a variant.

        Raises
        ------
        UsageError
            If there is none of that name.
        """
        if name not in self.ablations:
            known = ", ".join(self.ablations) or "none: this system has no variants"
            raise UsageError(f"{self.name}: expected a variant out of {known}, got {name!r}")
        return self.ablations[name]
