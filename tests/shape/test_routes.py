"""The route table: what is served has somebody who owns it, a permission, a word of documentation, and a test."""

import re
from pathlib import Path

import pytest

from uptake.web.routes import ROUTES

ROOT = Path(__file__).parents[2]


def _with_addresses(text: str) -> str:
    """A test file with the addresses that it gives names to written out where the names are used."""
    for names, values in re.findall(r"^([A-Z_]+(?:, [A-Z_]+)*) = ((?:\"/[^\"]*\"(?:, )?)+)$", text, re.MULTILINE):
        for name, value in zip(names.split(", "), re.findall(r"\"([^\"]*)\"", values), strict=False):
            text = text.replace(f"{{{name}}}", value).replace(f'{name} + "', f'"{value}')
    return text


TESTS = "\n".join(
    _with_addresses(path.read_text())
    for path in sorted((ROOT / "tests").rglob("*.py"))
    if path != Path(__file__) and "clients" not in path.parts
)
ANY = r"""[^\s"'`/?]+"""
MANY = 2
FIELD = r"{[^{}\s]+}"
"""A step of a path as a test writes it: anything for one that varies, else the step itself or a field."""


def asked(path: str) -> bool:
    """Does a test name the address, whatever stands in its steps?"""
    first, *others = path.removeprefix("/").split("/")
    steps = [ANY if step.startswith("{") else f"(?:{re.escape(step)}|{FIELD})" for step in others]
    beginnings = [f"/{re.escape(first)}", *([FIELD] if len(others) > MANY else [])]
    named = f"(?:{'|'.join(beginnings)})" + "".join(f"/{step}" for step in steps)
    return re.search(rf"""["'}}]{named}/?["'?#]""", TESTS) is not None


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_owned_permitted_and_written_down(route):
    """It belongs to a part of the server, says who may ask for it, and stands in the reference with a sentence."""
    page = (ROOT / "docs" / "reference" / "routes.md").read_text()

    assert route.part
    assert route.permission
    assert len(route.summary) > 3
    assert f"`{route.method} {route.path}`" in page


def test_every_route_is_asked_for_by_a_test():
    """Some test names the address of each, beside those that go through the whole table."""
    assert [f"{route.method} {route.path}" for route in ROUTES if not asked(route.path)] == []
