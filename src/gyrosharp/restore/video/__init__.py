"""Video: planning, calibrating and deblurring a sequence of frames without flicker."""
