"""The destination's pages as a browser gets them: what their forms change, what they refuse, and what they show."""

import html
import re

import pytest

from tests.house import House
from uptake.core.config import Destination, Filter, Mapping, ProductConfig
from uptake.core.days import SECOND_US
from uptake.core.errors import Rejection
from uptake.views.events import event_list

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
CONTROLS = re.compile(
    r"<input(?P<input>[^>]*)>"
    r'|<select[^>]* name="(?P<select>[^"]+)"[^>]*>(?P<options>.*?)</select>'
    r'|<textarea[^>]* name="(?P<area>[^"]+)"[^>]*>\n?(?P<text>.*?)</textarea>',
    re.DOTALL,
)
TRACK = "/destination/mappings/Track%20Calls"


@pytest.fixture
def acme() -> House:
    """Ana of acme, with a call of each kind of fate."""
    house = House()
    house.identify("ana", name="Ana", email="ana@acme.example")
    house.group("ana", "acme", name="Acme", mrr="$99")
    house.track("ana", "Report_Created", account="acme")
    house.send(refused=(Rejection("missing_user", "$.userId", "the call needs a user"),))
    house.settle()
    return house


class Reader:
    """Somebody with a browser: follows a page's form with its token."""

    def __init__(self, client) -> None:
        self.client = client

    def post(self, path: str, /, *, part: bool = False, page: str = "/destination", **fields):
        """Post fields with the token of the page; field names have `__` for a dot."""
        token = re.search(r'name="_csrf_token" value="(\w+)"', self.client.get(page).text)[1]
        data = {"_csrf_token": token, **{name.replace("__", "."): value for name, value in fields.items()}}
        return self.client.post(path, data=data, headers=PART if part else {}, follow_redirects=False)

    def editor(self, path: str) -> dict:
        """The fields of the editor as a browser would post them unchanged."""
        return fields_of(self.client.get(path).text)


def words(text: str) -> str:
    """What can be read on a page, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def fields_of(text: str, form_id: str = "editor") -> dict:
    """What the controls of the editor's form hold, or of another form."""
    form = text[text.index(f'id="{form_id}"') :]
    fields: dict = {}

    def add(name: str, value: str) -> None:
        fields.setdefault(name, []).append(html.unescape(value))

    for found in CONTROLS.finditer(form):
        if found["select"]:
            chosen = re.search(r'<option value="([^"]*)" selected', found["options"])
            chosen = chosen or re.search(r'<option value="([^"]*)"', found["options"])
            add(found["select"], chosen[1])
        elif found["area"]:
            add(found["area"], found["text"])
        elif name := re.search(r'name="([^"]+)"', found["input"]):
            if "checkbox" in found["input"] and " checked" not in found["input"]:
                continue
            add(name[1], (re.search(r'value="([^"]*)"', found["input"]) or ["", ""])[1])
    return fields


def mapping(house: House, name: str) -> Mapping:
    return next(each for each in house.product.config.destination.mappings if each.name == name)


def names(house: House) -> list[str]:
    return [each.name for each in house.product.config.destination.mappings]


# ---- forms prove where they come from
def test_a_form_without_its_token_changes_nothing(acme):
    """Another site can make a browser post, but knows no token; the API, which has keys, needs none."""
    with acme.client(acme.token("manage")) as client:
        client.get("/destination")
        bare = client.post("/destination", data={"do": "copy", "name": "Track Calls"})
        wrong = client.post("/destination", data={"do": "copy", "name": "Track Calls", "_csrf_token": "0" * 128})
        by_api = client.post("/v2/destination/mappings/Track%20Calls/copy")

    assert (bare.status_code, wrong.status_code, by_api.status_code) == (403, 403, 201)
    assert "This form is older than the server" in bare.text
    assert names(acme).count("Track Calls (Copy)") == 1


def test_only_pages_set_the_cookie_of_forms(acme):
    """Assets, the API and probes set no cookie, so that caches may keep them."""
    with acme.client() as client:
        set_by = {
            path: "set-cookie" in client.get(path).headers
            for path in ("/v2/status", "/healthz", "/metrics", "/openapi.json", "/static/favicon.svg", "/destination")
        }

    assert [path for path, sets in set_by.items() if sets] == ["/destination"]


