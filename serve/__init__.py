"""Web face of facewright (not built yet beyond the package itself)."""
