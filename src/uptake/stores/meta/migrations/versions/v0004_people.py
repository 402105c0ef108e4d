"""People, their roles, sessions and links, the audit log; keys that expire and say when they were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables, and widen keys."""
    op.add_column("keys", sa.Column("expires_us", sa.BigInteger))
    op.add_column("keys", sa.Column("used_us", sa.BigInteger))
    op.create_table(
        "people",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("password", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(600)),
        sa.Column("owner", sa.Boolean, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("disabled_us", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("people_by_email", "people", ["email"], unique=True)
    op.create_index("people_by_subject", "people", ["subject"], unique=True)
    op.create_table(
        "roles",
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id"), primary_key=True, autoincrement=False),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id"), primary_key=True, autoincrement=False),
        sa.Column("role", sa.String(10), nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("address", sa.String(60), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("sessions_by_digest", "sessions", ["digest"], unique=True)
    op.create_table(
        "links",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.String(320), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("product_id", sa.Integer, sa.ForeignKey("products.id")),
        sa.Column("role", sa.String(10)),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.id")),
        sa.Column("used_us", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("links_by_digest", "links", ["digest"], unique=True)
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("product_id", sa.Integer),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("address", sa.String(60), nullable=False),
        sqlite_autoincrement=True,
    )
