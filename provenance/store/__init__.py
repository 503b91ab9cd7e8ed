"""The manifest store: what was sealed here, so that a file whose manifest was stripped is found again.

It is asked by the id of a watermark, by the label of a manifest, or by what a video looks like. Every change is a line
in an append-only log whose hashes form a chain. SQLite in `FACEWRIGHT_HOME/records.sqlite` unless `FACEWRIGHT_STORE`
(or `url`) names another database in SQLAlchemy's form, say `postgresql://user@host/facewright`.
"""

from .log import Audit, Head
from .records import Entry, Store

__all__ = ["Audit", "Entry", "Head", "Store"]
