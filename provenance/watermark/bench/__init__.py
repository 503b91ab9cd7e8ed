"""`facewright bench watermark`: the mark against what people do to videos; how visible, how fast, how often wrong."""
