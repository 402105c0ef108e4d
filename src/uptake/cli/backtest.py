"""`backtest`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown, text_of
from uptake.cli.desk import desk
from uptake.control.requests import RunBacktest
from uptake.core.errors import UptakeError

REASONS = {
    "unknown_account": "the product knows no such account",
    "excluded_account": "left out of the workspace",
    "no_score": "no event yet on that day",
    "day_not_over": "that day is not over",
}


def backtest(
    *,
    outcomes: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Columns account, outcome (churned or renewed), date; - for input."),
    ] = None,
    trait: Annotated[
        str, typer.Option(metavar="NAME", help="Instead: the account trait that holds the day of churn.")
    ] = "",
    workspace: Annotated[str | None, typer.Option(metavar="NAME", help="The workspace; else the first one.")] = None,
    days: Annotated[
        list[int] | None, typer.Option(min=1, max=365, help="How many days before the outcome; else 30, 60 and 90.")
    ] = None,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say how well scores told beforehand which accounts would churn, and which weights outcomes speak for.

    Nothing is changed: weights are suggested, as a document for `uptake config apply`.
    """
    if (outcomes is None) == (not trait):
        raise UptakeError("missing_outcomes", "Name either --outcomes FILE.csv or --trait NAME.")
    text = text_of(outcomes) if outcomes else ""
    horizons = tuple(days) if days else (30, 60, 90)
    request = RunBacktest(outcomes=text, trait=trait, workspace=workspace, horizons=horizons, product=product)
    with desk(settings_of(data_dir)) as opened, shown() as told:
        answer = opened.ask(request, told)
    if as_json:
        print_json(answer)
    else:
        _print(answer)


def _print(told: dict[str, Any]) -> None:
    typer.echo(
        f"Workspace {told['workspace']}, window {told['window_days']} days: {told['outcomes']} outcomes, "
        f"{told['churned']} churned, {told['renewed']} renewed."
    )
    columns = ("days before", "accounts", "churned", "AUC", "95 % interval", "skipped")
    rows = [
        (each["days"], each["accounts"], each["churned"], _share(each["auc"]), _interval(each), _skips(each["skipped"]))
        for each in told["horizons"]
    ]
    print_table(columns, rows, right=(0, 1, 2, 3))
    for each in told["horizons"]:
        _print_horizon(each)
    for fault in told["faults"]:
        column = f", column {fault['column']}" if fault["column"] else ""
        console.print(f"line {fault['line']}{column}: {fault['code']} {fault['message']}", markup=False)
    _print_suggestion(told)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _interval(horizon: dict[str, Any]) -> str:
    return "–" if horizon["auc_low"] is None else f"{horizon['auc_low']:.2f} to {horizon['auc_high']:.2f}"


def _skips(skipped: dict[str, int]) -> str:
    return "; ".join(f"{times} {REASONS[reason]}" for reason, times in skipped.items())


def _print_horizon(horizon: dict[str, Any]) -> None:
    if not horizon["accounts"]:
        return
    typer.echo(f"\n{horizon['days']} days before, flagging a level and those below it:")
    levels = [
        (each["level"], each["accounts"], each["churned"], _share(each["precision"]), _share(each["recall"]))
        for each in horizon["levels"]
    ]
    print_table(("level", "accounts", "churned", "precision", "recall"), levels, right=(1, 2, 3, 4))
    lifts = "  ".join(f"{each['lift']:.1f}" for each in horizon["deciles"])
    if lifts:
        typer.echo(f"lift by tenth, lowest scores first: {lifts}")


def _print_suggestion(told: dict[str, Any]) -> None:
    found = told["suggestion"]
    if not found:
        typer.echo(f"\nNo weights are suggested: {told['no_suggestion']}")
        return
    typer.echo(
        f"\nWeights from the use of features {found['horizon']} days before {found['accounts']} outcomes "
        f"(AUC {found['auc']:.2f} for accounts that were not learnt from):"
    )
    rows = [
        (each["feature"], each["present"], each["weight"], f"{each['coefficient']:+.2f}") for each in found["weights"]
    ]
    print_table(("feature", "weight now", "suggested", "coefficient"), rows, right=(1, 2, 3))
    typer.echo("\n# for `uptake config apply`\n" + found["yaml"].rstrip())


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(backtest)
