"""Make the demo's sample photo from an image that scikit-image carries.

Run as ``python tools/make_sample.py`` in the development environment. The photo is NASA's portrait of Eileen Collins
(public domain), `skimage.data.astronaut`, stored as JPEG.
"""

from pathlib import Path

from PIL import Image
from skimage import data

TARGET = Path(__file__).resolve().parent.parent / "src" / "gyrosharp" / "cli" / "assets" / "sample.jpg"

if __name__ == "__main__":
    Image.fromarray(data.astronaut()).save(TARGET, quality=95, subsampling=0, optimize=True)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1024:.0f} KiB")
