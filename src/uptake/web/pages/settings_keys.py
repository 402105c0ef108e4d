"""Settings, Keys and tokens: what programs send and read with, how long it is good, and when it was last used."""

from collections.abc import Callable
from typing import Any, get_args

import msgspec
from litestar import Response, get, post
from litestar.exceptions import ClientException
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.days import DAY_US
from uptake.core.errors import CODES, UptakeError
from uptake.pipeline.keys import MOST_NAME
from uptake.stores.meta.base import Key, KeyKind
from uptake.web.pages.faults import sentence
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/keys"
KINDS = (
    ("read", "Read: an API token"),
    ("manage", "Read and change: an API token"),
    ("ingest", "Send calls: an ingest key"),
)
LIVES = (
    ("", "Never expires"),
    ("30", "Expires in 30 days"),
    ("90", "Expires in 90 days"),
    ("365", "Expires in a year"),
)
GRACES = (
    ("86400", "for 24 hours"),
    ("3600", "for an hour"),
    ("604800", "for 7 days"),
    ("0", "not at all: refuse it at once"),
)
SAID = {"revoked": "The key is refused from now on."}
SHOWN_ENDED_US = 30 * DAY_US


class KeyRow(msgspec.Struct, frozen=True):
    """A key as listed.  until_us: when it stops being good; None: never.  good: is it now?"""

    key: Key
    good: bool
    until_us: int | None


@get(PATH, sync_to_thread=True)
def keys_page(request: PageRequest) -> Response[str]:
    """The product's keys and tokens."""
    return _page(Visit(request))


@post(PATH, status_code=200, sync_to_thread=True)
def keys_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Make, rotate or revoke a key."""
    visit, form = Visit(request), Form(bounded(body))
    do = _DOINGS.get(form.text("do"))
    try:
        made = do(visit, form) if do else None
    except UptakeError as error:
        return _page(visit, fault=error)
    visit.site.tokens.refresh()
    if made:
        return _page(visit, made=made)
    return Redirect(visit.link(PATH, told="revoked" if do else ""), status_code=303, headers=HEADERS)


def _page(visit: Visit, *, made: tuple[Key, str] | None = None, fault: UptakeError | None = None) -> Response[str]:
    now_us = visit.running.clock()
    rows = [_row(key, now_us) for key in visit.running.meta.keys(visit.product.product_id)]
    shown = [row for row in rows if row.good or (row.until_us or 0) > now_us - SHOWN_ENDED_US]
    return page(
        visit,
        "settings_keys.html",
        status=CODES[fault.code].status or 404 if fault else 200,
        ingest=[row for row in shown if row.key.kind == "ingest"],
        tokens=[row for row in shown if row.key.kind != "ingest"],
        kinds=KINDS,
        lives=LIVES,
        graces=GRACES,
        most_name=MOST_NAME,
        made=made,
        fault=sentence(fault.message) if fault else "",
        said=SAID.get(visit.request.query_params.get("told", ""), ""),
    )


def _row(key: Key, now_us: int) -> KeyRow:
    ends = [end for end in (key.revoked_us, key.expires_us) if end is not None]
    return KeyRow(key, key.good(now_us), min(ends, default=None))


# ---- what the forms can do
def _create(visit: Visit, form: Form) -> tuple[Key, str]:
    days, kind = form.text("days"), form.text("kind")
    if days not in dict(LIVES) or kind not in get_args(KeyKind):
        raise ClientException("The form names no kind of key.")
    expires_us = visit.running.clock() + int(days) * DAY_US if days else None
    return visit.site.access.keys.create(
        visit.standing,
        visit.product.product_id,
        kind,  # type: ignore[arg-type]  # looked up above
        name=form.text("name"),
        expires_us=expires_us,
    )


def _rotate(visit: Visit, form: Form) -> tuple[Key, str]:
    grace = form.text("grace")
    grace_s = int(grace) if grace in dict(GRACES) else int(GRACES[0][0])
    return visit.site.access.keys.rotate(visit.standing, _number(visit, form), grace_s=grace_s)


def _revoke(visit: Visit, form: Form) -> None:
    visit.site.access.keys.revoke(visit.standing, _number(visit, form))


_DOINGS: dict[str, Callable[[Visit, Form], tuple[Key, str] | None]] = {
    "create": _create,
    "rotate": _rotate,
    "revoke": _revoke,
}


def _number(visit: Visit, form: Form) -> int:
    """The product's key that the form names.  Raises UptakeError (E008)."""
    for key in visit.running.meta.keys(visit.product.product_id):
        if str(key.id) == form.text("id"):
            return key.id
    raise UptakeError("E008", f"{visit.product.name} has no such key")
