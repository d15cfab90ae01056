"""Tracking points from frame to frame (Lucas-Kanade), and matching them between frames far apart (SIFT)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.sync.grey_frames import Grey

Array = NDArray[np.float64]

MOST_POINTS = 240
# A quarter of the picture's side in each direction, then finer: four levels follow 60 px at a width of 800.
WINDOW_PX, LEVELS = 21, 4
# Following a point there and back must return to it this closely, px of the reduced frames.
RETURN_PX = 0.35
# What moves with the scene obeys one homography, but for parallax and the rolling shutter.
AGREE_PX = 3.0
FEWEST = 12
# Lowe's ratio.
RATIO = 0.8
MOST_FEATURES = 5000
# Frames far apart: parallax spreads matches; those of distant things agree to about this share of the width.
AGREE_SHARE = 0.006
# RANSAC's confidence and most turns.
CONFIDENCE, TURNS = 0.999, 2000


@dataclass(frozen=True, eq=False)
class Matches:
    """Points (N, 2) in two frames, px of the reduced frames."""

    a_px: Array
    b_px: Array

    def __len__(self) -> int:
        return len(self.a_px)

    def where(self, good: NDArray[np.bool_]) -> "Matches":
        """Return some of them."""
        return Matches(self.a_px[good], self.b_px[good])

    def scaled(self, from_size: tuple[int, int], to_size: tuple[int, int]) -> "Matches":
        """Return the points in frames of another size (width, height): u -> (u + 0.5) s - 0.5."""
        scale = np.array(to_size, dtype=np.float64) / np.array(from_size)
        return Matches((self.a_px + 0.5) * scale - 0.5, (self.b_px + 0.5) * scale - 0.5)


NONE = Matches(np.empty((0, 2)), np.empty((0, 2)))


def tracked(first: Grey, second: Grey) -> Matches:
    """Follow corners from one frame to the next; those that do not find back, or move by themselves, are left out.

    Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", 2001; the check there and back is Kalal et
    al., "Forward-backward error", ICPR 2010.
    """
    import cv2

    corners = _corners(first)
    if len(corners) < FEWEST:
        return NONE
    window = (WINDOW_PX, WINDOW_PX)
    found, there, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, None, winSize=window, maxLevel=LEVELS)
    back, again, _ = cv2.calcOpticalFlowPyrLK(second, first, found, None, winSize=window, maxLevel=LEVELS)
    height, width = second.shape
    points, ends, returned = (np.asarray(a, dtype=np.float64).reshape(-1, 2) for a in (corners, found, back))
    good = (there.ravel() == 1) & (again.ravel() == 1) & (np.linalg.norm(returned - points, axis=1) < RETURN_PX)
    good &= (ends >= 0).all(axis=1) & (ends <= (width - 1, height - 1)).all(axis=1)
    return _agreeing(Matches(points, ends).where(good), AGREE_PX)


@dataclass(frozen=True, eq=False)
class Features:
    """Places (F, 2) and SIFT descriptors (F, 128) of one frame; width of the frame, px."""

    px: Array
    words: NDArray[np.float32]
    width: int


def features(picture: Grey) -> Features:
    """Return the features of a frame.

    Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
    """
    import cv2

    keys, words = cv2.SIFT.create(MOST_FEATURES).detectAndCompute(picture, None)
    places = np.array([key.pt for key in keys], dtype=np.float64).reshape(-1, 2)
    found = np.empty((0, 128), np.float32) if words is None else np.asarray(words, dtype=np.float32)
    return Features(places, found, picture.shape[1])


def matched(first: Features, second: Features) -> Matches:
    """Match features of two frames that may lie seconds apart, and keep what agrees with one distant plane."""
    import cv2

    if min(len(first.px), len(second.px)) < FEWEST:
        return NONE
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    back = {match.queryIdx: match.trainIdx for (match,) in matcher.knnMatch(second.words, first.words, k=1)}
    good = [
        best
        for best, second_best in matcher.knnMatch(first.words, second.words, k=2)
        if best.distance < RATIO * second_best.distance and back.get(best.trainIdx) == best.queryIdx
    ]
    if not good:
        return NONE
    a_px = first.px[[match.queryIdx for match in good]]
    b_px = second.px[[match.trainIdx for match in good]]
    return _agreeing(_distinct(Matches(a_px, b_px)), AGREE_SHARE * first.width)


def _corners(picture: Grey) -> NDArray[np.float32]:
    import cv2

    apart = max(picture.shape) / 40.0
    found = cv2.goodFeaturesToTrack(picture, MOST_POINTS, 0.005, apart, blockSize=5)
    if found is None or len(found) < FEWEST:
        return np.empty((0, 1, 2), dtype=np.float32)
    return np.asarray(found, dtype=np.float32)


def _distinct(matches: Matches) -> Matches:
    """Leave out what is matched twice: SIFT gives a point once per orientation."""
    _, first = np.unique(np.rint(matches.a_px), axis=0, return_index=True)
    return Matches(matches.a_px[np.sort(first)], matches.b_px[np.sort(first)])


def _agreeing(matches: Matches, tolerance_px: float) -> Matches:
    import cv2

    if len(matches) < FEWEST:
        return NONE
    cv2.setRNGSeed(0)
    _, inliers = cv2.findHomography(
        matches.a_px, matches.b_px, cv2.RANSAC, tolerance_px, maxIters=TURNS, confidence=CONFIDENCE
    )
    good = np.zeros(len(matches), dtype=np.bool_) if inliers is None else inliers.ravel() > 0
    # Chance finds a dozen matches that agree among hundreds of wrong ones.
    return matches.where(good) if good.sum() >= max(FEWEST, 0.25 * len(matches)) else NONE
