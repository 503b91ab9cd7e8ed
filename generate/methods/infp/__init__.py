"""INFP: one portrait in a conversation of two voices."""
