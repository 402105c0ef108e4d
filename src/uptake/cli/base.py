"""What the commands share: options, printing, progress."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from uptake.core.errors import UptakeError
from uptake.settings import Settings, load_here

console = Console(stderr=True, soft_wrap=True)
"""For people: progress and remarks.  What a command gives is printed to standard output."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="The data folder; else UPTAKE_DATA_DIR, else ./uptake-data."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Product = Annotated[
    str | None, typer.Option("--product", metavar="NAME", help="The product; not needed where there is only one.")
]


File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML (or JSON) document; - is standard input.")]


def settings_of(data_dir: Path | None, **others: str | None) -> Settings:
    """The settings with what the command line said before them.  Raises UptakeError (E001)."""
    return load_here({"data_dir": str(data_dir) if data_dir else None, **others})


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    typer.echo(text.decode())


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """A table on standard output, as wide as it needs to be where that is no terminal.

    right: the columns of numbers.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index in right else "left", no_wrap=index in right)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out = Console(highlight=False, markup=False)
    Console(highlight=False, markup=False, width=out.width if out.is_terminal else 200).print(table)


class Shown:
    """Shows people how far a long operation is; also takes an answer's bytes."""

    def __init__(self, bar: Progress, take: Callable[[bytes], None]) -> None:
        self._bar, self._take = bar, take
        self._tasks: dict[str, TaskID] = {}

    def progress(self, done: int, total: int, doing: str) -> None:
        """Move the bar of what is being done, or begin a new one."""
        if doing not in self._tasks:
            self._tasks[doing] = self._bar.add_task(doing, total=total)
        self._bar.update(self._tasks[doing], completed=done, total=max(total, 1))

    def chunk(self, content: bytes) -> None:
        """Hand the bytes on."""
        self._take(content)


@contextmanager
def shown(take: Callable[[bytes], None] = lambda content: None) -> Iterator[Shown]:
    """Progress bars on standard error while the block runs; none where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        yield Shown(bar, take)


def text_of(file: Path) -> str:
    """The text of a file, - for standard input.  Raises UptakeError (E007)."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UptakeError("E007", f"{file} cannot be read: {error}.", hint="A document is a text in UTF-8.") from error
