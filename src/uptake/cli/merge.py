"""`merge user`, `merge account`, `merge list`, `merge undo`."""

from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import ListMerges, MergeIds, Settle, UndoMerge
from uptake.core.days import iso_ms
from uptake.core.effects import Kind

group = typer.Typer(no_args_is_help=True, help="Say that two ids are one user or account, and take that back.")

Into = Annotated[str, typer.Argument(metavar="A", help="The id that counts.")]
Merged = Annotated[str, typer.Argument(metavar="B", help="The id whose calls count as A's, from the beginning.")]
Wait = Annotated[bool, typer.Option(help="Return only when everything is counted anew.")]


@group.command()
def user(
    into: Into,
    merged: Merged,
    *,
    wait: Wait = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Count user B's calls as user A's."""
    _change(MergeIds(kind="user", merged=merged, into=into, product=product), data_dir, wait=wait, as_json=as_json)


@group.command()
def account(
    into: Into,
    merged: Merged,
    *,
    wait: Wait = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Count account B's calls as account A's."""
    _change(MergeIds(kind="account", merged=merged, into=into, product=product), data_dir, wait=wait, as_json=as_json)


@group.command("list")
def list_(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List all merges."""
    with desk(settings_of(data_dir)) as opened:
        merges = [_dated(merge) for merge in opened.ask(ListMerges(product=product))]
    if as_json:
        print_json(merges)
    else:
        columns = ("id", "kind", "merged", "into", "by", "made_at")
        print_table(columns, [[merge[column] for column in columns] for merge in merges], right=[0])


@group.command()
def undo(
    merge_id: Annotated[int, typer.Argument(metavar="ID", help="The merge's number, as `merge list` says it.")],
    *,
    wait: Wait = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take a merge back: calls count for the id that they came with."""
    _change(UndoMerge(id=merge_id, product=product), data_dir, wait=wait, as_json=as_json)


def _change(request: MergeIds | UndoMerge, data_dir: DataDir, *, wait: bool, as_json: bool) -> None:
    with desk(settings_of(data_dir)) as opened, shown() as told:
        merge = _dated(opened.ask(request))
        if wait:
            opened.ask(Settle(product=request.product), told)
    if as_json:
        print_json(merge)
        return
    kind: Kind = merge["kind"]
    whose = merge["into"] if isinstance(request, MergeIds) else merge["merged"]
    after = "" if wait or not merge["rebuild"] else " once everything is counted anew"
    told_as = f"Merge {merge['id']}: calls of {kind} {merge['merged']} count for {whose}{after}."
    console.print(told_as, markup=False, highlight=False)


def _dated(merge: dict[str, Any]) -> dict[str, Any]:
    """The merge with its moment as ISO 8601."""
    told = {name: value for name, value in merge.items() if name not in ("made_us", "product_id")}
    return {**told, "made_at": iso_ms(merge["made_us"])}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="merge")
