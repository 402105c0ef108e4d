"""One request of a reader: the product and the workspace that it is about, and links that stay there.

The first product and its first workspace need no word in the address; any other is named by `product` and `workspace`.
"""

import base64
import binascii
from collections.abc import Sequence
from functools import cached_property
from urllib.parse import quote, urlencode

import msgspec
from litestar.exceptions import NotFoundException

from uptake.core.config import Workspace
from uptake.core.scores import ScoringModel
from uptake.pipeline.care import owners_by_account
from uptake.pipeline.product import RunningProduct, Status
from uptake.pipeline.standing import Power, Standing
from uptake.stores.meta.care import SavedView
from uptake.views.mine import owned_accounts
from uptake.web.pages.forms import csrf_token
from uptake.web.pages.needs import product_for
from uptake.web.problems import AnyRequest
from uptake.web.site import site_of

PageRequest = AnyRequest
FAR_BEHIND = 5_000
"""Calls waiting from which a reader is told; fewer are counted in a moment."""
THEMES = {"": "System theme", "light": "Light theme", "dark": "Dark theme"}


class NavItem(msgspec.Struct, frozen=True):
    """A place in the navigation; `key` goes there after "g"."""

    path: str
    label: str
    icon: str
    key: str


NAV = (
    NavItem("/", "Home", "home", "h"),
    NavItem("/accounts", "Accounts", "accounts", "a"),
    NavItem("/users", "Users", "users", "u"),
    NavItem("/segments", "Segments", "segments", "g"),
    NavItem("/events", "Events", "events", "e"),
    NavItem("/features", "Features", "features", "f"),
    NavItem("/live", "Live", "live", "l"),
    NavItem("/destination", "Destination", "destination", "d"),
    NavItem("/settings", "Settings", "settings", "s"),
)
SETTINGS: tuple[tuple[str, tuple[tuple[str, str, Power], ...]], ...] = (
    ("", (("/settings", "Overview", "viewer"),)),
    (
        "Product",
        (
            ("/settings/product", "Product", "editor"),
            ("/settings/configuration", "Configuration", "editor"),
            ("/settings/traits", "Trait types", "editor"),
            ("/settings/features", "Features", "editor"),
            ("/settings/exclusions", "Exclusions", "editor"),
        ),
    ),
    ("Scoring", (("/settings/workspaces", "Workspaces", "viewer"), ("/settings/backtest", "Backtest", "editor"))),
    (
        "Data",
        (
            ("/settings/health", "Data health", "viewer"),
            ("/settings/import", "Import traits", "editor"),
            ("/settings/data", "Data", "admin"),
            ("/settings/system", "System", "admin"),
        ),
    ),
    (
        "Access",
        (
            ("/settings/people", "People", "admin"),
            ("/settings/keys", "Keys and tokens", "admin"),
            ("/settings/audit", "Audit log", "admin"),
        ),
    ),
)
"""The pages of the settings in groups: path, name, and who may open it."""


