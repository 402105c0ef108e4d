"""The demo's sender: configures the product as the simulation means it, and sends its calls over HTTP as an SDK would.

The server it talks to is a real one; nothing here touches its stores.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice

import httpx
import msgspec

from uptake.core.config import Feature, ProductConfig, Workspace
from uptake.core.days import from_us, iso_ms
from uptake.pipeline.document import document_of
from uptake.simulate import EVENTS, FEATURES, Json, Simulation, calls, simulation

BATCH = 400
"""Calls a request: about 70 KB, well under the limit of 500 KB."""

PRODUCT = "Acme App (demo)"


def demo_document() -> str:
    """A configuration document with the simulation's features and two workspaces, weekly and monthly."""
    return document_of(demo_config(ProductConfig()))


def demo_config(config: ProductConfig) -> ProductConfig:
    """The configuration with the simulation's features and two workspaces, weekly and monthly."""
    features = tuple(Feature(name, events=tuple(events)) for name, (_, events) in FEATURES.items())
    weights = {name: weight for name, (weight, _) in FEATURES.items()}
    workspaces = (
        Workspace("Engagement", id=1, features=weights),
        Workspace("Monthly", id=2, window_days=30, features=weights, account_score="pooled"),
    )
    return msgspec.structs.replace(config, product=PRODUCT, features=features, workspaces=workspaces)


def history(now_us: int) -> tuple[Simulation, list[Json]]:
    """Ninety days of calls that end now."""
    moment = from_us(now_us)
    simulated = simulation(moment.date())
    now = iso_ms(now_us)
    return simulated, [call for call in calls(simulated) if call["timestamp"] <= now]


def send(url: str, key: str, rows: list[Json], told: Callable[[int], None]) -> None:
    """Post the calls in batches to /v1/batch, in order, and again while the server says 429 or 503.

    told: called with how many calls each acknowledged batch held.  Raises httpx.HTTPStatusError on any other refusal.
    """
    with httpx.Client(base_url=url, auth=(key, ""), timeout=30) as client:
        for batch in _batches(rows):
            _post(client, batch)
            told(len(batch))


def _batches(rows: list[Json]) -> Iterator[list[Json]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _post(client: httpx.Client, batch: list[Json]) -> None:
    body = {"batch": batch, "sentAt": datetime.now(UTC).isoformat()}
    while True:
        answer = client.post("/v1/batch", content=msgspec.json.encode(body))
        if answer.status_code not in (429, 503):
            answer.raise_for_status()
            return
        time.sleep(float(answer.headers.get("Retry-After", "1")))


def trickle(url: str, key: str, simulated: Simulation) -> None:
    """Send a few calls of random people every second or two for ever: the live page lives."""
    rng = random.Random()
    events, rates = list(EVENTS), list(EVENTS.values())
    people = [person for company in simulated.companies if company.story != "churned" for person in company.people]
    with httpx.Client(base_url=url, auth=(key, ""), timeout=10) as client:
        while True:
            time.sleep(rng.uniform(0.5, 2.0))
            now = datetime.now(UTC).isoformat()
            rows = [
                {"type": "track", "userId": rng.choice(people).id, "event": event, "timestamp": now}
                for event in rng.choices(events, rates, k=rng.randint(1, 3))
            ]
            try:
                client.post("/v1/batch", json={"batch": rows, "sentAt": now})
            except httpx.HTTPError:
                continue  # the server is stopping or busy: a demo's calls may be missed
