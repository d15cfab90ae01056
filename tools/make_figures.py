"""Make the README's picture from the demo's output: blurred, trajectories, deblurred.

Run as ``python tools/make_figures.py`` in the development environment.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from gyrosharp.cli.demo import run

TARGET = Path(__file__).resolve().parent.parent / "docs" / "figures" / "demo.jpg"
GAP_PX = 8

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), seed=1, trail_px=20.0, overwrite=True, as_json=False)
        panels = [np.asarray(Image.open(Path(folder) / f"{name}.png")) for name in ("blurred", "trails", "deblurred")]
    gap = np.full((panels[0].shape[0], GAP_PX, 3), 255, np.uint8)
    picture = np.hstack([panels[0], gap, panels[1], gap, panels[2]])
    TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(TARGET, quality=88)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1024:.0f} KiB")
