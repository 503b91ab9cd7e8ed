"""`facewright bench detect`: how detectors do on people, generators and encodings that they never met."""
