"""`user create`, `user reset-password`, `user list`."""

import sys
from typing import Annotated, Any, Literal

import typer

from uptake.cli.base import AsJson, DataDir, Product, print_json, print_table, settings_of
from uptake.cli.desk import desk
from uptake.control.requests import CreateUser, ListUsers, ResetPassword
from uptake.core.days import iso_ms
from uptake.core.errors import UptakeError
from uptake.settings import Settings

group = typer.Typer(no_args_is_help=True, help="Let people into the app, and in again.")

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's e-mail address.")]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of printing a link.")
]
RoleName = Literal["viewer", "editor", "admin", "owner"]


@group.command()
def create(
    email: Email,
    *,
    role: Annotated[RoleName, typer.Option(help="What they may do in the product; `owner`: everything, everywhere.")],
    product: Product = None,
    from_input: FromInput = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let somebody in: print a link, alone, with which they choose a password. It is good once, for seven days."""
    settings, password = settings_of(data_dir), _password(from_input=from_input)
    with desk(settings, make=True) as opened:
        _print(settings, opened.ask(CreateUser(email=email, role=role, product=product, password=password)), as_json)


@group.command("reset-password")
def reset_password(
    email: Email, *, from_input: FromInput = False, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Let somebody in who lost the password: print a link, alone, for a new one. It is good once, for a day."""
    settings, password = settings_of(data_dir), _password(from_input=from_input)
    with desk(settings) as opened:
        _print(settings, opened.ask(ResetPassword(email=email, password=password)), as_json)


@group.command("list")
def list_(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List everybody who may sign in, and as what."""
    with desk(settings_of(data_dir)) as opened:
        people = [_dated(person) for person in opened.ask(ListUsers())]
    if as_json:
        print_json(people)
    else:
        columns = ("id", "email", "name", "roles", "disabled", "created_at")
        print_table(columns, [[_cell(person, column) for column in columns] for person in people], right=[0])


def _password(*, from_input: bool) -> str:
    if not from_input:
        return ""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UptakeError("password_too_short", "there is no password on standard input.")
    return password


def _print(settings: Settings, made: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001  (a flag of the command)
    link = f"{made['base'] or base_of(settings)}{made['path']}" if made["path"] else None
    if as_json:
        print_json({"email": made["email"], "link": link})
    else:
        typer.echo(link or f"{made['email']} may sign in.")


def base_of(settings: Settings) -> str:
    """Where the app will be once it is served."""
    return settings.public_url or f"http://localhost:{settings.port}"


def _dated(person: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in person.items() if name != "created_us"}
    return {**told, "created_at": iso_ms(person["created_us"])}


def _cell(person: dict[str, Any], column: str) -> object:
    if column == "disabled":
        return "disabled" if person["disabled"] else ""
    if column != "roles":
        return person[column]
    roles = [f"{role} of {product}" for product, role in person["roles"].items()]
    return ", ".join((["owner"] if person["owner"] else []) + roles) or "none"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="user")
