"""The version: apart from the package's root, which lower layers do not import."""

__version__ = "0.1.0"
