"""Capture: everything that one shot needs, its JSON file, and ways to build it from what devices record."""
