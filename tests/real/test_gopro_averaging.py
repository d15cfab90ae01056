"""What GoPro's published blurred pictures are the mean of: found on the one whose frames are at hand."""

import cv2
import numpy as np
import pytest

from gyrosharp.datasets.synthesis.frame_averaging import AVERAGING_DOMAINS, average_frames

pytestmark = pytest.mark.shared_data

# The name says it: the mean of 8 frames from 171 on, counted from 0, of the frames numbered from 1.
PUBLISHED = "GOPR0477_11_00_st_frame-171_n_avg-8.png"
NUMBERS = range(172, 180)


def psnr_of_codes(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(np.float64) - other) ** 2))


@pytest.fixture(scope="module")
def burst(shared_data):
    folder = shared_data / "realblur" / "gopro_240fps"
    return [cv2.imread(str(folder / f"{number:06d}.png")) for number in NUMBERS]


@pytest.fixture(scope="module")
def published(shared_data):
    folder = shared_data / "realblur" / "gopro_pairs"
    return tuple(cv2.imread(str(folder / kind / PUBLISHED)) for kind in ("blur", "sharp"))


def test_codes_were_averaged_and_cut_off(burst, published):
    """Byte for byte: the published picture is the mean of the codes, not of light, rounded down."""
    np.testing.assert_array_equal(average_frames(burst, "encoded", "down"), published[0])


def test_no_other_domain_comes_near(burst, published, record_property):
    for domain in AVERAGING_DOMAINS:
        found = psnr_of_codes(average_frames(burst, domain), published[0])
        record_property(f"{domain}_db", found)
        # Measured: 51.7 dB (rounding alone), 42.6 and 42.3 dB.
        assert found > 51 if domain == "encoded" else found < 43


def test_the_truth_is_the_middle_frame(burst, published):
    np.testing.assert_array_equal(burst[len(burst) // 2], published[1])


def test_seven_of_the_eight_frames_are_not_enough(burst, published):
    for part in (burst[1:], burst[:-1]):
        assert psnr_of_codes(average_frames(part, "encoded", "down"), published[0]) < 43
