"""The pages of the app, rendered on the server and refreshed in parts by htmx.

`page_handlers` is what `uptake.web.app` mounts; `fault_page` is what it answers a browser that asks for a page which is
not there.
"""

from litestar import Router
from litestar.exceptions import HTTPException

from uptake.views.base import Unknown
from uptake.web.pages.accounts import account_page, accounts_page
from uptake.web.pages.destination import destination_home, destination_posted
from uptake.web.pages.destination_editor import mapping_page, mapping_posted, new_mapping_page, new_mapping_posted
from uptake.web.pages.destination_filters import filter_page, filter_posted, new_filter_page, new_filter_posted
from uptake.web.pages.destination_history import history_get, history_posted
from uptake.web.pages.destination_overview import overview_page, versions_page
from uptake.web.pages.destination_tester import tester_page, tester_posted
from uptake.web.pages.events import events_page
from uptake.web.pages.faults import fault_page
from uptake.web.pages.home import home_page
from uptake.web.pages.live import live_page
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
from uptake.web.pages.start import start_page
from uptake.web.pages.styleguide import styleguide_page
from uptake.web.pages.users import user_page, users_page

__all__ = ["fault_page", "page_handlers"]

page_handlers = [
    Router(
        path="/",
        route_handlers=[
            home_page,
            start_page,
            accounts_page,
            account_page,
            users_page,
            user_page,
            segments_page,
            segment_page,
            segment_trend,
            segment_why,
            segment_csv,
            new_segment_page,
            new_segment_posted,
            segment_edit_page,
            segment_edit_posted,
            segment_deleted,
            events_page,
            live_page,
            destination_home,
            destination_posted,
            new_mapping_page,
            new_mapping_posted,
            mapping_page,
            mapping_posted,
            new_filter_page,
            new_filter_posted,
            filter_page,
            filter_posted,
            history_get,
            history_posted,
            tester_page,
            tester_posted,
            overview_page,
            versions_page,
            search_page,
            settings_page,
            styleguide_page,
        ],
        exception_handlers={HTTPException: fault_page, Unknown: fault_page, Exception: fault_page},
        include_in_schema=False,
    )
]
