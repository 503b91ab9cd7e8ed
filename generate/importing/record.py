"""The folder and the record of imported weights: core.imported, by its former name."""

from ...core.imported import replacing, sha256, write_record

__all__ = ["replacing", "sha256", "write_record"]
