"""Indexes of videos and stills, with splits by identity and source."""
