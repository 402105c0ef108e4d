"""What people note down: notes, owners of accounts, saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("tracking_id", sa.String(500), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author", sa.String(320), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id")),
        sa.Column("written_us", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("notes_by_subject", "notes", ["product_id", "kind", "tracking_id"])
    op.create_table(
        "owners",
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(500), primary_key=True),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id"), nullable=False),
    )
    op.create_table(
        "views",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id")),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("saved_us", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("views_by_person", "views", ["product_id", "person_id"])
