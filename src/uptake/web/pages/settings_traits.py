"""Settings, Trait types: which traits users and accounts have, what type each is read as, and what does not fit it."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import RawBody
from litestar.response import Redirect

from uptake.core.config import ProductConfig
from uptake.core.effects import Kind
from uptake.core.traits import TRAIT_TYPES
from uptake.pipeline.product_changes import type_trait
from uptake.views.traits import trait_list
from uptake.web.pages.forms import Form, bounded
from uptake.web.pages.meanwhile import ChangedMeanwhile, Meanwhile, unless_meanwhile
from uptake.web.pages.render import HEADERS, page
from uptake.web.pages.visit import PageRequest, Visit

PATH = "/settings/traits"
KINDS: dict[str, Kind] = {"accounts": "account", "users": "user"}
TYPE_NAMES = {
    "string": "String",
    "number": "Number",
    "date": "Date",
    "percentage": "Percentage",
    "boolean": "Boolean",
}
MOST_SHOWN = 500
SAMPLES = 5
CONFLICT = 409
PREFIX = "type:"
NOTHING: Mapping[str, str] = {}


@get(PATH, sync_to_thread=True)
def traits_page(request: PageRequest) -> Response[str]:
    """The traits of accounts or users with their types."""
    return _page(Visit(request))


@post(PATH, status_code=200, sync_to_thread=True)
def traits_posted(request: PageRequest, body: RawBody) -> Response[Any]:
    """Choose types; all choices of the form are one version."""
    visit, form = Visit(request), Form(bounded(body))
    of = _of(visit)
    kind = KINDS[of]
    known = {each.key: each for each in trait_list(visit.product, kind, samples=0)}
    sent = {key: form.text(PREFIX + key) for key in known if form.has(PREFIX + key)}
    chosen = {
        key: next((each for each in TRAIT_TYPES if each == text), None)
        for key, text in sent.items()
        if text != (known[key].chosen or "") and (not text or text in TRAIT_TYPES)
    }

    def typed(config: ProductConfig) -> ProductConfig:
        for key, type_ in chosen.items():
            config = type_trait(kind, key, type_)(config)
        return config

    def told(config: ProductConfig) -> dict[str, str]:
        types = getattr(config.trait_types, kind)
        return {key: TYPE_NAMES[types[key]] if key in types else "Inferred" for key in sent}

    if chosen:
        change = unless_meanwhile(visit, form.text("revision"), told, typed)
        why = f"types of {kind} traits: {', '.join(chosen)}"[:300]
        try:
            visit.running.change_config(visit.product.product_id, change, by=visit.by, why=why)
        except ChangedMeanwhile as error:
            return _page(visit, sent, error.meanwhile, status=CONFLICT)
    where = visit.link(PATH, None, of=of, q=request.query_params.get("q", "")[:200], told="saved" if chosen else "")
    return Redirect(where, status_code=303, headers=HEADERS)


def _of(visit: Visit) -> str:
    of = visit.request.query_params.get("of", "accounts")
    return of if of in KINDS else "accounts"


def _page(
    visit: Visit, typed: Mapping[str, str] = NOTHING, meanwhile: Meanwhile | None = None, *, status: int = 200
) -> Response[str]:
    of, search = _of(visit), visit.request.query_params.get("q", "").strip()[:200]
    totals = visit.product.store.totals()
    every = trait_list(visit.product, KINDS[of], samples=SAMPLES)
    found = [each for each in every if search.lower() in each.key.lower()]
    return page(
        visit,
        "settings_traits.html",
        status=status,
        typed=typed,
        meanwhile=meanwhile,
        of=of,
        tabs=[(visit.link(PATH, None, of=each), each.capitalize(), each) for each in KINDS],
        traits=sorted(found, key=lambda each: (-bool(each.unfit), -each.have, each.key))[:MOST_SHOWN],
        found=len(found),
        total=len(every),
        many=totals.users if of == "users" else totals.accounts,
        unfit=sum(bool(each.unfit) for each in every),
        types=list(TYPE_NAMES.items()),
        names=TYPE_NAMES,
        search=search,
        here=visit.link(PATH, None, of=of, q=search),
        path=visit.link(PATH),
        told=visit.request.query_params.get("told", ""),
    )