# ---- the list
def test_mappings_are_listed_with_their_trigger_in_words_and_how_often_it_matched(acme):
    """The count of the list stands against the limit, and matches against the latest calls."""
    with acme.client() as client:
        text = client.get("/destination").text

    assert "5 of 50" in text
    assert "Event type is track" in text
    assert "type = &#34;track&#34;" in text
    assert re.findall(r"(\d+) <span class=\"dim\">of 3", text) == ["1", "1", "1", "0", "0"]


def test_mappings_are_switched_duplicated_and_deleted(acme):
    """Each is a version that says what was done; a copy starts disabled."""
    with acme.client() as client:
        reader = Reader(client)
        reader.post("/destination", do="copy", name="Track Calls")
        reader.post("/destination", do="mapping", name="Track Calls", to="off")
        reader.post("/destination", do="delete", name="Page Calls")
        answer = reader.post("/destination", do="switch", to="off")
        text = client.get("/destination/versions").text

    assert (answer.status_code, answer.headers["location"]) == (303, "/destination")
    assert names(acme) == ["Identify Calls", "Group Calls", "Track Calls", "Screen Calls", "Track Calls (Copy)"]
    assert not mapping(acme, "Track Calls").enabled
    assert not mapping(acme, "Track Calls (Copy)").enabled
    assert not acme.product.config.destination.enabled
    for why in ("mapping Track Calls duplicated", "mapping Track Calls disabled", "mapping Page Calls deleted"):
        assert why in text
    assert "+    enabled: false" in text or "+  enabled: false" in text


def test_the_51st_mapping_is_refused_with_a_sentence():
    """By duplicating and by saving; what was typed is still there."""
    fifty = tuple(Mapping(f"M{number}", "track", 'type = "track"') for number in range(50))
    house = House(ProductConfig(destination=Destination(mappings=fifty)))

    with house.client() as client:
        reader = Reader(client)
        copied = reader.post("/destination", do="copy", name="M7")
        fields = reader.editor("/destination/mappings/new") | {"name": "One more", "do": "save"}
        saved = reader.post("/destination/mappings/new", **fields)

    for answer in (copied, saved):
        assert answer.status_code == 422
        assert "At most 50 mappings, got 51." in answer.text
    assert 'value="One more"' in saved.text
    assert len(names(house)) == 50


def test_a_rotated_key_leaves_the_old_one_good_for_its_grace(acme):
    """The new key is shown; the old one is taken until the grace is over, and not after."""
    old = acme.token("ingest")

    with acme.client() as client:
        Reader(client).post("/destination", do="rotate", grace="3600")
        acme.directory.refresh()
        shown = re.findall(r'<code id="key-\d+">(\w+)<', client.get("/destination").text)
        good_now = acme.directory.find_ingest(old) is not None
        acme.now_us += 3_601 * SECOND_US
        good_later = acme.directory.find_ingest(old) is not None
        later = re.findall(r'<code id="key-\d+">(\w+)<', client.get("/destination").text)

    assert shown[1:] == [old]
    assert (good_now, good_later) == (True, False)
    assert later == shown[:1]
    assert acme.directory.find_ingest(later[0]) is not None


# ---- filters
def test_filters_are_added_changed_and_deleted(acme):
    """A filter's form makes each kind; a condition that cannot be read is told with its place."""
    new = "/destination/filters/new"

    with acme.client() as client:
        reader = Reader(client)
        bad = reader.post(new, do="save", name="Bots", kind="drop", condition="type = = 1", enabled="true")
        reader.post(new, do="save", name="Bots", kind="drop", condition="contains(userId, 'bot')", enabled="true")
        reader.post(new, do="save", name="Some", kind="sample", condition="all", percent="25", path="userId")
        reader.post(
            new,
            do="save",
            name="Secret",
            kind="drop_properties",
            condition="all",
            fields='properties.password\r\ncontext.ip\r\nproperties."a.b"',
        )
        shown = client.get("/destination/filters/Secret").text
        reader.post("/destination", do="filter-delete", name="Some")
        reader.post("/destination", do="filter", name="Bots", to="off")

    assert bad.status_code == 422
    assert "line 1, column 8" in bad.text.lower()
    filters = acme.product.config.destination.filters
    assert filters[0] == Filter("Bots", "drop", "contains(userId, 'bot')", enabled=False)
    assert filters[1].fields == {"properties": ("password", "a.b"), "context": ("ip",)}
    assert "properties.password\nproperties.&#34;a.b&#34;\ncontext.ip" in shown


