"""meshwarp: one photo, one voice, no download, CPU. The embedded default."""
