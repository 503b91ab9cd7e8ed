"""How good generated video is, measured on clips and portraits of one's own: `facewright bench generate`."""
