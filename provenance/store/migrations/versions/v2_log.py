"""The log of changes and the table that searches read. `database.upgrade` then fills both from the rows there are."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", "1"


def upgrade() -> None:
    op.create_table(
        "log",
        sa.Column("index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("row_sha256", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "lookup",
        sa.Column("manifest_sha256", sa.String(64), primary_key=True),
        sa.Column("label", sa.Text, index=True),
        sa.Column("looks", sa.LargeBinary, nullable=False),
    )
