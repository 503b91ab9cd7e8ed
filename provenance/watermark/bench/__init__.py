"""`facewright bench watermark`: the video mark against what people do to videos, its visibility, speed and false alarms."""
