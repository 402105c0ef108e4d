"""Changed ids: which user or account another one really is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "merges",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("merged", sa.String(500), nullable=False),
        sa.Column("into_id", sa.String(500), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("merges_by_id", "merges", ["product_id", "kind", "merged"], unique=True)
