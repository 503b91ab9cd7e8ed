"""Make the index that the blended detector is trained and judged on.

    python scripts/make_blended_index.py DATA OUT --synthetic CORPUS/index.jsonl
    facewright train blended --data OUT --out RUN

DATA is a folder with a MANIFEST.csv. Genuine are its videos of class A and B, and the consented portraits in
portraits/train; the synthetic clips of another index, made of such portraits, serve for judging alone. People are
parted by the hash of their names: 60 % to learn from, 40 % held out, with a salt that was chosen, before any training,
for leaving people with videos on both sides.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from facewright.datasets.index import Entry, read_index, split, write_index
from facewright.datasets.manifest import read_videos

SHARES, SALT = {"train": 0.6, "val": 0.4}, "a"
LICENCE = "A: CC BY 4.0, consented"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--synthetic", type=Path)
    options = parser.parse_args()
    entries = [one_studio(entry) for entry in read_videos(options.data)]
    entries += [portrait(path) for path in sorted((options.data / "portraits" / "train").resolve().glob("*.jpg"))]
    if options.synthetic:
        entries += [placed(entry, options.synthetic) for entry in read_index(options.synthetic)]
    write_index(options.out, split([replace(entry, split="") for entry in entries], SHARES, salt=SALT))


def one_studio(entry: Entry) -> Entry:
    """Five people of GRID were filmed in one studio, and never part."""
    return replace(entry, source="GRID studio") if entry.identity.startswith("grid_") else entry


def portrait(path: Path) -> Entry:
    person = path.stem.rsplit("_", 1)[0] if path.stem.startswith("london_") else path.stem  # london_PERSON_EXPRESSION
    return Entry(str(path), "genuine", person, path.stem, LICENCE)


def placed(entry: Entry, index: Path) -> Entry:
    return replace(entry, video=str((index.parent / entry.video).resolve()))


if __name__ == "__main__":
    main()
