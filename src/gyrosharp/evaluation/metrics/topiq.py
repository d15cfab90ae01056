"""TOPIQ, no-reference variant, by pyiqa: about 0 to 1."""

from gyrosharp.evaluation.metrics._plugins import pyiqa_score

NAME = "topiq"
DESCRIPTION = "semantic features that attend to distortions; no-reference variant"
PAPER = "Chen et al., TIP 2024"
UNIT = ""
BETTER = "higher"
REFERENCE = False
MASKED = False
NEEDS = "pyiqa"

score = pyiqa_score(NAME, "topiq_nr")
