"""The public face: names, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import facewright

HEAVY = {"torch", "numpy", "cv2", "av", "mediapipe", "sklearn", "PIL"}


def test_the_names_are_sorted_and_each_is_there():
    assert facewright.__all__ == sorted(facewright.__all__)
    for name in facewright.__all__:
        assert callable(getattr(facewright, name)), name
    assert set(facewright.__all__) <= set(dir(facewright))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        _ = facewright.generat


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert facewright.__version__ == version("facewright")


@pytest.mark.parametrize("module", ["facewright", "facewright.generate", "facewright.detect", "facewright.provenance"])
def test_importing_is_light(module):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
