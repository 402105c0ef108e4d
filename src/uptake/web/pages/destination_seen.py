"""What the log lately held: calls to try a mapping on, paths and names to offer, and how often triggers matched."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from uptake.core.calls import LoggedCall
from uptake.core.config import Mapping
from uptake.core.effects import Acted, Effect, Joined
from uptake.destination.fql import TriggerError, compile_trigger
from uptake.destination.meaning import event_of
from uptake.pipeline.product import RunningProduct
from uptake.stores.log.base import read_past_damage
from uptake.views.destination import SAMPLES

LATELY = 200
MOST_OFFERED = 30
MOST_PATHS = 300
DEEPEST = 4
STANDARD_PATHS = ("type", "event", "name", "userId", "anonymousId", "groupId", "messageId", "timestamp", "receivedAt")


class Choice(msgspec.Struct, frozen=True):
    """A call to pick: `log:12` or `sample:track`, and what it is in words."""

    value: str
    label: str


class Seen(msgspec.Struct, frozen=True):
    """The latest logged calls, newest first, with their events as mappings see them."""

    calls: tuple[LoggedCall, ...]
    events: tuple[dict[str, Any], ...]

    @property
    def paths(self) -> list[str]:
        """Paths that these calls have, and those that any call may have, as `$.traits.plan`."""
        found = Counter(path for event in self.events for path in paths_in(event))
        below = [path for path, _ in found.most_common(MOST_PATHS) if path not in STANDARD_PATHS]
        return [f"$.{path}" for path in (*STANDARD_PATHS, *sorted(below))]

    @property
    def event_names(self) -> list[str]:
        """The names of events and pages that these calls have."""
        return sorted({str(event[key]) for event in self.events for key in ("event", "name") if event.get(key)})

    @property
    def choices(self) -> list[Choice]:
        """The latest calls and a sample of each type."""
        logged = [Choice(f"log:{call.offset}", label_of(call)) for call in self.calls[:MOST_OFFERED]]
        return [*logged, *(Choice(f"sample:{kind}", f"sample of {kind}") for kind in SAMPLES)]

    def matched(self, mapping: Mapping) -> int:
        """On how many of these calls the mapping's trigger holds, whether it is enabled or not."""
        try:
            fires = compile_trigger(mapping.trigger)
        except TriggerError:
            return 0
        mapped = zip(self.calls, self.events, strict=True)
        return sum(1 for call, event in mapped if not call.call.direct and fires(event))


def seen_lately(product: RunningProduct, most: int = LATELY) -> Seen:
    """The product's latest calls, at most so many."""
    end = product.log.end(product.product_id)
    first = max(0, end - most)
    read: list[LoggedCall] = []
    while first < end:
        found, first = read_past_damage(product.log, product.product_id, first, most=most)
        if not found:
            break
        read += found
    calls = tuple([each for each in read[::-1] if not each.call.erased][:most])
    return Seen(calls, tuple(event_of(each.call, each.received_us) for each in calls))


def label_of(logged: LoggedCall) -> str:
    """A call in a line: its number, type, event, and whom it is about."""
    call = logged.call
    words = [call.type, call.event or call.name or "", call.user_id or call.anonymous_id or "", call.group_id or ""]
    return f"#{logged.offset} " + " · ".join(word if len(word) <= 40 else word[:39] + "…" for word in words if word)


def paths_in(value: Any, before: str = "", depth: int = 0) -> Iterator[str]:
    """The dotted paths of an object's values, no deeper than four keys; keys that no path can name are left out.

    >>> list(paths_in({"userId": "ana", "traits": {"plan": "pro", "a.b": 1}}))
    ['userId', 'traits', 'traits.plan']
    """
    if not isinstance(value, dict) or depth >= DEEPEST:
        return
    for key, child in value.items():
        if key and not set(key) & set(".[]'\"") and len(key) <= 100:
            yield before + key
            yield from paths_in(child, f"{before}{key}.", depth + 1)


def shown_json(value: Any) -> str:
    """A value as JSON that a person reads."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def effect_words(effect: Effect) -> str:
    """An effect in words.

    >>> effect_words(Joined("ana", "acme"))
    'ana belongs to acme'
    """
    if isinstance(effect, Acted):
        return f"{effect.user} did {effect.event}" + (f" in {effect.account}" if effect.account else "")
    if isinstance(effect, Joined):
        return f"{effect.user} belongs to {effect.account}"
    named = ", ".join(_trait_words(effect.traits.items()))
    return f"{effect.kind} {effect.id}: {named}" if named else f"{effect.kind} {effect.id} is known"


def counted_words(effects: Sequence[Effect]) -> list[str]:
    """What would be counted, in words; [] where nothing would."""
    return [effect_words(each) for each in effects]


def _trait_words(traits: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for key, value in traits:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield f"{key} cleared" if value is None else f"{key} = {text if len(text) <= 60 else text[:59] + '…'}"
