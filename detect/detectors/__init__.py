"""Detectors, one file each, one contract (detect/detector.py)."""