def test_the_eleventh_filter_is_refused():
    """With the sentence of the limit, on the form."""
    ten = tuple(Filter(f"F{number}", "drop", "all", enabled=False) for number in range(10))
    house = House(ProductConfig(destination=Destination(filters=ten)))

    with house.client() as client:
        answer = Reader(client).post("/destination/filters/new", do="save", name="F", kind="drop", condition="all")

    assert answer.status_code == 422
    assert "At most 10 filters, got 11." in answer.text


@pytest.fixture
def bots():
    """A product with one filter, and the address of its form."""
    house = House(ProductConfig(destination=Destination(filters=(Filter("Bots", "drop", "all"),))))
    with house.client() as client:
        yield house, Reader(client), "/destination/filters/Bots"


def filters_of(house):
    return [(each.name, each.condition) for each in house.product.config.destination.filters]


def test_a_filter_that_changed_meanwhile_is_not_overwritten(bots):
    """Two people at one filter: the second to save is told what differs, and may still mean it."""
    house, reader, path = bots
    first, second = (fields_of(reader.client.get(path).text, "filter") for _ in range(2))
    reader.post(path, **first | {"condition": "type = 'page'"}, do="save")
    shown = reader.post(path, **second | {"kind": "sample"}, do="check")
    refused = reader.post(path, **second | {"condition": "type = 'track'"}, do="save")
    kept = filters_of(house)
    again = reader.post(path, **fields_of(refused.text, "filter"), do="save")

    assert fields_of(shown.text, "filter")["revision"] == second["revision"]
    assert (refused.status_code, again.status_code) == (409, 303)
    assert "To calls for which all type = 'page'" in words(refused.text)
    assert kept == [("Bots", "type = 'page'")]
    assert filters_of(house) == [("Bots", "type = 'track'")]


def test_a_filter_that_was_renamed_meanwhile_keeps_what_was_typed(bots):
    """Whoever edits it under its old name is told the new one."""
    house, reader, path = bots
    mine = fields_of(reader.client.get(path).text, "filter") | {"condition": "type = 'track'"}
    reader.post(path, **mine | {"name": "Robots", "condition": "all"}, do="save")
    refused = reader.post(path, **mine, do="save")
    reader.post("/destination/filters/Robots", **fields_of(refused.text, "filter"), do="save")

    assert refused.status_code == 409
    assert "Name Bots Robots" in words(refused.text)
    assert filters_of(house) == [("Bots", "type = 'track'")]


def test_a_filter_that_was_deleted_meanwhile_keeps_what_was_typed(bots):
    """Whoever edits it is told that it is gone, and may add it anew."""
    house, reader, path = bots
    mine = fields_of(reader.client.get(path).text, "filter") | {"condition": "type = 'track'"}
    reader.post("/destination", do="filter-delete", name="Bots")
    refused = reader.post(path, **mine, do="save")
    gone = filters_of(house)
    reader.post("/destination/filters/new", **fields_of(refused.text, "filter"), do="save")

    assert refused.status_code == 409
    assert "Name Bots –" in words(refused.text)
    assert (gone, filters_of(house)) == ([], [("Bots", "type = 'track'")])


# ---- the editor
@pytest.mark.parametrize("name", ["Identify Calls", "Group Calls", "Track Calls", "Page Calls", "Screen Calls"])
def test_opening_and_saving_a_mapping_changes_nothing(acme, name):
    """The editor's form, posted as it stands, is the mapping as it was: no version is made."""
    path = "/destination/mappings/" + name.replace(" ", "%20")

    with acme.client() as client:
        reader = Reader(client)
        answer = reader.post(path, **reader.editor(path), do="save")

    assert answer.status_code == 303
    assert acme.product.version.revision == 1


