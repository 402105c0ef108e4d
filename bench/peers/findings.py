"""What a comparison found: agreements counted, differences each with a reason, and those that have none."""

import json
from collections import Counter
from typing import Any

import msgspec

SHOWN = 200


class Finding(msgspec.Struct, frozen=True):
    """One difference.

    reason: why it is so and stays so; None if nobody knows yet.  example: the case itself.
    case: what it shares with differences that are most likely the same one; only the first of them is shown.
    """

    kind: str
    reason: str | None
    example: str
    case: str = ""


class Comparison:
    """Everything found in one area: triggers, mappings or actions."""

    def __init__(self, area: str) -> None:
        self.area = area
        self.alike: Counter[str] = Counter()
        self.known: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], str] = {}
        self.unknown: list[Finding] = []

    def add(self, finding: Finding | str) -> None:
        """Count a difference, or an agreement, which is given by its name."""
        if isinstance(finding, str):
            self.alike[finding] += 1
        elif finding.reason is None:
            self.unknown.append(finding)
        else:
            known = finding.kind, finding.reason
            self.known[known] += 1
            shortest = min(self.examples.get(known, finding.example), finding.example, key=len)
            self.examples[known] = shortest

    def report(self) -> str:
        """Counts of what agrees, each kind of difference with its reason and shortest example, then the unknown."""
        lines = [
            f"{self.area}: {sum(self.alike.values()):,} alike, {sum(self.known.values()):,} differ for a known reason"
            f", {len(self.unknown):,} for none"
        ]
        lines += [f"  alike    {count:>7,}  {what}" for what, count in self.alike.most_common()]
        for (kind, reason), count in self.known.most_common():
            lines += [
                f"  differs  {count:>7,}  {kind}: {reason}",
                f"                    e.g. {self.examples[kind, reason]}",
            ]
        cases: dict[str, list[Finding]] = {}
        for finding in self.unknown:
            cases.setdefault(finding.case or finding.example, []).append(finding)
        lines += [f"  UNKNOWN  {len(each):>7,}  {each[0].kind}: {each[0].example}" for each in cases.values()]
        return "\n".join(lines)


def short(value: Any) -> str:
    """A value as JSON, cut to what fits a line or two."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.encode("utf-8", "backslashreplace").decode()  # half of a pair cannot be printed
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def canonical(value: Any) -> Any:
    """The value as it compares in JavaScript's JSON: 1.0 is 1, and true is not 1."""
    if isinstance(value, bool) or value is None:
        return ("constant", value)
    if isinstance(value, int | float):
        return float(value) + 0.0
    if isinstance(value, dict):
        return {key: canonical(child) for key, child in value.items()}
    return [canonical(child) for child in value] if isinstance(value, list) else value
