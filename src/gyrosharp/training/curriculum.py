"""Curriculum: the share of gyro errors in the motion, as a pure function of the config and the progress of the run."""

from gyrosharp.training.config import CurriculumPart


def alpha_at(curriculum: CurriculumPart, progress: float) -> float:
    """Return alpha of V = (1 - alpha) V_exact + alpha V_erroneous.

    Stairs hold each point's alpha until the next point; linear joins the points. Before the first point and after the
    last one their values hold. The default is GyroDeblurNet's (CVPR 2025): alpha = 0.1 floor(epoch / 10) of 300 epochs,
    and 1 from epoch 100 on.

    Parameters
    ----------
    curriculum : CurriculumPart
        Points [share of the run, alpha].
    progress : float
        Steps done over steps in all, in [0, 1].
    """
    points = curriculum.points
    passed = [point for point in points if point[0] <= progress]
    if not passed:
        return points[0][1]
    start, low = passed[-1]
    if curriculum.kind == "stairs" or len(passed) == len(points):
        return low
    end, high = points[len(passed)]
    return low + (high - low) * (progress - start) / (end - start)
