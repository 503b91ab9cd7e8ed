"""Watermark, manifest, keys, store, the seal and its verification."""
