"""What every measurement hands over: tables, printed as they are made, and written into docs/performance.md.

A table of the page stands between two lines, `<!-- bench: NAME -->` and `<!-- end -->`; only what is between them is
replaced, so that the prose around it is written by hand.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
KEPT = "UPTAKE_BENCH_TABLES"
"""The environment variable that names the file to which a measurement adds its tables."""


@dataclass(frozen=True)
class Table:
    """Figures under one name: the heads of the columns, and rows of as many texts."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self) -> list[str]:
        """The table in Markdown."""
        rule = ["---"] * len(self.columns)
        return [f"| {' | '.join(row)} |" for row in (self.columns, rule, *self.rows)]


def tell(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with its columns under one another, and keep it for the page where that is asked for."""
    table = Table(name, columns, [[str(cell) for cell in row] for row in rows])
    widths = [max(len(row[place]) for row in (columns, *table.rows)) for place in range(len(columns))]
    for row in (columns, *table.rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(flush=True)
    if path := os.environ.get(KEPT):
        with open(path, "a", encoding="utf-8") as kept:
            kept.write(json.dumps(asdict(table)) + "\n")


def kept(path: Path) -> list[Table]:
    """The tables that measurements added to the file, in their order."""
    return [Table(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def written(page: str, tables: Sequence[Table]) -> str:
    """The page with these tables between their lines; a table that it has no place for is left out.

    >>> print(written("<!-- bench: a -->\\n<!-- end -->", [Table("a", ["x"], [["1"]])]))
    <!-- bench: a -->
    | x |
    | --- |
    | 1 |
    <!-- end -->
    """
    for table in tables:
        text = "\n".join(table.lines()) + "\n"
        page = _place(table.name).sub(lambda found, text=text: found[1] + text + found[2], page, count=1)
    return page


def homeless(page: str, tables: Sequence[Table]) -> list[str]:
    """The names of tables that the page has no place for."""
    return [table.name for table in tables if not _place(table.name).search(page)]


def _place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- bench: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)


def judged(value: float, aim: float, *, least: bool = False) -> str:
    """Whether a figure reached its aim, in a word: at most `aim`, or at least."""
    return "yes" if (value >= aim if least else value <= aim) else "no"
