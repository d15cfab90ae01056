"""Detail correlation: how much of a sharp view's fine detail a restored view of the same scene shows."""

import cv2
import numpy as np

from gyrosharp.media.transfer import SRGB

BLOCK_PX, STEP_PX, SEARCH_PX, BORDER_PX = 128, 96, 10, 40
FINE_PX, COARSE_PX = 1.0, 8.0
LEAST_DETAIL = 0.006


def grey(image_linear):
    return SRGB.encode(np.clip(image_linear, 0, 1)).mean(axis=-1).astype(np.float32)


def aligned_to(image_linear, sharp_linear):
    """Homography from the sharp view's pixels to the blurred one's, by what both show at low frequencies."""
    H = np.eye(3, dtype=np.float32)
    for scale in (8, 4, 2):
        S = np.diag([1 / scale, 1 / scale, 1]).astype(np.float32)
        small = [
            cv2.resize(cv2.GaussianBlur(grey(view), (0, 0), max(scale, 6)), None, fx=1 / scale, fy=1 / scale)
            for view in (sharp_linear, image_linear)
        ]
        start = (S @ H @ np.linalg.inv(S)).astype(np.float32)
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-6)
        _, found = cv2.findTransformECC(*small, start, cv2.MOTION_HOMOGRAPHY, stop, None, 5)
        H = (np.linalg.inv(S) @ found @ S).astype(np.float32)
    return H


def detail_correlation(image_linear, sharp_linear, homography, sharp_operator):
    """Mean correlation of band-passed blocks of both views, each at its best shift of up to 10 px.

    The sharp view is not quite sharp: its own recorded motion, `sharp_operator`, blurs the other view as well.
    """
    height, width = sharp_linear.shape[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = np.clip(image_linear, 0, 1)
    seen = cv2.warpPerspective(seen, homography, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    seen = sharp_operator.forward(np.maximum(seen, 0).astype(np.float32))
    bands = [
        cv2.GaussianBlur(g, (0, 0), FINE_PX) - cv2.GaussianBlur(g, (0, 0), COARSE_PX)
        for g in map(grey, (seen, sharp_linear))
    ]
    margin = SEARCH_PX + BORDER_PX
    peaks = []
    for y in range(margin, height - BLOCK_PX - margin, STEP_PX):
        for x in range(margin, width - BLOCK_PX - margin, STEP_PX):
            block = bands[1][y : y + BLOCK_PX, x : x + BLOCK_PX]
            if block.std() < LEAST_DETAIL:
                continue
            around = bands[0][y - SEARCH_PX : y + BLOCK_PX + SEARCH_PX, x - SEARCH_PX : x + BLOCK_PX + SEARCH_PX]
            peaks.append(cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED).max())
    assert len(peaks) > 50
    return float(np.mean(peaks))
