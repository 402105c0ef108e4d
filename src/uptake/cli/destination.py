"""`destination test`, `destination preview`."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from uptake.cli.base import AsJson, DataDir, Product, print_json, settings_of, text_of
from uptake.cli.desk import desk
from uptake.control.requests import PreviewHistory, TestCall
from uptake.pipeline import document_text

group = typer.Typer(no_args_is_help=True, help="Follow calls through a product's mappings, and see changes before.")


@group.command("test")
def follow(
    *,
    event: Annotated[Path | None, typer.Option(metavar="FILE", help="A call as JSON; - is standard input.")] = None,
    offset: Annotated[int | None, typer.Option(help="Instead: a call of the log, by its offset.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A mapping (JSON or YAML) to try instead of the product's.")
    ] = None,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Follow one call, mapping by mapping, and print what would be counted. Nothing is stored."""
    if (event is None) == (offset is None):
        raise typer.BadParameter("name a call: --event FILE or --offset N")
    request = TestCall(
        event=text_of(event) if event else "",
        offset=offset,
        mapping=_json_of(mapping) if mapping else "",
        product=product,
    )
    with desk(settings_of(data_dir)) as opened:
        trace = opened.ask(request)
    if as_json:
        print_json(trace)
        return
    for each in trace["mappings"]:
        _print_mapping(each)
    outcome = trace["outcome"]
    typer.echo(f"\n{outcome['fate']}")
    for effect in outcome["effects"]:
        typer.echo(f"  would be counted: {_plain(effect)}")
    for note in outcome["notes"]:
        typer.echo(f"  {note['code']}: {note['message']}")


def _print_mapping(trace: dict[str, Any]) -> None:
    state = "" if trace["enabled"] else " (disabled)"
    told = trace["fault"] or ("fires" if trace["fired"] else "does not fire")
    typer.echo(f"{trace['name']}{state}: {told}")
    for clause in trace["decided_by"]:
        typer.echo(f"  {clause['clause']}: found {_plain(clause['found'])}")
    for fault in (*trace["errors"], *trace["left_out"]):
        typer.echo(f"  {fault['field']}: {fault['message']}")
    if trace["payload"] is not None:
        typer.echo(f"  payload: {_plain(trace['payload'])}")


@group.command()
def preview(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A configuration document with the changed destination.")
    ] = None,
    *,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what applying the destination to the whole log would change. Nothing is changed.

    `uptake config apply FILE --to-history` then does it.
    """
    with desk(settings_of(data_dir)) as opened:
        told = opened.ask(PreviewHistory(text=text_of(file) if file else "", product=product))
    if as_json:
        print_json(told)
        return
    typer.echo(f"{told['calls']} calls read; {told['users']} users and {told['accounts']} accounts touched.")
    for each in told["events"]:
        typer.echo(f"  {each['event']}: {each['before']} → {each['after']}")
    for each in told["missing"]:
        typer.echo(f"  {each['path']} was not kept with older calls: they are read without it.")


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _json_of(path: Path) -> str:
    return _plain(document_text.read(text_of(path)))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="destination")
