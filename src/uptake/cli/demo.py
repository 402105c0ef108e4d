"""`demo`: a simulated product, sent over HTTP to a real server, which then goes on serving."""

import importlib
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from uptake.cli.base import console, settings_of, shown
from uptake.cli.browser import can_open, open_in_browser
from uptake.cli.desk import desk
from uptake.cli.logs import log_to_stderr
from uptake.control.requests import ApplyConfig, Check, Settle
from uptake.core.errors import UptakeError
from uptake.settings import Settings

DEFAULT_DIR = Path("uptake-demo")
WAIT_S = 300.0


def demo(
    *,
    data_dir: Annotated[
        Path, typer.Option("--data-dir", metavar="DIR", help="The demo's own data folder.", envvar="UPTAKE_DATA_DIR")
    ] = DEFAULT_DIR,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="The address to listen on.")] = None,
    port: Annotated[
        str | None, typer.Option(metavar="PORT", help="The port; 0 takes a free one. Default 8000.")
    ] = None,
    live: Annotated[bool, typer.Option(help="Go on sending a few calls a minute while it serves.")] = True,
    browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the app in the browser once it is filled, where one can be.")
    ] = True,
) -> None:
    """Simulate a B2B product of 240 accounts: send ninety days of its calls over HTTP, score them, and serve the app.

    The calls are the same every time. A folder that was filled before is served as it is. Whoever sits at the machine
    may look at everything and change it without signing in; where the app can be reached from elsewhere, a link is
    printed and opened with which you become its owner.
    """
    settings = _settings(data_dir, host, port)
    filled = _prepare(settings)
    log_to_stderr(settings, least="warning")
    player: list[Any] = []

    def announce(served: Any) -> None:
        typer.echo(f"Serving {served.url} from {served.data_dir}")
        if served.owner_link:
            typer.echo(f"Become its owner, once: {served.owner_link}")
        context = multiprocessing.get_context("spawn")
        wanted = browser and can_open(os.environ, terminal=sys.stdout.isatty())
        show = (served.owner_link or _for_people(served.url)) if wanted else ""
        playing = Playing(served.url, served.ingest_key, filled, live, show)
        player.append(context.Process(target=play, args=(settings, playing), daemon=True))
        player[0].start()

    try:
        importlib.import_module("uptake.app").serve(settings, announce)
    finally:
        for process in player:
            process.terminate()


def _settings(data_dir: Path, host: str | None, port: str | None) -> Settings:
    """The settings of a demo: on loopback alone it is open, so that one click shows it."""
    settings = settings_of(data_dir, host=host, port=port)
    reachable = settings.public_url or settings.allowed_hosts or settings.trusted_proxies
    if reachable or not importlib.import_module("uptake.web.security").is_loopback(settings.host):
        return settings
    return msgspec.structs.replace(settings, open_on_loopback=True)


def _prepare(settings: Settings) -> bool:
    """Configure the product of an empty folder; was it filled before?  Raises UptakeError for another's data."""
    playing = importlib.import_module("uptake.demo")
    with desk(settings, make=True) as opened:
        if opened.served:
            raise UptakeError("E004", "A server has this data folder open already.", hint="Open it in the browser.")
        health = opened.ask(Check())["products"][0]
        filled: bool = health["status"]["log"]["offset"] > 0
        if filled and health["name"] != playing.PRODUCT:
            hint = "Name another folder with --data-dir."
            raise UptakeError("E008", f"{settings.data_dir} holds calls of {health['name']!r}, not a demo.", hint=hint)
        if not filled:
            opened.ask(ApplyConfig(text=playing.demo_document()))
    return filled


class Playing(msgspec.Struct, frozen=True):
    """What to play to whom: was the folder filled before, does it go on live, and what to show in a browser then."""

    url: str
    key: str
    filled: bool
    live: bool
    show: str


def play(settings: Settings, told: Playing) -> None:
    """Send the history, wait until it is scored, say so, and go on with live calls; runs in a process of its own."""
    playing = importlib.import_module("uptake.demo")
    url, key = told.url, told.key
    started = time.monotonic()
    simulated, rows = playing.history(time.time_ns() // 1000)
    if not told.filled:
        with shown() as bar:
            playing.send(url, key, rows, _steps(bar, len(rows)))
            with desk(settings) as opened:
                opened.ask(Settle(timeout_s=WAIT_S), bar)
        took = time.monotonic() - started
        many = f"{len(rows):,} calls of {simulated.people:,} users in {len(simulated.companies)} accounts"
        typer.echo(f"Sent, folded and scored {many} in {took:.0f} s.")
    console.print(f"[bold]Open {_for_people(url)}[/bold]   (stop with Ctrl+C)")
    if told.show:
        open_in_browser(told.show)
    if told.live:
        playing.trickle(url, key, simulated)


def _for_people(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


def _steps(bar: Any, total: int) -> Any:
    """Tells the bar, and where there is no terminal a line every tenth of the way."""
    sent, said = 0, 0

    def told(calls: int) -> None:
        nonlocal sent, said
        sent += calls
        bar.progress(sent, total, "Sending calls")
        if sent * 10 // total > said:
            said = sent * 10 // total
            if not sys.stderr.isatty():
                typer.echo(f"Sending calls: {said * 10} %", err=True)

    return told


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)
