"""Dropping a product's part of a month's file that is closed: the file goes when no product has anything in it."""

from contextlib import closing
from pathlib import Path

from uptake.stores.log.sqlite_file import CONTINUE, NEXT, connect
from uptake.stores.log.sqlite_rewrite import compact

_DROP = tuple(f"delete from {table} where product_id = ?" for table in ("requests", "refusals", "refusal_counts"))
_HAS = "select exists (select 1 from requests where product_id = ?)"
_IS_EMPTY = """
select not exists (select 1 from requests) and not exists (select 1 from refusals)
  and not exists (select 1 from refusal_counts) and not exists (select 1 from damage)
"""


def drop(path: Path, product_id: int) -> bool:
    """Delete what the file holds of a product; True if nothing is left in it but where its successor began.

    Raises sqlite3.Error; then nothing, or nothing of this product, is left in the file.
    """
    with closing(connect(path)) as connection:
        if connection.execute(_HAS, (product_id,)).fetchone()[0]:
            connection.execute("pragma secure_delete = on")
            connection.execute("begin immediate")
            end = connection.execute(NEXT, (product_id,)).fetchone()[0]
            connection.execute(CONTINUE, (product_id, end))  # what was dropped is not taken for lost
            for text in _DROP:
                connection.execute(text, (product_id,))
            connection.execute("commit")
        if connection.execute(_IS_EMPTY).fetchone()[0]:
            return True
        connection.execute("pragma wal_checkpoint(passive)").fetchall()
    compact(path)
    return False


def delete(path: Path) -> None:
    """Delete a file with what SQLite keeps beside it."""
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)
