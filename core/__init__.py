"""Errors, media, faces, weights, devices, progress: what every other room stands on."""
