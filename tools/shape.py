"""Measure the shape of `src/uptake`, and say where it leaves the limits.

The limits are the ones of docs/design.md, "Shape".  Measured from the syntax trees alone: nothing is
imported.
`python -m tools.shape` prints every measure beside its limit, then each place that breaks one.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "uptake"
NOT_SOURCE = {"migrations", "static", "templates"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def first_level(name: str) -> str:
    """The folder or module right under the package in a dotted name; empty for the package itself."""
    return name.split(".")[1] if "." in name else ""


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its text and its syntax tree."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @cached_property
    def lines(self) -> int:
        """How many lines the file has."""
        return self.text.count("\n")

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, nested ones too."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @property
    def package(self) -> str:
        """The folder or module right under `uptake`; empty for `uptake/__init__.py`."""
        return first_level(self.name)

    def at(self, node: ast.AST) -> str:
        """Say where a node stands, as file:line."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class Measure:
    """One measured value beside its limit, and the places that break it."""

    name: str
    value: float
    limit: str
    places: list[str]
    holds: bool


def modules(package: Path = PACKAGE) -> list[Module]:
    """Parse every source file of the package, in order of path."""
    found = []
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        if NOT_SOURCE & set(inside.parts):
            continue
        parts = [package.name, *inside.with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        text = path.read_text()
        found.append(Module(path, ".".join(parts), text, ast.parse(text)))
    return found


def length(function: Function) -> int:
    """How many lines a function takes, decorators left out."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def untyped(function: Function) -> list[str]:
    """Name the arguments that have no annotation; `self` and `cls` need none."""
    a = function.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    return [arg.arg for arg in arguments if arg.annotation is None and arg.arg not in ("self", "cls")]


def is_broad(node: ast.AST) -> bool:
    """Whether the node catches everything: a bare `except`, or one of Exception or BaseException."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in caught
    )


def own_imports(module: Module, within: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each import of our own modules found in a tree, as (statement, dotted name)."""
    folder = module.name.split(".")
    if module.path.name != "__init__.py":
        folder = folder[:-1]
    for node in ast.walk(within):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            names = [f"{stem}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((node, name) for name in names if name.split(".")[0] == module.name.split(".")[0])


def late_imports(module: Module) -> list[str]:
    """Places where a function imports a module of ours; such an import hides a cycle."""
    return sorted({module.at(node) for f in module.functions for node, _ in own_imports(module, f)})


def mutual_packages(all_modules: list[Module]) -> list[str]:
    """Pairs of first-level packages that import each other, as `a <-> b`."""
    known = {module.package for module in all_modules} - {""}
    edges = {
        (module.package, target)
        for module in all_modules
        for _, name in own_imports(module, module.tree)
        if (target := first_level(name)) in known and target != module.package
    }
    return sorted(f"{a} <-> {b}" for a, b in edges if a < b and (b, a) in edges)


def at_most(name: str, limit: float, places: list[str], *, value: float | None = None) -> Measure:
    """A measure that must not go above its limit; without a value, the number of places counts."""
    measured = len(places) if value is None else value
    return Measure(name, measured, f"<= {limit}", places, measured <= limit)


def measure(all_modules: list[Module]) -> list[Measure]:
    """Take every measure over the modules; an empty package keeps every limit."""
    functions = [(m, f) for m in all_modules for f in m.functions]
    lengths = sorted(length(f) for _, f in functions) or [0]
    public = [(m, f) for m, f in functions if not f.name.startswith("_")]
    bare = [f"{m.at(f)} {f.name}" for m, f in public if not ast.get_docstring(f)]
    documented = 100 * (1 - len(bare) / max(1, len(public)))
    p90 = lengths[min(len(lengths) - 1, int(len(lengths) * 0.9))]
    longest = max((m.lines for m in all_modules), default=0)
    late = [place for m in all_modules for place in late_imports(m)]
    mute = [str(m.path) for m in all_modules if not ast.get_docstring(m.tree)]
    return [
        at_most("lines of a module", 400, [str(m.path) for m in all_modules if m.lines > 400], value=longest),
        at_most("lines of a function, p90", 28, [m.at(f) for m, f in functions if length(f) > 28], value=p90),
        at_most("untyped arguments", 0, [f"{m.at(f)} {arg}" for m, f in functions for arg in untyped(f)]),
        at_most("modules without a docstring", 0, mute),
        Measure("% of public functions with a docstring", documented, ">= 80", bare, documented >= 80),
        at_most("own imports inside a function", 0, late),
        at_most("broad excepts", 2, [m.at(n) for m in all_modules for n in ast.walk(m.tree) if is_broad(n)]),
        at_most("packages that import each other", 0, mutual_packages(all_modules)),
    ]


def main() -> None:
    """Print the measures, and the places of those that do not hold; exit with 1 if there is one."""
    measures = measure(modules())
    for m in measures:
        print(f"{'ok  ' if m.holds else 'FAIL'} {m.name}: {m.value:g} ({m.limit})")
        if not m.holds:
            print("\n".join(f"       {place}" for place in m.places))
    sys.exit(not all(m.holds for m in measures))


if __name__ == "__main__":
    main()
