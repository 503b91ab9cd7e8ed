"""Map the rooms at the top of the tree into the one package `facewright`; everything else stands in pyproject.toml."""

from setuptools import find_packages, setup

ROOMS = ["cli", "serve", "generate", "detect", "datasets", "provenance", "core"]
KINDS = ["safetensors", "json", "npz", "html", "css", "sql", "toml"]  # of data; test_wheel.py notices any other

setup(
    package_dir={"facewright": "facewright", **{f"facewright.{room}": room for room in ROOMS}},
    packages=find_packages(include=["facewright*"])
    + [f"facewright.{package}" for room in ROOMS for package in find_packages(include=[room, f"{room}.*"])],
    package_data={"": [f"**/*.{kind}" for kind in KINDS] + ["py.typed"]},
)
