"""The SQL of this package, written for DuckDB, as ClickHouse reads it."""


def spoken(sql: str) -> str:
    """The text in ClickHouse's words; `$name` parameters stay."""
    return sql
