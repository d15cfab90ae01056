"""MUSIQ, the multi-scale image quality transformer, by pyiqa: about 0 to 100."""

from gyrosharp.evaluation.metrics._plugins import pyiqa_score

NAME = "musiq"
DESCRIPTION = "multi-scale transformer trained on opinion scores (KonIQ-10k)"
PAPER = "Ke et al., ICCV 2021"
UNIT = ""
BETTER = "higher"
REFERENCE = False
MASKED = False
NEEDS = "pyiqa"

score = pyiqa_score(NAME, "musiq")
