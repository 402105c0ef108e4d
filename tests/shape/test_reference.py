"""The reference pages say what the code says: nothing is missing, and nothing is left over."""

import importlib
import re
from types import SimpleNamespace
from typing import Literal

import pytest
import typer

from tools import docs


@pytest.mark.parametrize("name", docs.TABLES)
def test_a_reference_page_says_what_the_code_says(name):
    """The block of the page equals what the code gives today; `make docs` writes it."""
    table = docs.TABLES[name]
    assert table.page.read_text() == table.fresh(), f"{table.page.name} is out of date: run `make docs`"


@pytest.mark.parametrize("name", docs.TABLES)
def test_nothing_is_listed_without_a_word_about_it(name):
    """Every row ends with a sentence."""
    table = docs.TABLES[name]

    block = table.markdown(importlib.import_module(table.module))

    rows = [line for line in block.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_command_says_what_it_does():
    """No heading of the command page is followed by its options or by the next command at once."""
    block = docs.TABLES["commands"].markdown(importlib.import_module("uptake.cli"))

    assert re.findall(r"^## .*\n\n(?=## |\||\Z)", block, re.MULTILINE) == []


def test_an_undocumented_code_is_seen(monkeypatch, tmp_path):
    """A page made from the table without one entry is out of date, and so is one with an entry too many."""
    less = SimpleNamespace(CODES={"a": SimpleNamespace(status=400, help="Say a.")})
    more = SimpleNamespace(CODES={**less.CODES, "b": SimpleNamespace(status=0, help="Say b.")})
    monkeypatch.setattr(docs, "REFERENCE", tmp_path)
    monkeypatch.setattr(docs.importlib, "import_module", lambda name: {"less": less, "more": more}[name])
    page = tmp_path / "errors.md"
    page.write_text("# Codes\n\n<!-- table: errors -->\n<!-- end -->\nThe end.\n")
    page.write_text(docs.Table("errors", "more", docs.errors_table).fresh())

    assert "| `b` |  | Say b. |" in page.read_text()
    assert page.read_text() == docs.Table("errors", "more", docs.errors_table).fresh()
    assert page.read_text() != docs.Table("errors", "less", docs.errors_table).fresh()
    assert page.read_text().endswith("<!-- end -->\nThe end.\n")


def test_a_command_is_listed_with_its_options():
    """A nested command appears with its words, its arguments in capitals and its options with their help."""
    app, key = typer.Typer(), typer.Typer()
    app.add_typer(key, name="key")

    @key.command("create")
    def create(
        name: str = typer.Argument(help="What it is for."),
        kind: Literal["ingest", "read"] = typer.Option("ingest", help="What it may do."),
    ) -> None:
        """Make a key."""

    @app.command("secret", hidden=True)
    def secret() -> None:
        """Not shown."""

    text = docs.commands_table(SimpleNamespace(app=app))

    assert text.startswith("## uptake key create NAME\n\nMake a key.\n")
    assert "| `NAME` | required | What it is for. |" in text
    assert "| `--kind ingest\\|read` | `ingest` | What it may do. |" in text
    assert "secret" not in text


def test_links_between_pages_lead_somewhere():
    """Every relative link in README and docs points to a file that is there."""
    root = docs.REFERENCE.parents[1]
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]

    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]

    assert broken == []
