"""The shape of the source, and proof that each measure can break."""

import textwrap
from pathlib import Path

import pytest

from tools import shape

MEASURES = {measure.name: measure for measure in shape.measure(shape.modules())}


@pytest.mark.parametrize("name", MEASURES)
def test_the_source_keeps_its_shape(name):
    """Every measure of docs/design.md, "Shape", is within its limit."""
    measure = MEASURES[name]

    assert measure.holds, f"{name}: {measure.value:g}, limit {measure.limit}\n" + "\n".join(measure.places)


BROKEN = {
    "lines of a module": {"a.py": '"""A."""\n' * 401},
    "lines of a function, p90": {"a.py": "def f():\n" + "    pass\n" * 28},
    "untyped arguments": {"a.py": "def f(self, one, *, two: int) -> None: ...\n"},
    "modules without a docstring": {"a.py": "X = 1\n"},
    "% of public functions with a docstring": {"a.py": 'def f(): ...\ndef g(): "Say."\n'},
    "own imports inside a function": {"a.py": "def f():\n    from uptake import b\n", "b.py": ""},
    "broad excepts": {"a.py": "try: ...\nexcept Exception: ...\n" * 2 + "try: ...\nexcept: ...\n"},
    "packages that import each other": {
        "a/__init__.py": "from uptake.b import x\n",
        "b/__init__.py": "from ..a import y\n",
    },
}


@pytest.mark.parametrize("name", MEASURES)
def test_each_measure_can_break(name, tmp_path):
    """A source made to break one limit is seen to break it."""
    package = write(tmp_path / "uptake", BROKEN[name])

    broken = {measure.name for measure in shape.measure(shape.modules(package)) if not measure.holds}

    assert name in broken


def test_a_tidy_package_breaks_nothing(tmp_path):
    """Relative imports downwards, a documented function and a narrow except keep every limit."""
    package = write(
        tmp_path / "uptake",
        {
            "core/__init__.py": '"""Words."""\n',
            "web/__init__.py": '''\
                """Edge."""
                from ..core import word

                def say(self, text: str) -> str:
                    """Say it."""
                    try:
                        return text
                    except ValueError:
                        return word
                ''',
        },
    )

    assert all(measure.holds for measure in shape.measure(shape.modules(package)))


def write(package: Path, files: dict[str, str]) -> Path:
    """Write a package of the given files and return its folder."""
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return package
