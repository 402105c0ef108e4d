"""Liquid beyond what liquidjs answered: what differs on purpose, limits, and hostile templates."""

import pytest

from uptake.destination import MappingError, compile_mapping
from uptake.destination.errors import MAX_STEPS, Budget
from uptake.destination.liquid import compile_template
from uptake.destination.liquid_filters import FILTERS
from uptake.destination.liquid_nodes import DISABLED_FILTERS
from uptake.destination.moments import from_iso, from_words

EVENT = {"s": "a" * 32_000, "q": '"' * 20_000, "lt": "<" * 32_000, "pct": "%c" * 16_000, "l": list(range(5_000))}
EVENT["wide"] = "%" + "9" * 5_000 + "d"


def render(template, event=None):
    """The template over an event."""
    return compile_template(template).render(event or {}, Budget())


@pytest.mark.parametrize("name", sorted(DISABLED_FILTERS))
def test_disabled_filters_say_so(name):
    """Segment's list of disabled filters, in its words; they are no filters of ours either."""
    assert name not in FILTERS
    with pytest.raises(MappingError, match=rf'^filter "{name}" is disabled, line:2, col:4$'):
        render(f"a\n b {{{{ s | upcase | {name}: 1 }}}}")


@pytest.mark.parametrize("name", ["case", "for", "include", "layout", "render", "tablerow"])
def test_disabled_tags_say_so(name):
    """A template with one is refused when a call reaches it, whatever branch the tag is in."""
    template = f"{{% if no %}}{{% {name} x %}}{{% endif %}}"

    with pytest.raises(MappingError, match=rf'^tag "{name}" is disabled, line:1, col:12$'):
        compile_template(template)
    with pytest.raises(MappingError, match="is disabled"):
        compile_mapping({"v": {"@liquid": template}})({})


def test_unknown_filters_are_ignored_and_unknown_tags_are_not():
    """As liquidjs does it."""
    assert render("{{ 'a' | shout: 1, k: 2 | append: 'b' }}") == "ab"
    with pytest.raises(MappingError, match=r'^tag "shout" not found, line:1, col:1$'):
        compile_template("{% shout %}")


def test_a_template_may_be_a_thousand_characters_long():
    """And no longer."""
    assert render("x" * 1_000) == "x" * 1_000
    with pytest.raises(MappingError, match=r"^liquid template values are limited to 1000 characters$"):
        compile_template("x" * 1_001)


def test_now_is_when_the_call_was_received():
    """A replay must give what the first run gave, so the present is the event's."""
    event = {"receivedAt": "2026-01-02T03:04:05.000Z", "timestamp": "2025-12-31T00:00:00.000Z"}

    assert render("{{ 'now' | date: '%F %Y-%m-%d' }}", event) == "%F 2026-01-02"
    assert render("{{ 'today' | date_to_string }}", {"timestamp": event["timestamp"]}) == "31 Dec 2025"
    assert render("{{ 'now' | date: '%Y' }}") == "now"


def test_sample_is_refused_because_it_is_random():
    """liquidjs has it; a replay would give another value."""
    with pytest.raises(MappingError, match=r'^filter "sample" is disabled: a replay must give the same value'):
        render("{{ 'abc' | sample }}")


def test_a_counter_does_not_change_the_event():
    """liquidjs writes counters into the event itself; here it stays as it was."""
    event = {"n": 5}

    assert render("{% increment n %}{% increment n %}{{ n }}", event) == "567"
    assert event == {"n": 5}


def test_assigned_names_cover_the_events_and_do_not_outlive_the_render():
    """Each render starts anew."""
    template = compile_template("{{ s }}{% assign s = 'b' %}{{ s }}{% cycle 1, 2 %}")

    assert [template.render({"s": "a"}, Budget()) for _ in range(2)] == ["ab1", "ab1"]


def test_a_payload_that_is_no_object_has_no_variables():
    """A template in the shape of `@arrayPath` may meet any item."""
    mapping = compile_mapping({"v": {"@arrayPath": ["l", {"x": {"@liquid": "[{{ a }}]"}}]}})

    assert mapping({"l": [{"a": 1}, None, "a", [1]]}) == {"v": [{"x": "[1]"}, {"x": "[]"}, {"x": "[]"}, {"x": "[]"}]}


