"""The table of records. Stores that are older than the migrations have it already."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "1", None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("records"):
        return
    op.create_table(
        "records",
        sa.Column("manifest_sha256", sa.String(64), primary_key=True),
        sa.Column("record_id", sa.String(16), nullable=False, index=True),
        sa.Column("created", sa.String(32), nullable=False, index=True),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("manifest", sa.LargeBinary, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    )
