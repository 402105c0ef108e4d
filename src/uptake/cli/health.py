"""`check`: counters, offsets and health."""

from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import Check

MOST_SAMPLES = 3


def check(
    *,
    log: Annotated[bool, typer.Option("--log", help="Read the whole call log, to find what of it is damaged.")] = False,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say how much was received, refused, logged, folded and scored, and whether it adds up, what of the call log is
    damaged, and what looks wrong with the data. Ends with 1 if it does not add up, or a call cannot be read."""
    with desk(settings_of(data_dir)) as opened, shown() as told:
        answer = opened.ask(Check(product=product, read_log=log), told)
    good = not answer["worker_failures"] and not answer["log_damage"] and all(map(_is_whole, answer["products"]))
    if as_json:
        print_json({"healthy": good, **answer})
    else:
        _print_installation(answer)
        for each in answer["products"]:
            _print_product(each)
    raise typer.Exit(0 if good else 1)


def _is_whole(product: dict[str, Any]) -> bool:
    return bool(product["adds_up"] and not product["counters"]["fates"]["unreadable"])


def _print_installation(answer: dict[str, Any]) -> None:
    server = f"process {answer['pid']}" if answer["served"] else "not running"
    console.print(f"Uptake {answer['version']}, server {server}, data in {answer['data_dir']}", highlight=False)
    if answer["worker_failures"]:
        console.print(f"The worker failed {answer['worker_failures']} times: see the server's log.", style="red")
    for told in answer["log_damage"]:
        console.print(f"Call log: {told}.", style="red", markup=False, highlight=False)


def _print_product(product: dict[str, Any]) -> None:
    counters, status = product["counters"], product["status"]
    state = "settled" if product["settled"] else ("being rebuilt" if product["rebuilding"] else "working")
    rows: list[tuple[str, object]] = [
        ("received", counters["received"]),
        ("refused", counters["refused"]),
        *((f"  {code}", times) for code, times in counters["refused_by_code"].items()),
        ("logged", counters["logged"]),
        ("waiting", counters["waiting"]),
        *((f"  {fate}", times) for fate, times in counters["fates"].items() if times or fate == "applied"),
        *((f"    {code}", times) for code, times in counters["by_code"].items()),
        ("users", product["totals"]["users"]),
        ("accounts", product["totals"]["accounts"]),
        ("log offset", status["log"]["offset"]),
        ("folded offset", status["folded"]["offset"]),
        ("scored offset", status["scored"]["offset"]),
        ("revision", status["config"]["revision"]),
        ("scored revision", status["config"]["scored_revision"]),
        ("generation", product["generation"]),
    ]
    typer.echo(f"\n{product['name']} ({state})")
    print_table(("", "count"), rows, right=[1])
    if lost := counters["fates"]["unreadable"]:
        console.print(f"{lost} logged calls cannot be read: see calls_unreadable in the server's log.", style="red")
    if not product["adds_up"]:
        console.print("The counters do not add up: please report this.", style="red")
    _print_findings(product["data"]["findings"])


def _print_findings(findings: list[dict[str, Any]]) -> None:
    if findings:
        typer.echo("\nTo look at in the data")
    for each in findings:
        typer.echo(f"\n{each['severity']}  {each['title']}: {each['times']:,}  ({each['code']})")
        for sample in each["samples"][:MOST_SAMPLES]:
            typer.echo(f"    {sample['id']}" + (f"  {sample['told']}" if sample["told"] else ""))
        typer.echo(f"    {each['advice']}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(check)
