"""Synchronising gyro and camera: time offset, axes, focal length, readout and bias from what the camera saw."""
