"""`import` and `export`."""

import importlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import Export, Settle, Table

Format = Literal["parquet", "csv", "jsonl"]


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON Lines of Segment calls, plain or gzip.")],
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Take files that were imported before once more; repeats count once.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Return only when the calls are scored.")] = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Import history of any age. Interrupted, it goes on where it stopped; a file that was imported is skipped."""
    settings = settings_of(data_dir)
    with desk(settings, make=True) as opened, shown() as told:
        outcomes = _bulk().import_files(files, settings, product, told=told, again=again)
        if wait:
            opened.ask(Settle(product=product), told)
    if as_json:
        print_json(outcomes)
    else:
        for outcome in outcomes:
            _tell(outcome)


def _bulk() -> Any:
    """What moves many rows, by its name: it brings Arrow and the sources, which other commands do not need."""
    return importlib.import_module("uptake.cli.bulk")


def _tell(outcome: Any) -> None:
    if outcome.skipped:
        console.print(f"{outcome.file} was imported before ({outcome.logged:,} calls); --again takes it once more.")
        return
    resumed = f", going on after line {outcome.resumed_at:,}" if outcome.resumed_at else ""
    told = f"{outcome.file}: {outcome.lines:,} lines{resumed}, {outcome.logged:,} calls logged"
    console.print(f"{told}, {outcome.refused:,} refused.", markup=False, highlight=False)
    for line, code, message in outcome.refusals:
        console.print(f"  line {line}: {code} {message}", markup=False, highlight=False)
    more = sum(outcome.reasons.values()) - len(outcome.refusals)
    if more > 0:
        console.print(f"  … and {more:,} more: {', '.join(f'{code} {n:,}' for code, n in outcome.reasons.items())}")


def export(
    *,
    table: Annotated[Table, typer.Option(help="What to write.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to; - is standard output.")],
    format_: Annotated[
        Format | None, typer.Option("--format", help="How; else what the file's name ends with, else parquet.")
    ] = None,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write all rows of a table, in a stable order."""
    chosen = format_ or _format_of(out)
    with desk(settings_of(data_dir)) as opened, _bulk().TableFile(out, chosen) as file, shown(file.take) as told:
        answer = opened.ask(Export(table=table, product=product), told)
    if as_json and str(out) != "-":
        print_json({"file": str(out), "format": chosen, "rows": answer["rows"]})
    else:
        console.print(f"{answer['rows']:,} rows of {table}.")


def _format_of(out: Path) -> Format:
    formats: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    return formats.get(out.suffix.lower(), "parquet")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("import")(import_)
    app.command()(export)