@pytest.mark.parametrize(
    "template",
    [
        "{% assign s = s | append: s %}" * 32,
        "{{ s | replace: '', s }}",
        "{{ s" + " | replace: 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaa'" * 20 + " }}",
        "{{ (1..999999999) }}",
        "{{ (1..999999999) | size }}",
        "{{ q" + " | json" * 40 + " }}",
        "{{ lt" + " | escape" * 60 + " }}",
        "{{ pct" + " | url_encode" * 60 + " }}",
        "{{ s" + " | base64_encode" * 55 + " }}",
        "{{ 0 | date: '%999999999d' }}",
        "{{ 0 | date: '%99999999999999999999999N' }}",
        "{{ 0 | date: wide }}",
        "{% assign l = '' | split: '' %}" + "{% assign l = l | push: l | push: l %}" * 22 + "{{ l | json }}",
        "{% assign l = '' | split: '' %}" + "{% assign l = l | push: l | push: l %}" * 22 + "{{ l }}",
        "{% assign l = '' | split: '' %}"
        + "{% assign l = l | push: l | push: l %}" * 20
        + "{% if l == l %}{% endif %}",
        "{% capture s %}{{ s }}{{ s }}{% endcapture %}" * 20,
    ],
    ids=map(str, range(16)),
)
def test_a_hostile_template_ends_soon(template):
    """Text and lists cannot grow beyond the budget, and are not made before they are paid for."""
    compiled = compile_template(template)

    with pytest.raises(MappingError, match=f"^the mapping takes more than {MAX_STEPS:,} steps for one call$"):
        compiled.render(EVENT, Budget())


@pytest.mark.parametrize(
    "template", ["{{ lt | strip_html }}", "{{ lt | append: '<script' | strip_html }}", "{{ s | slugify }}"]
)
def test_filters_take_linear_time(template):
    """Markup that is opened 32,000 times and never closed is passed once."""
    assert len(render(template, EVENT)) >= 32_000


def test_halves_are_rounded_up_even_where_binary_falls_short():
    """1.005 is a little less than that in binary; liquidjs rounds it up all the same."""
    assert render("{{ 1.005 | round: 2 }} {{ -2.5 | round }} {{ 2.5 | round }}") == "1.01 -3 3"


def test_deep_blocks_are_refused():
    """Nesting is bounded by the parser and not by the stack."""
    template = "{%if s%}" * 50 + "{%endif%}" * 50

    with pytest.raises(MappingError, match="nesting"):
        compile_template(template)


def test_parse_errors_have_their_place():
    """Line and column are counted from 1, at the tag or the output."""
    with pytest.raises(MappingError, match=r'^output "\{\{ x" not closed, line:2, col:3$'):
        compile_template("a\n  {{ x")
    with pytest.raises(MappingError, match=r"line:1, col:2$"):
        compile_template("a{% if %}{% endif %}")


def test_zones_of_a_date_are_names_or_minutes():
    """A name that is no zone is refused, wherever it points."""
    assert render("{{ 0 | date: '%H:%M %z', 'Asia/Kolkata' }}{{ 0 | date: ' %H:%M', -60 }}") == "05:30 +0530 01:00"
    for zone in ("../../etc/passwd", "", "nowhere", 10**9):
        with pytest.raises(MappingError, match=r"^Invalid time zone specified: .*, line:1, col:1$"):
            render("{{ 0 | date: '%H', zone }}", {"zone": zone})


@pytest.mark.parametrize(
    "text",
    [
        "2024-13-01",
        "2024-02-30",
        "x",
        "",
        "2024-05-01T25:00",
        "2024-05-01T10:00+24:00",
        "9999-12-31T23:00-14:00",
        "0001-01-01T00:00+14:00",
        "12:30",
    ],
)
def test_texts_that_are_no_moments(text):
    """Days and hours that do not exist, and moments beyond the years 1 to 9999."""
    assert (from_iso(text), from_words(text)) == (None, None)


@pytest.mark.parametrize("text", ["Foo 5, 2024", "March 50, 2024", "13/45/2024", "5 March 2024 x", "2024/01/01 99:00"])
def test_words_that_are_no_moments(text):
    """Months, days and clocks that do not exist."""
    assert from_words(text) is None
