"""Commands that are not there yet: they say so and end with 2, so that a script cannot take silence for success."""

import typer

from uptake.cli.base import console

LATER = {
    "bench": "Measure this machine: not there yet in the package. In a checkout run `make bench`.",
}
_ANY = {"allow_extra_args": True, "ignore_unknown_options": True}


def _add(app: typer.Typer, name: str, told: str) -> None:
    @app.command(name, help=told, context_settings=_ANY)
    def later() -> None:
        console.print(told)
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for name, told in LATER.items():
        _add(app, name, told)
