"""Which event weighs what in a workspace."""

from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.scoring.models import model_of, models_of

REPORTING = Feature("Reporting", events=("Report_Created", "Report_Shared"))
SEARCH = Feature("Search", events=("Searched",))


def weights(workspace, *features, **more):
    """The weights of a workspace in a product with these features."""
    return model_of(workspace, ProductConfig(features=features, **more)).weights


def test_until_the_first_feature_every_event_counts():
    """A new product scores whatever happens, each event with weight 1."""
    model = model_of(Workspace("Engagement", id=1), ProductConfig())

    assert model.every_event
    assert model.weights == {}


def test_a_feature_lends_its_weight_to_its_events():
    """Only features that are in the workspace count."""
    workspace = Workspace("Engagement", id=1, features={"Reporting": 8})

    model = model_of(workspace, ProductConfig(features=(REPORTING, SEARCH)))

    assert model.weights == {"Report_Created": 8, "Report_Shared": 8}
    assert not model.every_event
    assert model.features["Searched"] == "Search"


def test_an_override_wins_over_the_feature_also_with_zero():
    """An override of 0 takes the event out of the scored ones; one of an event without feature takes it in."""
    workspace = Workspace("E", id=1, features={"Reporting": 8}, event_weights={"Report_Shared": 0, "Billed": 10})

    model = model_of(workspace, ProductConfig(features=(REPORTING,)))

    assert model.weights == {"Report_Created": 8, "Report_Shared": 0, "Billed": 10}
    assert model.scored_events == {"Report_Created", "Billed"}


def test_an_ignored_event_weighs_nothing():
    """Whatever feature it is in."""
    workspace = Workspace("E", id=1, features={"Search": 3})

    assert weights(workspace, SEARCH, ignored_events=("Searched",)) == {"Searched": 0}


def test_models_come_by_workspace_id():
    """The first is the default one."""
    config = ProductConfig(workspaces=(Workspace("Monthly", id=2, window_days=30), Workspace("Engagement", id=1)))

    assert [model.workspace_id for model in models_of(config)] == [1, 2]
