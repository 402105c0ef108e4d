"""`jobs`: long work that the server does, begun, followed and ended."""

from typing import Annotated, Any, Literal

import typer

from uptake.cli.base import AsJson, DataDir, Product, console, print_json, print_table, settings_of, shown
from uptake.cli.desk import desk
from uptake.control.requests import AwaitJob, CancelJob, ListJobs, ShowJob, StartJob, Table
from uptake.core.days import iso_ms

group = typer.Typer(no_args_is_help=True, help="Long work: what goes on, what came of it, and its log.")

Number = Annotated[int, typer.Argument(metavar="ID", help="The job, as `uptake jobs list` lists it.")]
Kind = Annotated[
    Literal["rebuild", "recompute", "export", "backup"], typer.Argument(metavar="KIND", help="What is to be done.")
]


@group.command("list")
def list_(*, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List long work, the newest first."""
    with desk(settings_of(data_dir)) as opened:
        jobs = [_dated(each) for each in opened.ask(ListJobs(product=product))]
    if as_json:
        print_json(jobs)
        return
    columns = ("id", "kind", "state", "done", "total", "words", "by", "asked_at")
    print_table(columns, [[job[column] for column in columns] for job in jobs], right=[0, 3, 4])


@group.command()
def show(number: Number, *, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Print what became of a job, and its log."""
    with desk(settings_of(data_dir)) as opened:
        job = _dated(opened.ask(ShowJob(id=number, product=product)))
    job["log"] = [{"at": iso_ms(line["at_us"]), "words": line["words"]} for line in job["log"]]
    if as_json:
        print_json(job)
        return
    _tell(job)
    for line in job["log"]:
        console.print(f"{line['at']}  {line['words']}", markup=False, highlight=False)


@group.command()
def start(
    kind: Kind,
    *,
    table: Annotated[Table, typer.Option(help="What an export writes.")] = "users",
    format_: Annotated[Literal["csv", "jsonl", "parquet"], typer.Option("--format", help="How it is written.")] = "csv",
    wait: Annotated[bool, typer.Option(help="Return only when it is over.")] = True,
    product: Product = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Begin long work; files that come of it are kept in the data folder, and offered in the app."""
    with desk(settings_of(data_dir)) as opened, shown() as told:
        job = opened.ask(StartJob(kind=kind, table=table, format=format_, product=product))
        if wait:
            job = opened.ask(AwaitJob(id=job["id"], product=product), told)
    _print(_dated(job), as_json=as_json)


@group.command()
def cancel(number: Number, *, product: Product = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """End a job at its next step; it leaves nothing behind."""
    with desk(settings_of(data_dir)) as opened:
        job = opened.ask(CancelJob(id=number, product=product))
    _print(_dated(job), as_json=as_json)


def _print(job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        _tell(job)


def _tell(job: dict[str, Any]) -> None:
    far = f", {job['done']:,} of {job['total']:,}" if job["total"] and job["state"] == "running" else ""
    state = "is to end" if job["cancel"] and job["state"] in ("waiting", "running") else job["state"]
    console.print(f"Job {job['id']}, {job['kind']}: {state}{far}. {job['message']}".rstrip(), markup=False)
    for name, value in job["result"].items():
        console.print(f"  {name}: {value}", markup=False, highlight=False)


def _dated(job: dict[str, Any]) -> dict[str, Any]:
    """The job with its moments as ISO 8601."""
    moments = {f"{name}_at": job[f"{name}_us"] for name in ("asked", "begun", "done")}
    return {**job, **{name: None if at is None else iso_ms(at) for name, at in moments.items()}}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="jobs")
