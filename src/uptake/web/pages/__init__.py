"""The pages of the app, rendered on the server and refreshed in parts by htmx.

`PAGES` says of every handler what it needs of its reader; `page_handlers`, which `uptake.web.app` mounts, is made from
it, so that nothing is served that it does not name.  `fault_page` is what a browser gets that asks for a page which is
not there.
"""

from collections.abc import Iterator

from litestar import Router
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from uptake.core.errors import UptakeError
from uptake.views.base import Unknown
from uptake.web.pages.accounts import account_page, accounts_page
from uptake.web.pages.backtest import backtest_page, backtest_posted
from uptake.web.pages.care import account_posted, user_posted, views_posted
from uptake.web.pages.csv_import import import_page, import_posted
from uptake.web.pages.destination import destination_home, destination_posted
from uptake.web.pages.destination_editor import mapping_page, mapping_posted, new_mapping_page, new_mapping_posted
from uptake.web.pages.destination_filters import filter_page, filter_posted, new_filter_page, new_filter_posted
from uptake.web.pages.destination_history import history_get, history_posted
from uptake.web.pages.destination_overview import overview_page, versions_page
from uptake.web.pages.destination_tester import tester_page, tester_posted
from uptake.web.pages.event import event_page, event_posted, feature_page
from uptake.web.pages.events import events_page
from uptake.web.pages.exporting import accounts_csv, events_csv, notes_csv, users_csv
from uptake.web.pages.faults import fault_page
from uptake.web.pages.feature_editor import feature_editor_page, feature_editor_posted
from uptake.web.pages.features import features_page
from uptake.web.pages.home import home_page
from uptake.web.pages.live import live_page
from uptake.web.pages.live_call import call_page, refused_page
from uptake.web.pages.me import me_page, me_posted
from uptake.web.pages.needs import Need, demand
from uptake.web.pages.search import search_page
from uptake.web.pages.segment import segment_csv, segment_page, segment_why
from uptake.web.pages.segment_editor import (
    new_segment_page,
    new_segment_posted,
    segment_deleted,
    segment_edit_page,
    segment_edit_posted,
)
from uptake.web.pages.segments import segment_trend, segments_page
from uptake.web.pages.settings import settings_page
from uptake.web.pages.settings_audit import audit_csv, audit_jsonl, audit_page
from uptake.web.pages.settings_data import data_page, data_posted, data_result
from uptake.web.pages.settings_exclusions import exclusions_page, exclusions_posted
from uptake.web.pages.settings_health import health_page
from uptake.web.pages.settings_keys import keys_page, keys_posted
from uptake.web.pages.settings_people import people_page, people_posted
from uptake.web.pages.settings_product import (
    configuration_page,
    configuration_posted,
    product_page,
    product_posted,
)
from uptake.web.pages.settings_system import system_page
from uptake.web.pages.settings_traits import traits_page, traits_posted
from uptake.web.pages.sign_in import sign_in_page, sign_in_posted, sign_out_posted
from uptake.web.pages.sign_in_provider import provider_came_back, provider_page
from uptake.web.pages.start import start_page
from uptake.web.pages.styleguide import styleguide_page
from uptake.web.pages.users import user_page, users_page
from uptake.web.pages.welcome import welcome_page, welcome_posted
from uptake.web.pages.workspace_editor import (
    new_workspace_page,
    new_workspace_posted,
    workspace_page,
    workspace_posted,
    workspace_versions_page,
    workspaces_page,
)

__all__ = ["PAGES", "fault_page", "page_handlers"]

PAGES: dict[Need, list[HTTPRouteHandler]] = {
    "public": [sign_in_page, sign_in_posted, provider_page, provider_came_back, welcome_page, welcome_posted],
    "person": [sign_out_posted, me_page, me_posted, views_posted],
    "viewer": [
        home_page,
        start_page,
        accounts_page,
        account_page,
        accounts_csv,
        users_csv,
        events_csv,
        notes_csv,
        users_page,
        user_page,
        segments_page,
        segment_page,
        segment_trend,
        segment_why,
        segment_csv,
        events_page,
        event_page,
        features_page,
        feature_page,
        live_page,
        call_page,
        refused_page,
        destination_home,
        mapping_page,
        filter_page,
        tester_page,
        tester_posted,
        overview_page,
        versions_page,
        search_page,
        settings_page,
        health_page,
        workspaces_page,
        workspace_versions_page,
        styleguide_page,
    ],
    "editor": [
        account_posted,
        user_posted,
        destination_posted,
        new_mapping_page,
        new_mapping_posted,
        mapping_posted,
        new_filter_page,
        new_filter_posted,
        filter_posted,
        history_get,
        history_posted,
        new_segment_page,
        new_segment_posted,
        segment_edit_page,
        segment_edit_posted,
        segment_deleted,
        event_posted,
        import_page,
        import_posted,
        backtest_page,
        backtest_posted,
        feature_editor_page,
        feature_editor_posted,
        new_workspace_page,
        new_workspace_posted,
        workspace_page,
        workspace_posted,
        product_page,
        product_posted,
        configuration_page,
        configuration_posted,
        traits_page,
        traits_posted,
        exclusions_page,
        exclusions_posted,
    ],
    "admin": [
        people_page,
        people_posted,
        keys_page,
        keys_posted,
        audit_page,
        audit_csv,
        audit_jsonl,
        data_page,
        data_posted,
        data_result,
        system_page,
    ],
}
"""What a page needs: to be read is a viewer's, to change the configuration an editor's, people and keys an admin's.

A form that a viewer may send changes nothing: it asks what would become of a call.
"""


def _with_needs() -> Iterator[HTTPRouteHandler]:
    """Every handler, told what it needs; `demand` reads it there."""
    for need, handlers in PAGES.items():
        for handler in handlers:
            handler.opt["needs"] = need
            yield handler


page_handlers = [
    Router(
        path="/",
        route_handlers=list(_with_needs()),
        guards=[demand],
        exception_handlers={
            HTTPException: fault_page,
            Unknown: fault_page,
            UptakeError: fault_page,
            Exception: fault_page,
        },
        include_in_schema=False,
    )
]
