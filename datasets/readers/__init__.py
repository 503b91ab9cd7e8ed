"""Readers of public sets, by the layouts they are handed out in."""
