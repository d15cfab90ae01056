"""Calibrating cameras from pictures of a board, and gyros from a still log."""
