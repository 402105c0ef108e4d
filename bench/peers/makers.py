"""Random mappings and events: every directive, mostly with options that fit it and paths that lead somewhere."""

import random
from collections.abc import Callable
from typing import Any

from uptake.destination.directives import DIRECTIVES

Event = dict[str, Any]

TEXTS = [
    "a",
    "",
    "aXa",
    "Ana Example",
    "pro",
    "10",
    " 7 ",
    "é😀x",
    "ana@example.com",
    "true",
    "null",
    "a,b",
    "{{a}}",
    "$& $$",
]
LARGE = [2**53 + 1, 12345678901234567890, -(2**60) - 1]
NUMBERS = [0, 1, -1, 2, 5.5, -0.5, 10, 1e21, 1e-7, 123456789, 0.1, 99.95]
KEYS = ["a", "b", "email", "plan", "name", "0", "1", "x y", "items"]
ROOTS = ["userId", "event", "traits", "properties", "context", "a", "nope"]
SHAPED = ["$.traits.email", "$.properties.items", "$.a", "a.b", "traits['x y']", "properties.items[0].name", "$.nope.b"]
ODD_PATHS = [
    "",
    ".",
    "$.",
    "$",
    "$.traits.$.email",
    "traits.email.length",
    "a[b]",
    "traits[0",
    "['a.b']",
    "userId.0",
    "x$.a",
]
LEAKS = ["constructor.name", "traits.__proto__", "userId.toString", "$.properties.items.constructor"]
CHAINS = [
    *("upcase", "downcase", "capitalize", "size", "strip", "append: 'z'", "prepend: 'y'", "default: 'd'", "first"),
    *("plus: 1", "minus: 2", "times: 3", "divided_by: 2", "modulo: 3", "round", "round: 1", "ceil", "floor", "abs"),
    *("truncate: 3", "replace: 'a', 'b'", "remove: 'a'", "split: ','", "join: '-'", "slice: 1, 2", "escape"),
    *("json", "compact", "last", "url_encode"),
    *("strip_html", "at_least: 3", "at_most: 3", "truncatewords: 1", "replace_first: 'a', 'b'"),
]  # fmt: skip
TESTS = [
    "a",
    "a == 'a'",
    "a != b",
    "a > 1",
    "traits.plan == 'pro' and a",
    "a contains 'a'",
    "nope",
    "a == blank",
    "a or b",
]


