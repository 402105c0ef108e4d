"""Write the tables of docs/reference from the code, so that they cannot say anything else.

Each page holds a block between `<!-- table: NAME -->` and `<!-- end -->`; the text around it is
written by hand.
`python -m tools.docs` rewrites the blocks, `--check` only says which are out of date.
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

TYPES: dict[type, str] = {str: "text", int: "whole number", bool: "true or false", tuple: "list", Path: "path"}

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


@dataclass(frozen=True)
class Table:
    """A block of one page: the module that it is made from, and the function that makes its Markdown."""

    name: str
    module: str
    markdown: Callable[[Any], str]

    @property
    def page(self) -> Path:
        """The page that holds the block."""
        return REFERENCE / f"{self.name}.md"

    def fresh(self) -> str:
        """The page as it has to be, with the block made anew from the code."""
        head, mark, rest = self.page.read_text().partition(f"<!-- table: {self.name} -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        if not mark or not end:
            raise ValueError(f"{self.page} has no block `<!-- table: {self.name} -->` … `<!-- end -->`")
        return head + mark + self.markdown(importlib.import_module(self.module)).strip() + "\n" + end + tail


def grid(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; None becomes an empty cell."""
    lines = [list(titles), ["---"] * len(titles), *([cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(value: object) -> str:
    """One cell: its text on one line, a pipe escaped."""
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def code(text: object) -> str:
    """The text as code, or nothing for nothing."""
    return f"`{text}`" if text not in (None, "") else ""


def settings_table(module: Any) -> str:
    """One row for each setting, in the order of the table in the code."""
    return grid(
        ("Setting", "Type", "Default", "Unit", "Meaning"),
        ((code(s.name), TYPES.get(s.type, s.type.__name__), code(s.default), s.unit, s.help) for s in module.SETTINGS),
    )


def errors_table(module: Any) -> str:
    """One row for each code, in the order of the table in the code."""
    rows = ((code(name), c.status or None, c.help) for name, c in module.CODES.items())
    return grid(("Code", "Status", "What to do"), rows)


def routes_table(module: Any) -> str:
    """A section for each part of the server, with its routes in the order of the table in the code."""
    parts = dict.fromkeys(route.part for route in module.ROUTES)
    return "\n\n".join(
        f"## {part[0].upper()}{part[1:]}\n\n"
        + grid(
            ("Route", "Needs", "What it does"),
            ((code(f"{r.method} {r.path}"), r.permission, r.summary) for r in module.ROUTES if r.part == part),
        )
        for part in parts
    )


def metrics_table(module: Any) -> str:
    """One row for each metric, in the order of the table in the code."""
    rows = ((code(m.name), m.kind, ", ".join(map(code, m.labels)), m.help) for m in module.TABLE)
    return grid(("Metric", "Kind", "Labels", "Meaning"), rows)


def commands_table(module: Any) -> str:
    """A section for each command: what it does, then its arguments and options."""
    typer = importlib.import_module("typer")
    root = typer.main.get_command(module.app)
    return "\n\n".join(command_section(words, command) for words, command in leaves(["uptake"], root))


def leaves(words: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
    """Yield each command that does something, with the words that call it; hidden ones are left out."""
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from leaves([*words, name], inner)
    if not hasattr(command, "commands"):
        yield words, command


def command_section(words: list[str], command: Any) -> str:
    """The heading, the help and the parameters of one command."""
    shown = [p for p in command.params if not p.hidden and p.name != "help"]
    arguments = [wanted(p) for p in shown if not p.opts[0].startswith("-")]
    rows = ((code(spelled(p)), default(p), p.help) for p in shown)
    parts = [f"## {' '.join([*words, *arguments])}", command.help or ""]
    return "\n\n".join([*parts, *([grid(("Option", "Default", "Meaning"), rows)] if shown else [])])


def spelled(parameter: Any) -> str:
    """How an option is written, with its negation and what follows it; an argument as it stands in the heading."""
    if not parameter.opts[0].startswith("-"):
        return wanted(parameter)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else f"{names} {wanted(parameter)}"


def wanted(parameter: Any) -> str:
    """What a reader puts in the place of a value: one of the choices, or a word in capitals."""
    choices = get_args(parameter.type_descriptor.annotation)
    word = "|".join(choices) if choices and all(isinstance(c, str) for c in choices) else parameter.name.upper()
    return str(parameter.metavar or word)


def default(parameter: Any) -> str:
    """The default as a reader types it; nothing for a flag, and `required` where there is none."""
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value is None or isinstance(value, bool) or callable(value) else code(value)


TABLES = {
    table.name: table
    for table in (
        Table("settings", "uptake.settings", settings_table),
        Table("errors", "uptake.core.errors", errors_table),
        Table("routes", "uptake.web.routes", routes_table),
        Table("commands", "uptake.cli", commands_table),
        Table("metrics", "uptake.web.metric_table", metrics_table),
    )
}


def main() -> None:
    """Write every page, or with --check exit with 1 and name those that are out of date."""
    stale = [table for table in TABLES.values() if table.page.read_text() != table.fresh()]
    if "--check" in sys.argv[1:]:
        for table in stale:
            print(f"{table.page}: out of date, run `make docs`")
        sys.exit(bool(stale))
    for table in stale:
        table.page.write_text(table.fresh())
        print(f"wrote {table.page}")


if __name__ == "__main__":
    main()
