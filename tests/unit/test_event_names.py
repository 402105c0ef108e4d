"""What names of events have in common, and the features that are offered for it."""

import pytest

from uptake.core.event_names import suggest_features, things_of


@pytest.mark.parametrize(
    ("name", "things"),
    [
        ("Report_Created", ("report",)),
        ("reportShared", ("report",)),
        ("Viewed Reports Page", ("report",)),
        ("CSV Export Downloaded", ("csv",)),
        ("Company_Policies_Updated", ("company", "policy")),
        ("Überblick geöffnet", ("überblick", "geöffnet")),
        ("Signed Up", ()),
        ("", ()),
    ],
)
def test_a_name_is_about_things(name, things):
    """However its words are joined; what was done and where is left out, plurals are one."""
    assert things_of(name) == things


def test_events_that_are_about_the_same_make_a_feature():
    """Two or more of them, named by the words that all begin with; the largest group first."""
    events = ["Report_Created", "Dashboard Opened", "Report_Shared", "Login", "dashboardShared", "Deleted report"]

    assert [(each.feature, each.events, each.known) for each in suggest_features(events, {})] == [
        ("Report", ("Report_Created", "Report_Shared", "Deleted report"), False),
        ("Dashboard", ("Dashboard Opened", "dashboardShared"), False),
    ]


def test_a_known_feature_comes_first():
    """By its own name or by that of one of its events; and what is like nothing stays without one."""
    features = {"Reporting": ["Report_Created"], "Data files": [], "Other": ["Logged in"]}

    found = suggest_features(["report exported", "Upload_File", "Invoice Paid"], features)

    assert [(each.feature, each.events, each.known) for each in found] == [
        ("Reporting", ("report exported",), True),
        ("Data files", ("Upload_File",), True),
    ]


def test_a_group_is_named_by_what_all_share():
    """A longer common beginning names it better than its first word."""
    (found,) = suggest_features(["Invoice Template Created", "invoice_template_deleted"], {})

    assert found.feature == "Invoice Template"
