"""What the oracle of the event stores knows of one user or account, for `uptake.segments.judging`."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from uptake.core.conditions import Did, NumberField, Of
from uptake.core.effects import Kind
from uptake.core.scores import Numbers, ScoringModel


class MemoryFacts:
    """`Facts` of one user or account on a day, from the dicts of a `MemoryEventStore`."""

    def __init__(self, store: Any, kind: Kind, each: str, model: ScoringModel, day: date, numbers: Numbers) -> None:
        self._store, self._kind, self._each = store, kind, each
        self._model, self._day, self._numbers = model, day, numbers

    def times(self, did: Did) -> int:
        whom = self._each
        if self._kind == "user" and did.of == "account":
            accounts = self._accounts_of(self._each)
            if not accounts:
                return 0
            (whom,) = accounts
        kind = did.of or self._kind
        by_user: Counter[str] = Counter()
        for act in self._store._counting(self._model):
            named = did.event == act.event if not did.feature else self._model.features.get(act.event) == did.feature
            since = date.min if did.within_days is None else self._day - timedelta(days=did.within_days - 1)
            if not named or not since <= act.day <= self._day:
                continue
            concerned = [act.user] if kind == self._kind == "user" else self._store._reached(act)
            if whom in concerned:
                by_user[act.user] += 1
        if self._kind == "account" and kind == "user":
            return max(by_user.values(), default=0)
        return sum(by_user.values())

    def trait(self, of: Of, key: str) -> Sequence[Any]:
        if of == self._kind:
            whose = [self._each]
        elif of == "account":
            whose = self._accounts_of(self._each)
        else:
            users = (each for kind, each in sorted(self._store._known) if kind == "user")
            whose = [
                user
                for user in users
                if user not in self._model.excluded_users and self._each in self._accounts_of(user)
            ]
        values = [self._store._value(of, each, key) for each in whose]
        return [msgspec.json.decode(value) for value in values if value is not None]

    def _accounts_of(self, user: str) -> list[str]:
        turns = self._store._turns(user)
        return [account for _, account in turns[-1:] if account not in self._model.excluded_accounts]

    def number(self, field: NumberField) -> float | None:
        numbers = self._numbers
        if field == "tenure_days":
            return self._days_since(None if numbers.created_us is None else self._store._day(numbers.created_us))
        if field == "last_active_days":
            return self._days_since(
                None if numbers.last_active_us is None else self._store._day(numbers.last_active_us)
            )
        if field == "first_seen_days":
            return self._days_since(numbers.first_seen)
        if field == "active_users_percent":
            return 100 * numbers.active_users / numbers.total_users if numbers.total_users else 0.0
        return getattr(numbers, field)

    def score_change(self, over_days: int) -> float:
        if over_days == self._model.window_days:
            return self._numbers.score_change
        then = self._store._scored.get((self._model.workspace_id, self._day - timedelta(days=over_days)))
        kept = then.kept.get((self._kind, self._each)) if then else None
        return self._numbers.score - (kept.score if kept else 0)

    def _days_since(self, day: date | None) -> int | None:
        return None if day is None else (self._day - day).days

    def level(self) -> str:
        return self._numbers.level

    def type_of(self, of: Of, key: str) -> Any:
        types = getattr(self._store.rules.trait_types, of)
        return types.get("createdAt" if key == "created_at" else key)

    def day_of(self, value: Any) -> date | None:
        moment_us = self._store.moment_of(msgspec.json.encode(value).decode())
        return None if moment_us is None else self._store._day(moment_us)

    def today(self) -> date:
        return self._day
