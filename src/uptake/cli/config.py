"""`config export`, `config apply`, `config diff`."""

from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, File, Product, console, print_json, settings_of, text_of
from uptake.cli.desk import desk
from uptake.cli.what_if import what_if
from uptake.control.requests import ApplyConfig, ExportConfig

group = typer.Typer(no_args_is_help=True, help="Read and change a product's configuration as a YAML document.")

Prune = Annotated[
    bool,
    typer.Option("--prune", help="Drop items (features, workspaces, …) that a list of the document does not name."),
]


@group.command()
def export(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print the configuration in force as a document; applied, it changes nothing."""
    with desk(settings_of(data_dir)) as opened:
        answer = opened.ask(ExportConfig(product=product))
    if as_json:
        print_json({"revision": answer["revision"], "config": answer["config"]})
    else:
        typer.echo(answer["text"], nl=False)


@group.command()
def apply(
    file: File,
    *,
    product: Product = None,
    prune: Prune = False,
    create: Annotated[
        bool, typer.Option("--create", help="Make the product that --product names if there is none.")
    ] = False,
    to_history: Annotated[
        bool, typer.Option("--to-history", help="Let changed mappings and filters apply to all calls of the log.")
    ] = False,
    from_now_on: Annotated[
        bool,
        typer.Option("--from-now-on", help="Let changed scoring models score from today on; days before keep theirs."),
    ] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Let all scoring models score all of history, unchanged ones too.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Put a document in force. What it does not name stays; nothing is changed where anything of it is wrong.

    Returns when a running server uses it; the scores follow within seconds.  A changed scoring model scores all of
    history, unless it is published from now on.
    """
    if from_now_on and recompute:
        raise typer.BadParameter("takes the place of --recompute; give one of them", param_hint="--from-now-on")
    request = ApplyConfig(
        text=text_of(file),
        product=product,
        prune=prune,
        create=create,
        to_history=to_history,
        publish="from_now_on" if from_now_on else "recompute" if recompute else None,
    )
    with desk(settings_of(data_dir), make=True) as opened:
        answer = opened.ask(request)
    if as_json:
        print_json(answer)
    else:
        console.print(_told(answer))


@group.command()
def diff(
    file: File,
    *,
    product: Product = None,
    prune: Prune = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print what applying a document would change, and change nothing. Ends with 1 if it would change anything."""
    with desk(settings_of(data_dir)) as opened:
        answer = opened.ask(ApplyConfig(text=text_of(file), product=product, prune=prune, dry=True))
    if as_json:
        print_json(answer)
    elif answer["diff"]:
        typer.echo(answer["diff"], nl=False)
    else:
        console.print("The document changes nothing.")
    raise typer.Exit(1 if answer["diff"] else 0)


group.command("what-if")(what_if)


def _told(answer: dict[str, Any]) -> str:
    if not answer["changed"]:
        return f"{answer['product']}: nothing changed, revision {answer['revision']} stays in force."
    later = " The history is being rebuilt under it." if answer["rebuild"] else ""
    return f"{answer['product']}: revision {answer['revision']} is in force.{later}"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="config")
