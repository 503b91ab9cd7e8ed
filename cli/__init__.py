"""Commands: one file per verb; each parses, validates and calls one function."""
