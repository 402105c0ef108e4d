"""`explain`, `rescore`, `rebuild`."""

from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import Explain, Rebuild, Rescore

Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="The day, as 2026-01-31; else today.")
]

REASONS = {
    "entered": "events that entered the window",
    "left": "events that left the window",
    "faded": "older events count for less",
    "reweighted": "weights changed",
    "membership": "membership changed",
    "exclusions": "other users are counted",
    "averaged": "the number of active users changed",
    "p90": "P90 moved",
    "rounding": "rounding",
}


def explain(
    kind: Annotated[Literal["account", "user"], typer.Argument(metavar="account|user", help="Whose score.")],
    subject_id: Annotated[str, typer.Argument(metavar="ID", help="The id that the sender gave it.")],
    *,
    workspace_id: Annotated[int | None, typer.Option(metavar="ID", help="The workspace; else the first one.")] = None,
    day: Day = None,
    against: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Compare with this day; else a window before."),
    ] = None,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print why a score is what it is: its parts, which sum to raw, and what moved it since a window ago."""
    request = Explain(
        kind=kind,
        id=subject_id,
        workspace_id=workspace_id,
        day=day.date() if day else None,
        against=against.date() if against else None,
        product=product,
    )
    with desk(settings_of(data_dir)) as opened, shown() as told:
        answer = opened.ask(request, told)
    if as_json:
        print_json(answer)
    else:
        _print_explanation(answer)


def _print_explanation(told: dict[str, Any]) -> None:
    typer.echo(f"{told['kind']} {told['tracking_id']}, workspace {told['workspace_id']}, {told['day']}")
    p90 = "none (nobody was active)" if told["p90"] is None else _amount(told["p90"])
    typer.echo(f"score {told['score']}, raw {_amount(told['raw'])}, P90 {p90}, curve {told['curve']}")
    typer.echo(told["summary"] + "\n")
    names = told["user_names"]
    rows = [
        (
            part["feature"] or "–",
            part["event"],
            names.get(part["user"], part["user"]),
            part["times"],
            part["weight"],
            _amount(part["raw"]),
            f"{part['points']:.1f}",
        )
        for part in told["parts"]
    ]
    rows.append(("sum", "", "", "", "", _amount(told["raw"]), f"{told['points']:.1f}"))
    print_table(("feature", "event", "user", "times", "weight", "raw", "points"), rows, right=(3, 4, 5, 6))
    difference = told["difference"]
    typer.echo(
        f"\nSince {difference['against']} (score {difference['score']}, raw {_amount(difference['raw'])}): "
        f"score {difference['score_change']:+d}, raw {_signed(difference['raw_change'])}"
    )
    lines = [(REASONS.get(line["reason"], line["reason"]), line["raw"], line["points"]) for line in difference["lines"]]
    shown_lines = [(reason, _signed(raw), f"{points:+.1f}") for reason, raw, points in lines]
    shown_lines.append(("sum", _signed(difference["raw_change"]), f"{sum(points for _, _, points in lines):+.1f}"))
    print_table(("reason", "raw", "points"), shown_lines, right=(1, 2))


def _amount(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + _amount(value)


def rescore(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Compute the numbers of every kept day anew from the counts; the calls are not read."""
    with desk(settings_of(data_dir)) as opened, shown() as told:
        answer = opened.ask(Rescore(product=product), told)
    if as_json:
        print_json(answer)
    else:
        console.print(f"{answer['days']} days are scored.")


def rebuild(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make profiles, counts and scores anew from the call log, beside the live ones, and swap them in."""
    with desk(settings_of(data_dir)) as opened, shown() as told:
        answer = opened.ask(Rebuild(product=product), told)
    if as_json:
        print_json(answer)
    else:
        console.print(f"Generation {answer['generation']} is in force, made from {answer['calls']:,} calls.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(explain)
    app.command()(rescore)
    app.command()(rebuild)
