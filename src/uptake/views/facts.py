"""What a store knows of one user or account, for judging conditions one by one (`uptake.segments.judging`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from uptake.core.conditions import Did, NumberField, Of
from uptake.core.config import TraitType
from uptake.core.days import day_of
from uptake.core.scores import Numbers, ScoringModel
from uptake.stores.events.base import EventStore
from uptake.stores.events.rows import meaning_of

EVER_DAYS = 40_000
"""Longer than any history that a day of the product can look back on."""


class StoreFacts:
    """`Facts` of one row of a ranked list on a day."""

    def __init__(self, store: EventStore, model: ScoringModel, day: date, numbers: Numbers) -> None:
        """numbers: of this model and day, which was scored."""
        self._store, self._model, self._day, self._numbers = store, model, day, numbers
        self._zone = ZoneInfo(store.rules.time_zone)

    def times(self, did: Did) -> int:
        """How often it was done by whom the condition asks about."""
        kind, whom = self._numbers.kind, self._numbers.tracking_id
        if kind == "user" and did.of == "account":
            account = self._account()
            if account is None:
                return 0
            kind, whom = "account", account
        by_user: Counter[str] = Counter()
        for part in self._store.parts(kind, whom, self._counting(did), self._day):
            by_user[part.user] += part.times
        if self._numbers.kind == "account" and did.of == "user":
            return max(by_user.values(), default=0)
        return by_user.total()

    def _counting(self, did: Did) -> ScoringModel:
        """A model under which the parts of a score are the times of the condition's events, in its days."""
        events = [event for event, feature in self._model.features.items() if feature == did.feature]
        named = events if did.feature else [did.event]
        return msgspec.structs.replace(
            self._model,
            window_days=did.within_days or EVER_DAYS,
            weights=dict.fromkeys(named, 1),
            scored_events=frozenset(named),
            every_event=False,
            daily_cap=None,
            half_life_days=None,
        )

    def trait(self, of: Of, key: str) -> Sequence[Any]:
        """The trait's values."""
        kind, whom = self._numbers.kind, self._numbers.tracking_id
        if kind == "account" and of == "user":
            found = self._store.member_traits(whom, key)
            return [value for user, value in found.items() if user not in self._model.excluded_users]
        if kind != of:
            account = self._account()
            return [] if account is None else self._own(self._store.traits("account", account), key)
        return self._own(self._store.traits(kind, whom), key)

    def _account(self) -> str | None:
        """The account that a user is in, unless it is excluded."""
        account = self._numbers.account
        return None if account in self._model.excluded_accounts else account

    @staticmethod
    def _own(traits: Mapping[str, Any], key: str) -> list[Any]:
        name = "createdAt" if key == "created_at" else key
        return [traits[name]] if name in traits else []

    def number(self, field: NumberField) -> float | None:
        """A number of the day."""
        numbers = self._numbers
        match field:
            case "tenure_days":
                return self._days_since(self._day_at(numbers.created_us))
            case "last_active_days":
                return self._days_since(self._day_at(numbers.last_active_us))
            case "first_seen_days":
                return self._days_since(numbers.first_seen)
            case "active_users_percent":
                return 100 * numbers.active_users / numbers.total_users if numbers.total_users else 0.0
        found: float | None = getattr(numbers, field)
        return found

    def score_change(self, over_days: int) -> float:
        """Against the score that stood so many days before; over a window as it is listed."""
        numbers = self._numbers
        if over_days == self._model.window_days:
            return numbers.score_change
        then = self._day - timedelta(days=over_days)
        return numbers.score - self._store.score(numbers.kind, numbers.tracking_id, self._model, then)

    def _days_since(self, day: date | None) -> int | None:
        return None if day is None else (self._day - day).days

    def _day_at(self, moment_us: int | None) -> date | None:
        if moment_us is None:
            return None
        try:
            return day_of(moment_us, self._zone)
        except OverflowError:  # the zone moves the first or last day that there is out of the calendar
            return date.min if moment_us < 0 else date.max

    def level(self) -> str:
        """The level of the day."""
        return self._numbers.level

    def type_of(self, of: Of, key: str) -> TraitType | None:
        """The trait's type, where one was chosen."""
        return self._store.rules.trait_types.of(of, key)

    def day_of(self, value: Any) -> date | None:
        """The day of a trait's value in the product's zone."""
        return self._day_at(meaning_of(msgspec.json.encode(value).decode())[1])

    def today(self) -> date:
        """The day that is asked about."""
        return self._day
