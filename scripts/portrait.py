"""Write the portrait of the demonstration: Eileen Collins, NASA, public domain; it comes with scikit-image.

python scripts/portrait.py out/portrait.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image
from skimage.data import astronaut


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path)
    Image.fromarray(astronaut()).save(parser.parse_args().output)


if __name__ == "__main__":
    main()