def test_a_new_mapping_is_saved_disabled_with_what_was_chosen(acme):
    """Conditions become FQL, sources become the mapping's JSON."""
    with acme.client() as client:
        reader = Reader(client)
        fields = reader.editor("/destination/mappings/new?call=log:2") | {
            "name": "Reports",
            "match": "all",
            "f.event.kind": "template",
            "f.event.text": "Made {{event}}",
            "do": "save",
        }
        answer = reader.post("/destination/mappings/new", **fields)
        told = client.get(answer.headers["location"]).text

    made = mapping(acme, "Reports")
    assert made.trigger == 'type = "track" and event = "Report_Created"'
    assert made.fields["event"] == {"@template": "Made {{event}}"}
    assert not made.enabled
    assert "Saved as revision 2" in told


def test_the_editor_shows_what_the_call_makes_of_the_draft(acme):
    """The clause that decided, each field's value, and what would be counted; nothing is stored."""
    with acme.client() as client:
        reader = Reader(client)
        fields = reader.editor(TRACK) | {"f.event.kind": "case", "f.event.path": "$.event", "f.event.to": "upper"}
        shown = html.unescape(reader.post(TRACK, part=True, **fields, do="check").text)
        fields |= {"f.userId.path": "$.nowhere"}
        lacking = html.unescape(reader.post(TRACK, part=True, **fields, do="check").text)

    assert '"REPORT_CREATED"' in shown
    assert "ana did REPORT_CREATED in acme" in shown
    assert 'type = "track"' in shown
    assert "The root value is missing the required field 'userId'." in lacking
    assert 'id="got-userId" hx-swap-oob="true"' in lacking
    assert acme.product.version.revision == 1


def test_fql_with_two_meanings_is_told_where_and_written_by_a_click(acme):
    """Line and column, and a button for each meaning that writes it as Segment reads it too."""
    with acme.client() as client:
        reader = Reader(client)
        mixed = {"trigger_view": "fql", "fql": "type = 'track' and event = 'A' or event = 'B'"}
        fields = reader.editor(TRACK) | mixed
        told = html.unescape(reader.post(TRACK, part=True, **fields, do="check").text)
        saved = reader.post(TRACK, **fields, do="save")
        mended = html.unescape(reader.post(TRACK, part=True, **fields, do="rewrite:1").text)
        unknown = html.unescape(reader.post(TRACK, part=True, **fields, do="rewrite:9").text)

    assert "Line 1, column 32" in told
    assert 'value="rewrite:0"' in told
    assert saved.status_code == 422
    assert '>\ntype = "track" and (event = "A" or event = "B")</textarea>' in mended
    assert ">\ntype = 'track' and event = 'A' or event = 'B'</textarea>" in unknown
    assert acme.product.version.revision == 1


def test_fql_that_segment_misreads_is_saved_as_it_is_meant(acme):
    """What has one meaning is saved in a spelling that both read, and said so before."""
    with acme.client() as client:
        reader = Reader(client)
        fields = reader.editor(TRACK) | {"trigger_view": "fql", "fql": "type='track' and not match(event, 'Test*')"}
        told = html.unescape(reader.post(TRACK, part=True, **fields, do="check").text)
        saved = reader.post(TRACK, **fields, do="save")

    assert "It is saved in a spelling that is read as meant" in told
    assert saved.status_code == 303
    assert mapping(acme, "Track Calls").trigger == 'type = "track" and !match(event, "Test*")'


def test_a_mapping_that_changed_meanwhile_is_not_overwritten(acme):
    """Two people at one mapping: the second to save is told, and loses nothing that was typed."""
    with acme.client() as client:
        reader = Reader(client)
        first, second = reader.editor(TRACK), reader.editor(TRACK)
        first |= {"f.event.kind": "value", "f.event.value": "First", "do": "save"}
        second |= {"f.event.kind": "value", "f.event.value": "Second", "do": "save"}
        reader.post(TRACK, **first)
        refused = reader.post(TRACK, **second)

        kept = mapping(acme, "Track Calls")
        again = reader.post(TRACK, **fields_of(refused.text), do="save")

    assert (refused.status_code, again.status_code) == (409, 303)
    assert "It is not saved: changed meanwhile by" in refused.text
    assert "Field: Event Name $.event First" in words(refused.text)
    assert 'value="Second"' in refused.text
    assert kept.fields["event"] == "First"
    assert mapping(acme, "Track Calls").fields["event"] == "Second"


