"""`key create`, `key list`, `key revoke`."""

from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of
from uptake.cli.desk import desk
from uptake.control.requests import CreateKey, ListKeys, RevokeKey
from uptake.core.days import iso_ms
from uptake.stores.meta.base import KeyKind

group = typer.Typer(no_args_is_help=True, help="Make, list and revoke ingest keys and read tokens.")


@group.command()
def create(
    *,
    kind: Annotated[
        KeyKind,
        typer.Option(help="`ingest` sends calls and never reads, `read` the reverse, `manage` changes settings."),
    ],
    name: Annotated[str, typer.Option(help="What it is for, to tell it from others.")] = "",
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Refuse it after so many days.")] = None,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, alone. It is good at once, also where a server is running; a read token is never shown
    again."""
    with desk(settings_of(data_dir), make=True) as opened:
        made = opened.ask(CreateKey(kind=kind, name=name, days=days, product=product))
    if as_json:
        print_json({**_dated(made), "key": made["text"]})
    else:
        typer.echo(made["text"])


@group.command("list")
def list_(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all keys: never their text, only its beginning."""
    with desk(settings_of(data_dir)) as opened:
        keys = [_dated(key) for key in opened.ask(ListKeys(product=product))]
    if as_json:
        print_json(keys)
    else:
        columns = ("id", "kind", "hint", "name", "product", "created_at", "used_at", "expires_at", "revoked_at")
        print_table(columns, [[key[column] for column in columns] for key in keys], right=[0])


@group.command()
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="The key's number, as `key list` says it.")],
    *,
    after: Annotated[int, typer.Option(metavar="SECONDS", min=0, help="Let it be good for so many more seconds.")] = 0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a key from now on."""
    with desk(settings_of(data_dir)) as opened:
        revoked = _dated(opened.ask(RevokeKey(id=key_id, after_s=after)))
    if as_json:
        print_json(revoked)
    else:
        console.print(
            f"{revoked['kind']} key {revoked['id']} ({revoked['hint']}…) is refused from {revoked['revoked_at']}."
        )


MOMENTS = ("created", "used", "expires", "revoked")


def _dated(key: dict[str, Any]) -> dict[str, Any]:
    """The key with moments as ISO 8601, without its text."""
    told = {name: value for name, value in key.items() if name != "text" and not name.endswith("_us")}
    moments = {f"{name}_at": key[f"{name}_us"] for name in MOMENTS}
    return {**told, **{name: None if moment is None else iso_ms(moment) for name, moment in moments.items()}}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="key")
