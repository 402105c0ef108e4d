"""A version of the configuration says from which day its scoring models apply; until now all did to all history."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the day, null for all of history."""
    op.add_column("config_versions", sa.Column("scores_from", sa.String(10)))
