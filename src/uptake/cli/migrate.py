"""`migrate-store`."""

import importlib
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, settings_of, shown, text_of
from uptake.cli.desk import demand_installation
from uptake.cli.logs import log_to_stderr
from uptake.core.errors import UptakeError
from uptake.settings import SETTINGS, Settings, load


def migrate_store(
    to: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The settings of the target, a line each: UPTAKE_META_URL=… and so on."),
    ],
    *,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Copy an installation to other engines: from a data folder to servers of your own, and back.

    Stop its processes first. The target must be empty; a copy that was broken off goes on. In the end every row, call
    and number is compared. Nothing is changed where it comes from. Whoever was signed in signs in again.
    """
    settings = settings_of(data_dir, role="all")  # alone with what it copies, whatever its processes are
    log_to_stderr(settings, least="warning")
    demand_installation(settings)
    target = target_of(to, settings)
    with shown() as told:
        # By its name: it brings every engine.
        migrated = importlib.import_module("uptake.migrating").migrate(settings, target, told, product)
    if as_json:
        print_json(msgspec.to_builtins(migrated))
        return
    for each in migrated:
        console.print(
            f"{each.name}: {each.calls:,} calls, configuration {each.revision}, every number equal", markup=False
        )
    console.print(f"Start it with the settings of {to}.")


def target_of(file: Path, source: Settings) -> Settings:
    """The settings in a file of `NAME=value` lines.  Raises UptakeError (E001, E018)."""
    lines = (line.strip().removeprefix("export ") for line in text_of(file).splitlines())
    said = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    said = {name.strip(): value.strip().strip("'\"") for name, value in said.items()}
    unknown = sorted(name for name in said if name not in {each.name for each in SETTINGS})
    if unknown:
        raise UptakeError("E001", f"{unknown[0]} in {file} is no setting.")
    kept = {name: value for name, value in os.environ.items() if name in ("UPTAKE_MEMORY_LIMIT", "UPTAKE_THREADS")}
    target = load({**kept, **said})
    if any(_same(source, target, name) for name in ("meta_url", "log_url", "store_url")) or (
        source.data_dir.absolute() == target.data_dir.absolute()
    ):
        told = "The target shares its data folder, or the address of a server, with what is to be copied."
        raise UptakeError("E018", told, hint=f"Set UPTAKE_DATA_DIR and other addresses in {file}.")
    return msgspec.structs.replace(target, role="all")


def _same(source: Settings, target: Settings, name: str) -> bool:
    return bool(getattr(source, name)) and getattr(source, name) == getattr(target, name)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate-store")(migrate_store)
