"""What commands can ask about people: whoever may open the data folder is trusted like an owner."""

from typing import Any

from uptake.control import requests as ask
from uptake.core.errors import UptakeError
from uptake.pipeline.people import People
from uptake.pipeline.running import Running, RunningProduct
from uptake.pipeline.sign_in import SignIn, normalised
from uptake.pipeline.standing import Standing
from uptake.stores.meta.base import chosen
from uptake.stores.meta.people import Person

CONSOLE = Standing("command line", owner=True)
LINK = "/welcome/"
"""Where the app takes links; see `uptake.web.pages.welcome`."""


def owner_path(running: Running) -> str | None:
    """The path of a new link that makes the first owner; None where there is one."""
    text = _people(running).owner_link(CONSOLE.by)
    return LINK + text if text else None


def create_user(running: Running, request: ask.CreateUser) -> dict[str, Any]:
    """Invite somebody, or add them with a password.  Raises UptakeError."""
    people, product = _people(running), _product(running, request)
    if request.password:
        role = None if request.role == "owner" else request.role
        product_id = product.product_id if product else None
        person = people.create(CONSOLE, request.email, request.password, role=role, product_id=product_id)
        return {"email": person.email, "path": ""}
    if product is None or request.role == "owner":
        text = people.invite_owner(CONSOLE, request.email)
    else:
        text = people.invite(CONSOLE, request.email, request.role, product.product_id)
    return {"email": normalised(request.email), "path": LINK + text}


def _product(running: Running, request: ask.CreateUser) -> RunningProduct | None:
    return None if request.role == "owner" else chosen(running.products(), request.product)


def reset_password(running: Running, request: ask.ResetPassword) -> dict[str, Any]:
    """A link for a new password, or the password itself.  Raises UptakeError (E008)."""
    person = running.meta.people.person_by_email(normalised(request.email))
    if person is None:
        hint = "`uptake user list` lists them."
        raise UptakeError("E008", f"There is nobody with the address {request.email}.", hint=hint)
    if request.password:
        _people(running).set_password(CONSOLE, person.id, request.password)
        return {"email": person.email, "path": ""}
    return {"email": person.email, "path": LINK + _people(running).reset_link(CONSOLE, person.id)}


def list_users(running: Running) -> list[dict[str, Any]]:
    """Everybody, with their roles by the products' names."""
    names = {product.product_id: product.name for product in running.products()}
    return [_listed(person, names) for person in running.meta.people.people()]


def _listed(person: Person, names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "owner": person.owner,
        "roles": {names.get(product_id, str(product_id)): role for product_id, role in person.roles.items()},
        "disabled": person.disabled_us is not None,
        "created_us": person.created_us,
    }


def _people(running: Running) -> People:
    return People(running.meta, running.clock, SignIn(running.meta, running.clock))