class Visit:
    """What a page knows of who looks at what."""

    nav = NAV

    def __init__(self, request: PageRequest) -> None:
        """Raises NotFoundException where the address names a product or workspace that is not the reader's to see."""
        self.request = request
        self.site = site_of(request)
        self.running = self.site.running
        self.standing: Standing = request.state.standing
        self.products = [each for each in self.running.products() if self.standing.role_in(each.product_id)]
        self.product = product_for(self.site, self.standing, request.query_params.get("product"))
        self.workspace, self.model = self._workspace(request.query_params.get("workspace"))
        self.section = "/" + request.url.path.strip("/").split("/")[0]

    def _workspace(self, text: str | None) -> tuple[Workspace, ScoringModel]:
        for model in self.product.models:
            workspace = self.product.workspace(model.workspace_id)
            if workspace and text in (None, str(workspace.id)):
                return workspace, model
        raise NotFoundException(f"{self.product.name} has no workspace {text}.")

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What every link says of product and workspace."""
        return _place(self.running.products(), self.product, self.workspace)

    def may(self, power: Power) -> bool:
        """May the reader do in the product what needs this power?"""
        return self.standing.may(power, self.product.product_id)

    @property
    def settings_groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The pages of the settings that the reader may open: each group's name, and its paths with their names."""
        groups = [
            (name, [(path, label) for path, label, power in pages if self.may(power)]) for name, pages in SETTINGS
        ]
        return [(name, pages) for name, pages in groups if pages]

    def within(self, path: str) -> bool:
        """Is the page this one of the settings, or below it?"""
        here = self.request.url.path
        return here == path or (path != "/settings" and here.startswith(path + "/"))

    @property
    def by(self) -> str:
        """What versions and the audit log call the reader."""
        return self.standing.by

    @cached_property
    def views(self) -> Sequence[SavedView]:
        """The lists that the reader saved."""
        person = self.standing.person
        return self.running.meta.care.views(self.product.product_id, person.id if person else None)

    @cached_property
    def owned(self) -> tuple[str, ...]:
        """The accounts that the reader owns."""
        person = self.standing.person
        if person is None:
            return ()
        return owned_accounts(self.product, owners_by_account(self.running.meta, self.product.product_id), person)

    @property
    def csrf(self) -> str:
        """What every form of the page sends back."""
        return csrf_token(self.request)

    @property
    def partial(self) -> bool:
        """Does htmx ask for the changing part of the page alone?"""
        headers = self.request.headers
        return headers.get("hx-request-type") == "partial" and "hx-history-restore-request" not in headers

    @property
    def theme(self) -> str:
        """The colour scheme that the reader chose; '' follows the system."""
        return theme_of(self.request)

    @property
    def theme_name(self) -> str:
        """The chosen colour scheme in words."""
        return THEMES[self.theme]

    @cached_property
    def status(self) -> Status:
        """How far the product's log, fold and scores were when the page was made."""
        return self.product.status()

    @property
    def behind(self) -> int:
        """How many calls were logged and not yet counted."""
        return max(0, self.status.log_offset - self.status.folded_offset)

    @property
    def stale(self) -> str:
        """Why the numbers are not those of now, in a sentence; '' while they are, or only a moment behind."""
        if self.status.rebuilding and self.product.rebuild_due:
            return "All numbers are being made anew."
        if self.status.as_of_us and self.status.scored_offset < 0:
            return "Scores are being computed anew."
        if self.behind >= FAR_BEHIND:
            return f"{self.behind:,} calls wait to be counted."
        return ""

    def link(self, path: str, tracking_id: str | None = None, **params: object) -> str:
        """An address within the same product and workspace; parameters that are empty are left out."""
        where = path if tracking_id is None else f"{path}/{in_path(tracking_id)}"
        query = [*self.kept, *((name, str(value)) for name, value in params.items() if value not in ("", None))]
        return where + ("?" + urlencode(query) if query else "")

    def in_product(self, path: str, **params: object) -> str:
        """An address within the same product, in its first workspace."""
        query = [
            *(pair for pair in self.kept if pair[0] == "product"),
            *((name, str(each)) for name, each in params.items()),
        ]
        return path + ("?" + urlencode(query) if query else "")

    def elsewhere(self, product: RunningProduct, workspace: Workspace) -> str:
        """The same section of the app in another workspace."""
        path = self.section if any(item.path == self.section for item in NAV) else "/accounts"
        query = _place(self.running.products(), product, workspace)
        return path + ("?" + urlencode(query) if query else "")


def _place(products: list[RunningProduct], product: RunningProduct, workspace: Workspace) -> list[tuple[str, str]]:
    named = []
    if product is not products[0]:
        named.append(("product", str(product.product_id)))
    if workspace.id != product.models[0].workspace_id:
        named.append(("workspace", str(workspace.id)))
    return named


def theme_of(request: PageRequest) -> str:
    """The colour scheme that a reader chose; '' follows the system."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in THEMES else ""


def in_path(tracking_id: str) -> str:
    """An id as one step of a path.  Browsers and servers undo some escapes, so an awkward id is written as `~base64`.

    >>> in_path("acme inc"), in_path("a/b")
    ('acme%20inc', '~YS9i')
    """
    if "/" in tracking_id or "\\" in tracking_id or tracking_id.startswith(("~", ".")):
        return "~" + base64.urlsafe_b64encode(tracking_id.encode()).decode().rstrip("=")
    return quote(tracking_id, safe="")


def from_path(step: str) -> str:
    """The id that `in_path` wrote.

    >>> from_path("~YS9i"), from_path("acme inc")
    ('a/b', 'acme inc')
    """
    if not step.startswith("~"):
        return step
    try:
        return base64.urlsafe_b64decode(step[1:] + "=" * (-len(step[1:]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return step
