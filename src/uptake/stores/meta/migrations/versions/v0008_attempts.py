"""Failed attempts to sign in, by digests of accounts and addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "attempts",
        sa.Column("subject", sa.LargeBinary(16), primary_key=True),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("last_us", sa.BigInteger, nullable=False),
    )
    op.create_index("attempts_by_last", "attempts", ["last_us"])
