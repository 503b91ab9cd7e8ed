"""Detectors, the scanner and its report. Knows no generator."""
