"""What the pages of events and features share: over which days, of accounts or of users, and how use is drawn."""

from collections.abc import Sequence
from typing import Any

import msgspec

from uptake.core.effects import Kind
from uptake.views.usage import Adoption, UsedDay
from uptake.web.pages.charts import Figure, Series
from uptake.web.pages.visit import Visit

DAYS = (7, 30, 90)
USUAL_DAYS = 30
NAMES: dict[Kind, str] = {"account": "accounts", "user": "users"}
_SCOPES: dict[str, Kind] = {"users": "user"}


class Asked:
    """What the address of such a page says: `days` to look back on and, with `of=users`, users instead of accounts."""

    def __init__(self, visit: Visit) -> None:
        """Values that are not known are taken as absent."""
        params = visit.request.query_params
        self._visit, self.path = visit, visit.request.url.path
        self.days = next((days for days in DAYS if str(days) == params.get("days", "")), USUAL_DAYS)
        self.kind: Kind = _SCOPES.get(params.get("of", ""), "account")
        self.many = NAMES[self.kind]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a link to such a page keeps of it."""
        days = [("days", str(self.days))] if self.days != USUAL_DAYS else []
        return [*days, *([("of", "users")] if self.kind == "user" else [])]

    def link(self, path: str = "", name: str | None = None, **changed: str) -> str:
        """An address that looks at the same days and kind, but for what is changed."""
        return self._visit.link(path or self.path, name, **(dict(self.kept) | changed))

    @property
    def ranges(self) -> list[tuple[str, str, bool]]:
        """The days to choose from: label, address, is it chosen?"""
        return [
            (f"{days} days", self.link(days=str(days) if days != USUAL_DAYS else ""), days == self.days)
            for days in DAYS
        ]

    @property
    def kinds(self) -> list[tuple[str, str, bool]]:
        """Accounts or users: label, address, is it chosen?"""
        return [
            (name.capitalize(), self.link(of="users" if kind == "user" else ""), kind == self.kind)
            for kind, name in NAMES.items()
        ]


class Told(msgspec.Struct, frozen=True):
    """Use in numbers of the page's kind, as a row or a tile shows them; daily: mean share of a day, in percent."""

    times: int
    times_before: int
    users: int
    accounts: int
    count: int
    share: float
    change: float
    daily: float
    trend: Sequence[int]

    @property
    def times_change(self) -> float | None:
        """By how many percent the times changed; None where there were none before."""
        return 100 * (self.times - self.times_before) / self.times_before if self.times_before else None


def told_of(asked: Asked, adoption: Adoption, days: Sequence[UsedDay]) -> Told:
    """Adoption and days in the numbers of the page's kind."""
    shares = [each.share(asked.kind) for each in days]
    return Told(
        times=adoption.now.times,
        times_before=adoption.before.times,
        users=adoption.now.users,
        accounts=adoption.now.accounts,
        count=adoption.count(asked.kind),
        share=adoption.share(asked.kind),
        change=adoption.change(asked.kind),
        daily=sum(shares) / len(shares) if shares else 0.0,
        trend=[each.use.users if asked.kind == "user" else each.use.accounts for each in days],
    )


def use_figures(days: Sequence[UsedDay]) -> list[tuple[str, str, Figure]]:
    """Id, title and chart of what is told day by day: adoption of both kinds, who it was, and how often."""
    dates = [each.day for each in days]

    def figure(label: str, *series: Series, **more: Any) -> Figure:
        return Figure(label, dates, series, **more)

    shares = [
        Series("Accounts", [each.share("account") for each in days], "line", "series-1"),
        Series("Users", [each.share("user") for each in days], "line", "series-2"),
    ]
    return [
        ("by-share", "Adoption", figure("Adoption by day", *shares, unit="%")),
        ("by-account", "Accounts", figure("Accounts by day", Series("Accounts", [each.use.accounts for each in days]))),
        ("by-user", "Users", figure("Users by day", Series("Users", [each.use.users for each in days]))),
        ("by-times", "Times", figure("Times by day", Series("Times", [each.use.times for each in days], "bar"))),
    ]
