"""facewright: make, mark and audit synthetic faces."""

__version__ = "0.1.0"
