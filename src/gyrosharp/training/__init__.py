"""Training networks. Needs torch (the extra `train`), but for `gyrosharp.training.config`."""