class Maker:
    """Makes mappings and events; the same seed makes the same ones."""

    def __init__(self, draw: random.Random, *, odd: float = 0.06) -> None:
        """odd: how often something is made that does not fit its place."""
        self.draw, self.odd = draw, odd

    def _odd(self) -> bool:
        return self.draw.random() < self.odd

    def atom(self) -> Any:
        """A value without parts."""
        if self.draw.random() < 0.003:
            return self.draw.choice(LARGE)
        return self.draw.choice([self.draw.choice(TEXTS), self.draw.choice(NUMBERS), True, False, None])

    def value(self, depth: int = 0) -> Any:
        """Any JSON value."""
        way = self.draw.random()
        if depth > 2 or way < 0.6:
            return self.atom()
        if way < 0.75:
            return [self.value(depth + 1) for _ in range(self.draw.randint(0, 3))]
        return {key: self.value(depth + 1) for key in self.draw.sample(KEYS, self.draw.randint(0, 4))}

    def event(self) -> Event:
        """An event in which what paths name is mostly there."""
        event = {key: self.value() for key in ROOTS[:-1] if self.draw.random() < 0.9}
        if self.draw.random() < 0.7:
            event["properties"] = {
                "items": [{"name": self.atom(), "price": self.atom()} for _ in range(2)],
                "a": self.value(),
            }
        if self.draw.random() < 0.7:
            event["traits"] = {key: self.value(1) for key in KEYS}
        return event

    def path(self) -> str:
        """A path as an editor of mappings writes it, or an odd one."""
        if self._odd():
            return self.draw.choice(LEAKS if self.draw.random() < 0.1 else ODD_PATHS)
        return self.draw.choice(SHAPED) if self.draw.random() < 0.4 else self._steps()

    def _steps(self) -> str:
        keys = [self.draw.choice(ROOTS), *self.draw.choices(KEYS, k=self.draw.randint(0, 2))]
        return self.draw.choice(["$.", "$.", ""]) + ".".join(keys)

    def template(self) -> str:
        """Text with placeholders."""
        holes = ["{{%s}}", "{{ %s }}", "{{{%s}}}"]
        parts = [
            self.draw.choice(["Hi ", "", "-", "$"]) + self.draw.choice(holes) % self.path().replace("$.", "")
            for _ in range(2)
        ]
        return (
            "".join(parts)
            if self.draw.random() < 0.9
            else self.draw.choice(["{{}}", "{{ }}", "{{.}}", "}}{{", "plain"])
        )

    def liquid(self) -> str:
        """A Liquid template: outputs with filters, conditions, assignments."""

        def output() -> str:
            value = self.draw.choice(
                ["a", "b", "userId", "traits.plan", "properties.items[0].name", "'lit'", "7", "nope"]
            )
            chain = "".join(f" | {self.draw.choice(CHAINS)}" for _ in range(self.draw.choice([0, 1, 1, 2])))
            return f"{{{{ {value}{chain} }}}}"

        way = self.draw.random()
        if way < 0.6:
            return output()
        if way < 0.8:
            return f"{{% if {self.draw.choice(TESTS)} %}}{output()}{{% else %}}no{{% endif %}}"
        if way < 0.9:
            return f"{{% assign v = a | {self.draw.choice(CHAINS)} %}}{{{{ v }}}}!"
        return self.draw.choice(
            ["{% for x in a %}{% endfor %}", "{{ a | map: 'b' }}", "{{ a", "{% unless a %}x{% endunless %}", ""]
        )

    def part(self, depth: int = 0) -> Any:
        """A part of a mapping: a directive, or a raw value with directives in it."""
        if depth > 3 or self.draw.random() < 0.3:
            return {"@path": self.path()}
        if self.draw.random() < 0.12:
            return self.atom()
        if self.draw.random() < 0.1:
            return [self.part(depth + 1) for _ in range(self.draw.randint(0, 3))]
        if self.draw.random() < 0.12:
            return {key: self.part(depth + 1) for key in self.draw.sample(KEYS, 2)}
        return self.directive(depth)

    def directive(self, depth: int) -> Any:
        """A directive with options that mostly fit it."""
        name = self.draw.choice([*DIRECTIVES])
        options = self._options(name, lambda: self.part(depth + 1))
        if self._odd():
            options = self._spoilt(options, depth)
        if self._odd():
            name = self.draw.choice(["@oops", "@", "@path", "@if", "@Template"])
        return (
            {name: options} if not self._odd() else {name: options, self.draw.choice(["_metadata", "x", "@path"]): "a"}
        )

    def _options(self, name: str, inner: Callable[[], Any]) -> Any:
        """Options that fit the directive; `inner` makes the parts in them."""
        choose = self.draw.choice
        if name in ("@path", "@template", "@liquid"):
            return {"@path": self.path, "@template": self.template, "@liquid": self.liquid}[name]()
        if name == "@if":
            return {choose(["exists", "exists", "blank"]): inner(), "then": inner(), "else": inner()}
        if name == "@case":
            return {"operator": choose(["lower", "upper"]), "value": {"@path": self.path()}}
        if name == "@replace":
            more = [{}, {"global": False}, {"ignorecase": True}, {"pattern2": "b", "replacement2": "c"}]
            texts = {
                "pattern": choose(["a", "X", "e", ".", "an"]),
                "replacement": choose(["", "b", "$&", "$$", "[$`]"]),
            }
            return {**texts, "value": {"@path": self.path()}, **choose(more)}
        if name == "@arrayPath":
            return [choose([self.path(), {"@path": self.path()}]), *choose([[], [{"n": inner()}]])]
        if name == "@flatten":
            return {"separator": choose([".", "_"]), "value": inner(), **choose([{}, {"omitArrays": True}])}
        if name == "@json":
            return {"mode": choose(["encode", "decode"]), "value": inner()}
        if name == "@merge":
            return {"direction": choose(["left", "right"]), "objects": [inner(), inner()]}
        if name == "@transform":
            return {"apply": {"a": inner(), "b": inner()}, "mapping": {"c": inner()}}
        return inner()

    def _spoilt(self, options: Any, depth: int) -> Any:
        """The options with one of them missing, or another value in its place."""
        if not isinstance(options, dict) or not options or self.draw.random() < 0.2:
            return self.draw.choice([self.value(), self.part(depth + 1)])
        key = self.draw.choice([*options])
        if self.draw.random() < 0.5:
            return {name: value for name, value in options.items() if name != key}
        return {**options, key: self.value(2)}

    def mapping(self) -> dict[str, Any]:
        """A whole mapping."""
        if self.draw.random() < 0.05:
            return self.directive(0)
        return {key: self.part() for key in self.draw.sample(KEYS, self.draw.randint(1, 3))}
