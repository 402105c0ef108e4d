"""`serve`, and `worker`, a part of it for installations of several processes."""

from typing import Annotated, Any

import msgspec
import typer

from uptake.cli.base import AsJson, DataDir, settings_of
from uptake.cli.lean import imported
from uptake.cli.logs import log_to_stderr

Host = Annotated[
    str | None, typer.Option(metavar="HOST", help="The address to listen on; else UPTAKE_HOST, else 127.0.0.1.")
]
Port = Annotated[
    str | None, typer.Option(metavar="PORT", help="The port; 0 takes a free one. Else UPTAKE_PORT, else 8000.")
]


def serve(
    *,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    role: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="web, worker, or all of the work; else UPTAKE_ROLE, else all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the app and the API, and fold and score what arrives, in one process or, by role, in several.

    An empty data folder gets a product, a workspace named Engagement and an ingest key, and a link is printed with
    which you become its owner. Ctrl+C or SIGTERM finishes what was begun and ends; a kill loses nothing that was
    acknowledged.
    """
    settings = settings_of(data_dir, host=host, port=port, role=role)
    log_to_stderr(settings)

    def announce(served: Any) -> None:
        if as_json:
            typer.echo(msgspec.json.encode(served).decode())  # on one line, for whoever waits for it
        else:
            typer.echo(f"Uptake is running at {served.url}")
            typer.echo(f"Data folder: {served.data_dir}")
            if served.ingest_key:
                typer.echo(f"Ingest key: {served.ingest_key}")
            if served.owner_link:
                typer.echo("Nobody owns it yet. Become its owner with this link, good once and for a day:")
                typer.echo(f"  {served.owner_link}")
            typer.echo("Stop with Ctrl+C.")

    imported("uptake.app").serve(settings, announce)


def worker(*, data_dir: DataDir = None, host: Host = None, port: Port = None, as_json: AsJson = False) -> None:
    """Fold and score beside other processes: `uptake serve --role worker`."""
    serve(data_dir=data_dir, host=host, port=port, role="worker", as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(serve)
    app.command()(worker)
