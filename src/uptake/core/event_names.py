"""What names of events have in common, so that events without a feature can be offered one.

`Report_Created`, `reportShared` and `Viewed Report Page` are all about a report: names are cut into words, and words
that say what was done or where are not what it was done with.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_DOINGS = """
accept accepted account add added apply applied approve approved archive archived assign assigned attach attached
begin begun cancel canceled cancelled change changed choose chosen clear cleared click clicked close closed complete
completed configure configured connect connected copied copy create created delete deleted disable disabled
disconnect disconnected dismiss dismissed done download downloaded duplicate duplicated edit edited enable enabled
end ended enter entered export exported fail failed filter filtered finish finished generate generated import
imported install installed invite invited join joined launch launched leave left load loaded log logged made make
merge merged move moved open opened pause paused pick picked play played post posted press pressed print printed
publish published read receive received reject rejected remove removed rename renamed request requested reset
restore restored resume resumed run save saved schedule scheduled search searched see seen select selected send sent
set share shared show shown sign signed sort sorted start started stop stopped submit submitted switch switched sync
synced tap tapped tried try turn turned uninstall uninstalled update updated upgrade upgraded upload uploaded use
used view viewed visit visited watch watched write written
"""
_PLACES = "a an app button event in item list modal new of off on out page screen tab the to up user"
NO_THINGS = frozenset((_DOINGS + _PLACES).split())
"""Words that say what was done, or where, and not with what."""


class FeatureSuggestion(msgspec.Struct, frozen=True):
    """Events that seem to belong together; `known`: there is a feature of this name already."""

    feature: str
    events: tuple[str, ...]
    known: bool


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case.

    >>> words_of("Report_Created"), words_of("CSVExport2")
    (['report', 'created'], ['csv', 'export', '2'])
    """
    return [word.lower() for word in _WORD.findall(name)]


def things_of(name: str) -> tuple[str, ...]:
    """What a name is about: its words but those that say what was done or where, plurals as one.

    >>> things_of("Viewed Report Templates Page"), things_of("reportShared"), things_of("Signed Up")
    (('report', 'template'), ('report',), ())
    """
    return tuple(_single(word) for word in words_of(name) if word not in NO_THINGS and not word.isdigit())


def suggest_features(events: Sequence[str], features: Mapping[str, Sequence[str]]) -> list[FeatureSuggestion]:
    """A feature for the events that have none: first known ones (name → events), then groups of two or more.

    Events keep their order.  An event that is like nothing else is left out.
    """
    of_known: dict[str, list[str]] = {feature: [] for feature in features}
    others: dict[str, list[str]] = defaultdict(list)
    about = {feature: _about(feature, its_events) for feature, its_events in features.items()}
    for event in events:
        things = things_of(event)
        feature = _nearest(things, about)
        if feature is not None:
            of_known[feature].append(event)
        elif things:
            others[things[0]].append(event)
    known = [FeatureSuggestion(feature, tuple(found), True) for feature, found in of_known.items() if found]
    groups = [FeatureSuggestion(_name_of(found), tuple(found), False) for found in others.values() if len(found) > 1]
    return known + sorted(groups, key=lambda each: (-len(each.events), each.feature))


def _about(feature: str, events: Sequence[str]) -> list[frozenset[str]]:
    told = [things_of(feature) or tuple(words_of(feature)), *(things_of(event) for event in events)]
    return [frozenset(things) for things in told if things]


def _nearest(things: Sequence[str], about: Mapping[str, Sequence[frozenset[str]]]) -> str | None:
    """The feature that shares at least half of the words with one of its events or its name; None for none."""
    wanted = frozenset(things)
    likeness = {
        feature: max((len(wanted & each) / len(wanted | each) for each in told), default=0.0)
        for feature, told in about.items()
        if wanted
    }
    best = max(likeness, key=lambda feature: likeness[feature], default=None)
    return best if best is not None and likeness[best] >= 0.5 else None


def _name_of(events: Sequence[str]) -> str:
    """The words that all events' things begin with, as a title."""
    told = [things_of(event) for event in events]
    common = []
    for words in zip(*told, strict=False):
        if len(set(words)) > 1:
            break
        common.append(words[0].capitalize())
    return " ".join(common)


def _single(word: str) -> str:
    """A word without the s of a plural: `reports` and `report` are one, `access` stays."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
