"""`erase user`, `erase account`, `erase list`, `erase cancel`."""

from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import AwaitErasure, CancelErasure, Erase, ListErasures
from uptake.core.days import iso_ms
from uptake.core.errors import UptakeError

group = typer.Typer(no_args_is_help=True, help="Erase a person or an account everywhere, and keep a receipt.")

Id = Annotated[str, typer.Argument(metavar="ID", help="As calls name it; ids that were merged into it go too.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask to type the id once more.")]
Wait = Annotated[bool, typer.Option(help="Return only when nothing is left.")]


@group.command()
def user(
    tracking_id: Id,
    *,
    yes: Yes = False,
    wait: Wait = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase a user: calls, traits, merges, notes, and every byte of them in the data folder.

    Scores are then as if the user had never been sent. It cannot be undone. Backups that were made before still hold
    the user: restore them with --receipts.
    """
    _erase(Erase(kind="user", id=tracking_id, product=product), data_dir, yes=yes, wait=wait, as_json=as_json)


@group.command()
def account(
    tracking_id: Id,
    *,
    yes: Yes = False,
    wait: Wait = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase an account: every call that names it, its traits, merges, notes and owner; its users stay as users.

    It cannot be undone. Backups that were made before still hold it: restore them with --receipts.
    """
    _erase(Erase(kind="account", id=tracking_id, product=product), data_dir, yes=yes, wait=wait, as_json=as_json)


@group.command("list")
def list_(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List receipts and what is on its way. With --json this is the file that `uptake restore --receipts` takes."""
    with desk(settings_of(data_dir)) as opened:
        erasures = opened.ask(ListErasures(product=product))
    if as_json:
        print_json(erasures)
        return
    columns = ("id", "kind", "by", "asked_at", "step", "calls", "decisions", "done_at")
    rows = [_dated(each) for each in erasures]
    print_table(columns, [[row[column] for column in columns] for row in rows], right=[0, 5, 6])


@group.command()
def cancel(
    number: Annotated[int, typer.Argument(metavar="RECEIPT", help="The erasure, as `uptake erase list` lists it.")],
    *,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an erasure that waits for other work; one that has begun goes on to its end."""
    with desk(settings_of(data_dir)) as opened:
        opened.ask(CancelErasure(id=number, product=product))
    if as_json:
        print_json({"id": number, "cancelled": True})
    else:
        console.print(f"Erasure {number} is cancelled; nothing of it was begun.")


def _erase(request: Erase, data_dir: Any, *, yes: bool, wait: bool, as_json: bool) -> None:
    if not yes and typer.prompt(f"Type the {request.kind}'s id once more to erase it", err=True) != request.id:
        raise UptakeError("not_confirmed", "That is another id; nothing was erased.")
    with desk(settings_of(data_dir)) as opened, shown() as told:
        erasure = opened.ask(request)
        if wait:
            erasure = opened.ask(AwaitErasure(id=erasure["id"], product=request.product), told)
    if as_json:
        print_json(_dated(erasure))
        return
    done = f"{erasure['calls']:,} calls and {erasure['decisions']:,} decisions are erased."
    later = "It goes on while the server runs: `uptake erase list`."
    console.print(f"Receipt {erasure['id']}: {done if wait else later}")


def _dated(erasure: dict[str, Any]) -> dict[str, Any]:
    """The erasure with its moments as ISO 8601."""
    done_us = erasure["done_us"]
    return {
        **erasure,
        "asked_at": iso_ms(erasure["asked_us"]),
        "done_at": None if done_us is None else iso_ms(done_us),
    }


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="erase")
