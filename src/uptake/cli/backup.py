"""`backup` and `restore`."""

import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from uptake.cli.base import AsJson, DataDir, console, print_json, settings_of, shown, text_of
from uptake.cli.desk import demand_installation
from uptake.cli.logs import log_to_stderr
from uptake.core.erasure import Erasure
from uptake.core.errors import UptakeError
from uptake.settings import Settings


def backup(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A new file that ends with .tar.zst or .tar.gz, or a new folder; else uptake-backup-TIME.tar.zst.",
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Copy what is precious into one file: the call log, configuration and keys, and the secret they are sealed under.

    A running server goes on, and every call that it acknowledged before is in the copy. Event stores are left out: they
    are made again from the log.
    """
    settings = settings_of(data_dir)
    log_to_stderr(settings, least="warning")
    _refuse_servers(settings)
    demand_installation(settings)
    chosen = out or Path(f"uptake-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.zst")
    with shown() as told:
        # By its name: it brings Arrow, which other commands do not need.
        manifest = importlib.import_module("uptake.backup.writing").write_backup(settings.data_dir, chosen, told)
    if as_json:
        print_json({"file": str(chosen), "manifest": manifest})
        return
    typer.echo(str(chosen))
    _tell_products(manifest)
    if manifest.has_secret:
        console.print("Whoever can read it has every key and every call: keep it as safe as the data folder.")
    else:
        console.print("UPTAKE_SECRET_KEY is not in it: keep that too, or ingest keys cannot be shown after a restore.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `uptake backup` made: a file or a folder.")],
    *,
    receipts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What `uptake erase list --json` gave: whoever was erased stays so."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a data folder from a backup. The folder must be empty or new; every file is checked before it is put there.

    The first start after it folds the log again, and every number is as it was.
    """
    settings = settings_of(data_dir)
    log_to_stderr(settings, least="warning")
    _refuse_servers(settings)
    erased = _receipts_in(receipts) if receipts else ()
    restoring = importlib.import_module("uptake.backup.restoring")
    with shown() as told:
        manifest = restoring.restore_backup(file, settings.data_dir, told, erased)
    if as_json:
        print_json({"data_dir": str(settings.data_dir), "manifest": manifest})
        return
    _tell_products(manifest)
    console.print(f"Restored as of {manifest.made_at}. Start it: uptake serve --data-dir {settings.data_dir}")
    if not manifest.has_secret:
        console.print("It was made under a UPTAKE_SECRET_KEY: set the same one.")


def _refuse_servers(settings: Settings) -> None:
    """Half of an installation is no backup."""
    if settings.meta_url:
        hint = "Use pg_dump and pg_restore; keep UPTAKE_SECRET_KEY or secret.key beside it, and back the call log up."
        raise UptakeError("E016", "The meta store is in the database of UPTAKE_META_URL.", hint=hint)
    if settings.log_url:
        hint = "Use `nats account backup`; after `uptake serve` has stopped copy the data folder beside it."
        raise UptakeError("E016", "The call log is on the servers of UPTAKE_LOG_URL.", hint=hint)


def _receipts_in(file: Path) -> tuple[Erasure, ...]:
    """The receipts in a file.  Raises UptakeError (E007)."""
    try:
        return msgspec.json.decode(text_of(file), type=tuple[Erasure, ...])
    except msgspec.DecodeError as error:
        hint = "`uptake erase list --json` writes them."
        raise UptakeError("E007", f"{file} holds no receipts: {error}.", hint=hint) from error


def _tell_products(manifest: Any) -> None:
    for product in manifest.products:
        told = f"{product.name}: {product.log_offset:,} calls, configuration {product.revision}"
        console.print(told, markup=False, highlight=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(backup)
    app.command()(restore)
