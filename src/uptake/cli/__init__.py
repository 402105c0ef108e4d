"""The command line.  Each module holds the commands of one subject; `desk` is how they reach an installation."""

import os
import sys

import msgspec
import typer

from uptake import __version__
from uptake.cli import (
    backtest,
    backup,
    config,
    data,
    demo,
    destination,
    erase,
    health,
    jobs,
    keys,
    later,
    merge,
    migrate,
    people,
    scores,
    serving,
)
from uptake.cli.base import console
from uptake.core.errors import ConfigInvalid, UptakeError

app = typer.Typer(
    name="uptake",
    help="Segment calls in, explained account scores out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    serving,
    demo,
    health,
    config,
    keys,
    people,
    data,
    merge,
    migrate,
    scores,
    backtest,
    destination,
    backup,
    erase,
    jobs,
    later,
):
    module.register(app)


def _tell_version(*, value: bool) -> None:
    if value:
        typer.echo(f"uptake {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: bool = typer.Option(
        False, "--version", help="Say the version and end.", callback=_tell_version, is_eager=True
    ),
) -> None:
    """Segment calls in, explained account scores out."""


def main() -> None:
    """Run the command that the arguments name; end with 1 and the reason where it cannot be done, 2 for its use."""
    os.umask(0o077)  # whatever a command writes is about people, and its owner's alone
    try:
        app()
    except UptakeError as error:
        _tell(error, as_json="--json" in sys.argv)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _tell(error: UptakeError, *, as_json: bool) -> None:
    faults = error.faults if isinstance(error, ConfigInvalid) else []
    if as_json:
        told = {"code": error.code, "message": error.message, "hint": error.hint, "faults": faults}
        typer.echo(msgspec.json.encode({"error": told}), err=True)
    elif faults:
        many = f"{len(faults)} faults" if len(faults) > 1 else "a fault"
        typer.echo(f"{error.code} The document has {many}; nothing was changed.", err=True)
        for fault in faults:
            typer.echo(f"  {fault.place}: {fault.message}", err=True)
    else:
        console.print(str(error), style="red" if console.is_terminal else "", markup=False, highlight=False)