def test_a_mapping_that_was_renamed_meanwhile_keeps_what_was_typed(acme):
    """Whoever edits it under its old name is told the new one, and their second word is the mapping's."""
    with acme.client() as client:
        reader = Reader(client)
        mine = reader.editor(TRACK) | {"f.event.kind": "value", "f.event.value": "Mine"}
        reader.post(TRACK, **reader.editor(TRACK) | {"name": "Deeds"}, do="save")
        tried = reader.post(TRACK, **mine, do="check", part=True)
        refused = reader.post(TRACK, **mine, do="save")
        again = reader.post("/destination/mappings/Deeds", **fields_of(refused.text), do="save")

    assert (tried.status_code, refused.status_code, again.status_code) == (200, 409, 303)
    assert "Name Track Calls Deeds" in words(refused.text)
    assert 'action="/destination/mappings/Deeds"' in refused.text
    assert mapping(acme, "Track Calls").fields["event"] == "Mine"
    assert "Deeds" not in [each.name for each in acme.product.config.destination.mappings]


def test_a_mapping_that_was_deleted_meanwhile_keeps_what_was_typed(acme):
    """Whoever edits it is told that it is gone, and may add it anew."""
    with acme.client() as client:
        reader = Reader(client)
        mine = reader.editor(TRACK) | {"f.event.kind": "value", "f.event.value": "Mine"}
        reader.post("/destination", do="delete", name="Track Calls")
        refused = reader.post(TRACK, **mine, do="save")
        again = reader.post("/destination/mappings/new", **fields_of(refused.text), do="save")

    assert (refused.status_code, again.status_code) == (409, 303)
    assert "Name Track Calls –" in words(refused.text)
    assert mapping(acme, "Track Calls").fields["event"] == "Mine"


def test_a_form_of_no_mapping_finds_nothing(acme):
    """A form that never knew the mapping finds nothing there."""
    with acme.client() as client:
        assert Reader(client).post(TRACK + "X", do="save", revision="1").status_code == 404


def test_a_mapping_that_changed_meanwhile_is_not_applied_to_history_unseen(acme):
    """Neither from the editor, nor from the page that tells what it would change; a second word applies it."""
    history = "/destination/history"
    with acme.client() as client:
        reader = Reader(client)
        mine = reader.editor(TRACK) | {"f.event.kind": "value", "f.event.value": "Mine"}
        offered = fields_of(reader.post(TRACK, **mine, do="history").text, "history")
        reader.post(TRACK, **reader.editor(TRACK) | {"f.event.kind": "value", "f.event.value": "Theirs"}, do="save")
        early = reader.post(TRACK, **mine, do="history")
        late = reader.post(history, **offered, do="apply")
        kept = mapping(acme, "Track Calls")
        again = reader.post(history, **fields_of(late.text, "history"), do="apply")

    assert (early.status_code, late.status_code, again.status_code) == (409, 409, 303)
    assert all("Field: Event Name $.event Theirs" in words(each.text) for each in (early, late))
    assert kept.fields["event"] == "Theirs"
    assert mapping(acme, "Track Calls").fields["event"] == "Mine"


def test_a_mapping_keeps_its_switch_when_it_is_saved(acme):
    """Whoever enables a mapping while another edits it has enabled it."""
    acme.change(lambda config: config)

    with acme.client() as client:
        reader = Reader(client)
        fields = reader.editor(TRACK) | {"name": "Renamed", "do": "save"}
        reader.post("/destination", do="mapping", name="Track Calls", to="off")
        reader.post(TRACK, **fields)

    assert not mapping(acme, "Renamed").enabled


def test_paths_of_seen_calls_are_offered(acme):
    """The editor offers what calls really had, beside what any call has."""
    with acme.client() as client:
        text = client.get(TRACK).text

    for path in ("$.userId", "$.context.groupId", "$.traits.email", "$.traits.mrr"):
        assert f'<option value="{path}">' in text
    assert '<option value="Report_Created">' in text


