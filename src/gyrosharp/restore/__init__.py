"""Deblurring: classical solvers, self-calibration, the guard, tiling."""
