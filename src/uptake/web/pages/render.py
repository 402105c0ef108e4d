"""From a template to a response: the Jinja environment, and the addresses of the built assets."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response

from uptake.web.pages.formats import FILTERS
from uptake.web.pages.visit import PageRequest, Visit, theme_of

WEB = Path(__file__).parents[1]
STATIC = WEB / "static"
HEADERS = {"Cache-Control": "no-store", "Vary": "HX-Request-Type, Cookie"}
"""A part and its whole page share an address: neither may be taken for the other out of a cache."""


@lru_cache(maxsize=1)
def _manifest(changed_ns: int) -> dict[str, str]:
    entries: dict[str, dict[str, Any]] = msgspec.json.decode((STATIC / "manifest.json").read_bytes())
    return {name: f"/static/{entry['file']}" for name, entry in entries.items()}


def asset(name: str) -> str:
    """The address of a built file, by the name of its source.  Raises FileNotFoundError where nothing is built."""
    return _manifest((STATIC / "manifest.json").stat().st_mtime_ns)[name]


environment = Environment(
    loader=FileSystemLoader(WEB / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters.update(FILTERS)
environment.globals["asset"] = asset


def html(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any) -> Response[str]:
    """Render a template as a response with the headers of a page."""
    text = environment.get_template(template).render(context)
    return Response(text, status_code=status, media_type=MediaType.HTML, headers={**HEADERS, **(headers or {})})


def page(
    visit: Visit, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response[str]:
    """Render a page of the app, or for htmx its part of the same name under parts/."""
    return html(template, status=status, headers=headers, visit=visit, now_us=visit.running.clock(), **context)


def alone(
    request: PageRequest, template: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response[str]:
    """Render a page that stands outside the app: of who is not signed in, or may not."""
    return html(template, status=status, headers=headers, theme=theme_of(request), **context)
