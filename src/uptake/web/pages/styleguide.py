"""The style guide: every token and component on one page, so that a new page is made of what is there."""

from datetime import date, timedelta

import msgspec
from litestar import Response, get

from uptake.core.scores import Level
from uptake.views.activity import Activity, ActivityRow
from uptake.web.pages.charts import Figure, Series
from uptake.web.pages.flow import FlowFigure
from uptake.web.pages.formats import LEVEL_NAMES
from uptake.web.pages.heat import heat_map
from uptake.web.pages.render import page
from uptake.web.pages.visit import PageRequest, Visit
from uptake.web.pages.why import Bar, Step

SURFACES = ("page", "surface", "sunken", "raised", "hover", "line", "line-strong", "track", "bar")
TEXTS = ("text", "muted", "faint", "accent", "good", "notice", "bad")
LEVELS = tuple(f"level-{key.split('_')[0]}" for key in LEVEL_NAMES)
SERIES = ("series-1", "series-2", "series-3")
TIMES = (0, 3, 12, 30, 9, 0, 0, 4, 18, 42, 7, 1, 0, 0)
WAVE = (42, 44, 43, 48, 52, 50, 49, 55, 61, 64, 63, 68, 71, 72)

FLOW: dict[tuple[Level, Level], int] = {
    ("most_engaged", "most_engaged"): 9,
    ("slightly_engaged", "most_engaged"): 4,
    ("slightly_engaged", "passive"): 6,
    ("passive", "passive"): 12,
    ("least_engaged", "inactive"): 3,
    ("inactive", "passive"): 2,
}


class Ends(msgspec.Struct, frozen=True):
    """The two days of a flow."""

    against: date
    day: date


@get("/styleguide", sync_to_thread=True)
def styleguide_page(request: PageRequest) -> Response[str]:
    """Tokens and components."""
    first = date(2026, 3, 1)
    days = [first + timedelta(days=index) for index in range(len(WAVE))]
    return page(
        Visit(request),
        "styleguide.html",
        surfaces=SURFACES,
        texts=TEXTS,
        tokens=(*LEVELS, *SERIES),
        level_keys=tuple(LEVEL_NAMES),
        wave=WAVE,
        figure=Figure("Score by day", days, [Series("Score", WAVE)], 100.0, 25.0),
        bar_rows=[Bar("Report_Created", 31.4, 100, "12 × 8 = 96"), Bar("Report_Shared", 12.2, 38.9, "5 × 10 = 50")],
        steps=[Step("Activity since 2 Mar 2026", 9.0, 61, 9, 70), Step("Activity that is now older", -4.0, 66, 4, 66)],
        flow=FlowFigure(FLOW),
        changes=Ends(first, days[-1]),
        path="/accounts",
        theirs="",
        heat=heat_map(Activity(days, [ActivityRow("Reporting", TIMES), ActivityRow("Automation", TIMES[::-1])], True)),
    )
