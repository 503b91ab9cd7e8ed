"""Make-Your-Anchor: a person of one minute of video, moved by renders of a body mesh (arXiv 2403.16510)."""
