"""`import` and `export`."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import Export, Settle, Table
from uptake.core.effects import Kind

Format = Literal["parquet", "csv", "jsonl"]


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="JSON Lines of Segment calls, or CSV of traits (.csv); plain or gzip."),
    ],
    *,
    kind: Annotated[
        Kind | None, typer.Option(help="Whose traits a CSV file holds; else a user's where it has a user's id.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TARGET",
            help="What a CSV column is: userId, groupId, timestamp, traits.KEY, or nothing. Repeat it for others.",
        ),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what a CSV file would become.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Take files that were imported before once more; repeats count once.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Return only when the calls are scored.")] = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Import history of any age. Interrupted, it goes on where it stopped; a file that was imported is skipped."""
    settings, bulk = settings_of(data_dir), _bulk()
    reading = bulk.csv_reading(kind, column or [])
    if preview:
        _show([bulk.preview(file, reading) for file in files], as_json=as_json)
        return
    with desk(settings, make=True) as opened, shown() as told:
        outcomes = bulk.import_files(files, settings, product, told=told, again=again, reading=reading)
        if wait:
            opened.ask(Settle(product=product), told)
    if as_json:
        print_json(outcomes)
    else:
        for outcome in outcomes:
            _tell(outcome)


def _show(previews: Sequence[Any], *, as_json: bool) -> None:
    """What CSV files would become."""
    if as_json:
        print_json(previews)
        return
    for each in previews:
        print_table(("column", "is"), [(column.name, column.target or "ignored") for column in each.columns])
        for call in each.calls:
            typer.echo(msgspec.json.encode(call).decode())
        typer.echo(f"{each.rows:,} rows, {each.refused:,} of them refused; nothing was imported.")
        for fault in each.faults:
            column = f", column {fault.column}" if fault.column else ""
            console.print(f"  line {fault.line}{column}: {fault.code} {fault.message}", markup=False, highlight=False)


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
    with desk(settings_of(data_dir)) as opened, _bulk().TableFile(out, chosen) as file, shown(file.take_bytes) as told:
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
