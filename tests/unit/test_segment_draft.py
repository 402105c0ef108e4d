"""The segment builder's draft: every condition has one, and what its buttons do."""

from urllib.parse import urlencode

import pytest
from hypothesis import given

from tests.unit.test_segments_text import conditions
from uptake.segments import parse, text
from uptake.web.pages.forms import Form
from uptake.web.pages.segment_draft import Draft, checked, posted_draft, stepped, viewed
from uptake.web.pages.segment_nodes import Node, condition_of, nodes_of


def posted(draft):
    """The draft as a browser sends it back."""
    fields = {"scope": draft.kind, "name": draft.name, "view": draft.view, "where": draft.where}
    for index, node in enumerate(draft.nodes):
        for field in ("depth", "kind", "name", "operator", "value", "of", "days"):
            fields[f"n{index}.{field}"] = str(getattr(node, field))
    return posted_draft(Form(urlencode(fields).encode()))


@given(conditions)
def test_every_condition_can_be_built(condition):
    """Text, builder and form can be changed for one another at any time, and nothing is lost."""
    draft = Draft(nodes=nodes_of(condition))

    assert condition_of(draft.nodes) == condition
    assert posted(draft).nodes == draft.nodes
    assert parse(viewed(draft, "text").where) == condition


ROWS = [
    ('did("Export")', Node(1, "event", "Export", "did", "1")),
    ('did("Export") = 0 within 30 days', Node(1, "event", "Export", "never", "1", days="30")),
    ('account did(feature "Reports") > 3', Node(1, "feature", "Reports", ">", "3", "account")),
    ('account.plan = "pro"', Node(1, "account_trait", "plan", "is", "pro")),
    ("account.mrr >= 1000", Node(1, "account_trait", "mrr", ">=", "1000")),
    ('user.role contains "admin"', Node(1, "user_trait", "role", "contains", "admin")),
    ("user.admin = true", Node(1, "user_trait", "admin", "true")),
    ("not user.admin exists", Node(1, "user_trait", "admin", "absent")),
    ('user.createdAt before "2026-01-31"', Node(1, "user_trait", "createdAt", "before", "2026-01-31")),
    ("user.createdAt within 30 days", Node(1, "user_trait", "createdAt", "within", "30")),
    ("score > 75", Node(1, "score", operator=">", value="75")),
    ("score_change over 30 days <= -10", Node(1, "score_change", operator="<=", value="-10", days="30")),
    ("level != passive", Node(1, "level", operator="!=", value="passive")),
    ("user.admin != true", Node(1, "text", value="user.admin != true")),
]


@pytest.mark.parametrize(("words", "row"), ROWS, ids=[words for words, _ in ROWS])
def test_a_leaf_is_a_row(words, row):
    """Each kind of condition has its controls; one that has none is a row of text."""
    assert nodes_of(parse(words)) == (Node(0, "all"), row)
    assert text(condition_of((Node(0, "all"), row))) == text(parse(words))


def test_groups_are_added_filled_and_dropped():
    """A group brings a first row and joins the other way; dropping it drops what is in it; the outermost stays."""
    draft = Draft(nodes=nodes_of(parse("score > 1 and score < 9")))

    grown = stepped(stepped(draft, "group", 0), "add", 3)
    shrunk = stepped(grown, "drop", 3)

    assert [(node.depth, node.kind) for node in grown.nodes] == [
        (0, "all"), (1, "score"), (1, "score"), (1, "any"), (2, "event"), (2, "event")
    ]  # fmt: skip
    assert shrunk.nodes == draft.nodes
    assert stepped(draft, "drop", 0).nodes == (Node(0, "all"),)
    assert stepped(draft, "drop", 77) == stepped(draft, "sing", 0) == draft


WRONG = [
    (Node(1, "event", "", "did", "1"), "Name the event."),
    (Node(1, "event", "Export", ">=", "many"), "how many times"),
    (Node(1, "event", "Export", "did", "1", days="91"), "from 1 to 90"),
    (Node(1, "account_trait", "", "is", "pro"), "Name the trait."),
    (Node(1, "account_trait", "mrr", ">", "much"), "Give a number"),
    (Node(1, "account_trait", "since", "on", "soon"), "such as 2026-01-31"),
    (Node(1, "user_trait", "since", "within", "0"), "from 1 to 36,500"),
    (Node(1, "score", operator=">", value="nan"), "Give a number"),
    (Node(1, "text", value="scor > 3"), "did you mean `score`?"),
    (Node(1, "any"), "Add a condition to the group"),
]


@pytest.mark.parametrize(("row", "says"), WRONG, ids=range(len(WRONG)))
def test_a_row_that_is_no_condition_says_what_is_missing(row, says):
    """The fault stands at the row, and there is no condition until it is mended."""
    found = checked(Draft(nodes=(Node(0, "all"), row)))

    assert found.condition is None
    assert says in found.faults[1]


def test_a_text_says_where_it_fails():
    """Line and column of a condition that was typed; the builder waits until it is one."""
    draft = Draft(view="text", where="score > 75\nand scor > 3")

    found = checked(draft)

    assert (found.condition, found.line, found.column) == (None, 2, 5)
    assert viewed(draft, "build") == draft


def test_a_form_may_be_anything():
    """What a browser would never send is settled into what the builder can show."""
    form = Form(
        b"n0.kind=nonsense&n1.kind=%3Cscript%3E&n1.depth=99&n2.kind=level&n2.depth=x&n2.operator=%3E&n2.value=top"
    )

    draft = posted_draft(form)

    assert [(node.depth, node.kind, node.operator) for node in draft.nodes] == [
        (0, "all", ""), (1, "event", "did"), (1, "level", "=")
    ]  # fmt: skip
    assert draft.nodes[2].value == "most_engaged"