def test_paths_that_are_not_kept_are_said_before(acme):
    """A mapping that reads a property which ingest dropped says so in the preview and before history is rebuilt."""
    with acme.client() as client:
        reader = Reader(client)
        fields = reader.editor(TRACK) | {"f.event.kind": "path", "f.event.path": "$.properties.plan"}
        shown = html.unescape(reader.post(TRACK, part=True, **fields, do="check").text)
        asked = html.unescape(reader.post(TRACK, **fields, do="history").text)

    for text in (shown, asked):
        assert "<code>properties.plan</code>" in text
    assert "is not kept yet" in asked


# ---- history
def test_history_is_counted_first_and_then_applied(acme):
    """The preview tells events, users and accounts; applied, the rebuilt numbers are those."""
    path = "/destination/history"

    with acme.client() as client:
        reader = Reader(client)
        fields = reader.editor(TRACK) | {"f.event.kind": "value", "f.event.value": "Anything", "do": "history"}
        page = reader.post(TRACK, **fields).text
        document = html.unescape(re.search(r'name="mapping" value="([^"]*)"', page)[1])
        draft = {"mapping": document, "original": "Track Calls"}
        counted = reader.post(path, part=True, **draft, do="preview").text
        before = acme.product.version.revision
        applied = reader.post(path, **draft, do="apply")
    acme.settle()

    assert re.search(r"Report_Created</td><td class=\"num\">1</td><td class=\"num\"><b>0", counted)
    assert re.search(r"Anything</td><td class=\"num\">0</td><td class=\"num\"><b>1", counted)
    assert re.search(r"Users touched</dt><dd>1", counted)
    assert before == 1
    assert applied.headers["location"] == "/destination?told=history"
    assert acme.product.version.from_offset == 0
    assert [each.event for each in event_list(acme.product, 1)] == ["Anything"]


# ---- tester, delivery
def test_the_tester_follows_a_pasted_call_and_stores_nothing(acme):
    """Mapping by mapping: what matched, what is wrong at its field, what would be counted."""
    strict = Mapping("Strict", "group", 'type = "group"', enabled=True)
    acme.change(lambda config: ProductConfig(destination=Destination(mappings=(strict,))))
    call = '{"type": "group", "userId": "bob", "groupId": "bobco", "traits": {"mrr": "$99"}}'

    with acme.client() as client:
        text = html.unescape(Reader(client).post("/destination/test", document=call).text)
        refused = Reader(client).post("/destination/test", document='{"type": "track", "userId": "bob"}')
    acme.settle()

    assert "MRR must be a number but it was a string." in text
    assert "BAD_REQUEST" in text
    assert refused.status_code == 422
    assert "missing_event" in refused.text
    assert acme.log.end(acme.product.product_id) == 3


def test_delivery_tells_each_step_with_reasons_that_lead_to_the_call(acme):
    """What was received is what ended at each step; a sample leads to its call in the tester."""
    acme.change(lambda config: ProductConfig(destination=Destination(mappings=())))
    acme.track("bob", "Ignored")
    acme.settle()

    with acme.client() as client:
        text = client.get("/destination/overview?range=14d").text
        link = html.unescape(re.search(r'href="([^"]*call=log[^"]*)"', text)[1])
        tested = client.get(link).text

    received, *ended, applied = [int(each.replace("−", "")) for each in re.findall(r"</h3><b>(−?\d+)", text)]
    assert received == sum(ended) + applied
    assert ended[:3] == [1, 0, 1]
    assert "NO_MATCHING_MAPPING" in text
    assert "no_user_anon_id" in text
    assert "Ignored" in tested
    assert "NO_MATCHING_MAPPING" in tested


def test_a_mapping_named_new_has_a_page_of_its_own(acme):
    """Its address is another than that of the page for a new mapping."""
    acme.change(
        lambda config: ProductConfig(destination=Destination(mappings=(Mapping("new", "track", 'type = "page"'),)))
    )

    with acme.client() as client:
        link = re.search(r'class="row-link" href="([^"]*mappings[^"]*)"', client.get("/destination").text)[1]
        text = client.get(link).text

    assert link != "/destination/mappings/new"
    assert 'name="name" id="name" value="new"' in text
