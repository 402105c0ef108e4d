"""`config what-if`: a changed model's ranking beside the one in force."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, File, Product, print_json, print_table, settings_of, shown, text_of
from uptake.cli.desk import desk
from uptake.control.requests import WhatIf

LEVELS = ("most_engaged", "slightly_engaged", "passive", "least_engaged", "inactive")


def what_if(
    file: File,
    *,
    workspace_id: Annotated[int | None, typer.Option(metavar="ID", help="The workspace; else the first one.")] = None,
    beside: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The document's workspace that is held against it, such as one it adds; else the same."
        ),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="The day, as 2026-01-31; else the last full one."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=100, help="How many movers up and down.")] = 10,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print what a document would make of a ranking: movers, changes of level, distribution. Nothing is changed."""
    request = WhatIf(
        text=text_of(file),
        workspace_id=workspace_id,
        beside=beside,
        day=day.date() if day else None,
        most=most,
        product=product,
    )
    with desk(settings_of(data_dir)) as opened, shown() as told:
        answer = opened.ask(request, told)
    if as_json:
        print_json(answer)
        return
    typer.echo(f"workspace {answer['workspace_id']}, {answer['day']}")
    for change in answer["changes"]:
        typer.echo(f"  {change['field']}: {_shown(change['before'])} → {_shown(change['after'])}")
    for kind in ("accounts", "users"):
        _print_comparison(kind, answer[kind])


def _print_comparison(kind: str, told: Mapping[str, Any]) -> None:
    before, after = told["before"], told["after"]
    typer.echo(
        f"\n{kind}: {before['listed']} listed, {told['changed']} scores and {told['level_changed']} levels differ, "
        f"{told['entered']} enter, {told['left']} leave"
    )
    rows = [(level, before["levels"][level], after["levels"][level]) for level in LEVELS]
    averages = ("average score", _average(before["average_score"]), _average(after["average_score"]))
    print_table(("level", "before", "after"), [*rows, averages], right=(1, 2))
    movers = [
        (each["name"], each["score"], each["score_after"], f"{each['score_after'] - each['score']:+d}")
        for each in (*told["up"], *told["down"])
    ]
    if movers:
        typer.echo("")
        print_table(("moves most", "before", "after", "change"), movers, right=(1, 2, 3))


def _average(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)
