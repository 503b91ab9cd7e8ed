"""One folder per method; `registry` names them without importing any."""
