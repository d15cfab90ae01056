import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from gyrosharp.restore.restoration import BlurExtent, Diagnostics, ReblurResidual, Refinement, Restoration

FULL = Diagnostics(
    method="rl",
    decision="deblurred",
    reason="as asked",
    blur_extent_px=BlurExtent(17.25, 23.5),
    noise_std=0.004,
    poses=19,
    saturated_share=0.0312,
    reblur_residual=ReblurResidual(6.28, 1.07),
    iterations=18,
    tv_strength=0.007,
    gyro_agreement=0.93,
    refined=Refinement(-0.0042, (0.001, 0.0, -0.002), 1.012, 0.0011, (0.003, 0.004, 0.005), 0.013),
    tiles=4,
    seconds=3.2,
    notes=("readout assumed",),
)
SHORT = Diagnostics("wiener", "left unchanged", "the blur is under a pixel", BlurExtent(0.3, 0.4), 0.001, 8)


def test_json_holds_every_field_and_survives_a_round_trip():
    document = FULL.as_json()
    assert list(document) == [field.name for field in fields(Diagnostics)]
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again == document
    rebuilt = Diagnostics(
        **{
            **again,
            "blur_extent_px": BlurExtent(**again["blur_extent_px"]),
            "reblur_residual": ReblurResidual(**again["reblur_residual"]),
            "refined": Refinement(
                **{name: tuple(value) if isinstance(value, list) else value for name, value in again["refined"].items()}
            ),
            "notes": tuple(again["notes"]),
        }
    )
    assert rebuilt == FULL


def test_json_of_what_was_not_asked_is_none():
    document = SHORT.as_json()
    assert [name for name, value in document.items() if value is None] == [
        "reblur_residual",
        "iterations",
        "tv_strength",
        "gyro_agreement",
        "refined",
    ]
    assert document["notes"] == []


def test_json_holds_plain_numbers_only():
    odd = replace(
        FULL,
        noise_std=np.float32(0.25),
        poses=np.int64(7),
        saturated_share=float("nan"),
        gyro_agreement=float("inf"),
        blur_extent_px=BlurExtent(np.float64(1.5), float("-inf")),
    )
    document = odd.as_json()
    assert type(document["noise_std"]) is float and document["noise_std"] == 0.25
    assert type(document["poses"]) is int and document["poses"] == 7
    assert document["saturated_share"] is None
    assert document["gyro_agreement"] is None
    assert document["blur_extent_px"] == {"median": 1.5, "max": None}
    json.dumps(document, allow_nan=False)


def test_the_summary_says_it_in_plain_words():
    assert FULL.summary() == (
        "Deblurred (rl): as asked. "
        "Points are smeared over 17.2 px (up to 23.5 px). "
        "Blurred again like that, the result differs from the photo by 1.1 times the noise "
        "(the untouched photo: 6.3). "
        "Gyro and camera were aligned: offset -4.2 ms (give or take 1.1), focal length x 1.012 (0.013). "
        "3.1% of the picture is too bright to be restored."
    )


def test_the_summary_is_silent_on_what_there_is_not():
    assert SHORT.summary() == (
        "Left unchanged (wiener): the blur is under a pixel. Points are smeared over 0.3 px (up to 0.4 px)."
    )
    assert "too bright" not in replace(FULL, saturated_share=9e-4).summary()


def test_a_restoration_cannot_be_painted_over():
    image = np.zeros((2, 3, 3), np.float32)
    restoration = Restoration(image, SHORT)
    with pytest.raises(ValueError, match="read-only"):
        restoration.image[0, 0, 0] = 1.0
    # The array that was handed in stays its owner's.
    image[0, 0, 0] = 1.0
    assert asdict(restoration.diagnostics) == asdict(SHORT)
