"""Conditions in configurations are texts of the filter language; nothing read them in their first form."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_VERSIONS = sa.table("config_versions", sa.column("product_id"), sa.column("revision"), sa.column("document", sa.Text))


def upgrade() -> None:
    """Take conditions in the first form out of every configuration."""
    connection = op.get_bind()
    for product_id, number, document in connection.execute(sa.select(_VERSIONS)).all():
        config = without_old_conditions(json.loads(document))
        connection.execute(
            sa.update(_VERSIONS)
            .where(_VERSIONS.c.product_id == product_id, _VERSIONS.c.revision == number)
            .values(document=json.dumps(config))
        )


def without_old_conditions(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration, changed in place, with texts alone where conditions stand."""
    for workspace in config.get("workspaces", []):
        if not isinstance(workspace.get("filter"), str):
            workspace.pop("filter", None)
        for field in ("user_activation", "account_activation"):
            workspace[field] = [each for each in workspace.get(field, []) if isinstance(each, str)]
    config["segments"] = [each for each in config.get("segments", []) if isinstance(each.get("where"), str)]
    for field in ("user_traits", "account_traits"):
        config.get("exclusions", {}).pop(field, None)
    return config
