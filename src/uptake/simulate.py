"""A simulated B2B product: accounts of uneven size that grow, fade, churn, return and try, as the Segment calls they
would send.

Everything follows from a seed and the last day, so that a demo and a benchmark are the same every time.  Nothing is
sent here (`uptake.demo` does).
"""

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from uptake.simulate_churn import Fate, Truth, day_of, fates

Json = dict[str, Any]

FEATURES: dict[str, tuple[int, dict[str, float]]] = {
    "Reporting": (8, {"Report_Created": 0.5, "Report_Shared": 0.25, "Report_Exported": 0.3, "Report_Scheduled": 0.08}),
    "Dashboards": (6, {"Dashboard_Viewed": 2.2, "Dashboard_Created": 0.12, "Dashboard_Edited": 0.3}),
    "Collaboration": (
        7,
        {"Comment_Added": 0.8, "Teammate_Mentioned": 0.4, "Team_Member_Invited": 0.05, "Task_Assigned": 0.35},
    ),
    "Automation": (9, {"Automation_Created": 0.06, "Automation_Edited": 0.1, "Automation_Run": 0.9}),
    "Integrations": (7, {"Integration_Connected": 0.03, "Data_Imported": 0.2, "Api_Key_Created": 0.02}),
    "Search": (3, {"Search_Performed": 1.6, "Filter_Saved": 0.1}),
    "Account basics": (2, {"Signed_In": 1.0, "Profile_Updated": 0.04, "Notification_Opened": 0.7}),
}
"""Feature → (weight, its events → how frequent they are beside one another)."""

UNASSIGNED = {"Billing_Page_Opened": 0.05, "Help_Article_Read": 0.15, "Feedback_Sent": 0.02}
"""Events that belong to no feature."""

FEATURE_OF = {event: feature for feature, (_, events) in FEATURES.items() for event in events}

EVENTS = {**{event: rate for _, events in FEATURES.values() for event, rate in events.items()}, **UNASSIGNED}

STORIES = ("steady", "growing", "fading", "churned", "returning", "trial", "seasonal")
_STORY_WEIGHTS = (38, 16, 14, 10, 6, 10, 6)
_PLANS = {"starter": 4_900, "team": 14_900, "business": 49_900, "enterprise": 199_900}
_INDUSTRIES = ("Software", "Logistics", "Health care", "Retail", "Education", "Media", "Manufacturing", "Finance")
_HEADS = [
    "Alder",
    "Birch",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Maple",
    "Nimbus",
    "Onyx",
    "Pine",
]
_TAILS = [
    "Analytics",
    "Foods",
    "Freight",
    "Health",
    "Labs",
    "Learning",
    "Mobility",
    "Partners",
    "Robotics",
    "Software",
    "Studio",
    "Systems",
    "Travel",
    "Works",
]
_FIRST = [
    "Ana",
    "Ben",
    "Chloe",
    "Daan",
    "Elif",
    "Finn",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kaya",
    "Liam",
    "Mara",
    "Noah",
    "Olga",
    "Paul",
    "Quinn",
    "Rosa",
    "Sami",
    "Tess",
    "Uma",
    "Vera",
    "Wim",
    "Yara",
]
_LAST = [
    "Adler",
    "Baker",
    "Costa",
    "Duarte",
    "Evans",
    "Fischer",
    "Garcia",
    "Haas",
    "Ito",
    "Jensen",
    "Kaya",
    "Lopez",
    "Meyer",
    "Novak",
    "Okafor",
    "Patel",
    "Rossi",
    "Silva",
    "Weber",
    "Young",
]
_ROLES = (("Owner", 1), ("Admin", 2), ("Team Member", 9), ("Viewer", 3))


class Person(msgspec.Struct, frozen=True):
    """A simulated user: how keen (times the average), and the day index of the first visit."""

    id: str
    name: str
    email: str
    role: str
    keen: float
    joined: int


class Company(msgspec.Struct, frozen=True):
    """A simulated account with its people and the story of its use; fate: what becomes of it where that is planted."""

    id: str
    name: str
    story: str
    plan: str
    industry: str
    joined: int
    turn: int
    people: tuple[Person, ...]
    fate: Fate | None = None


class Simulation(msgspec.Struct, frozen=True):
    """A whole simulated product: `days` days ending at `last` inclusive."""

    seed: int
    last: date
    days: int
    companies: tuple[Company, ...]

    @property
    def people(self) -> int:
        """How many users there are."""
        return sum(len(company.people) for company in self.companies)


def simulation(
    last: date,
    *,
    seed: int = 7,
    accounts: int = 240,
    days: int = 90,
    least_users: int = 2_100,
    truth: Truth | None = None,
) -> Simulation:
    """Invent companies and people; account sizes follow a long-tailed law and add up to at least `least_users`.

    truth: what decides about churn; every account is then used steadily until it churns.
    """
    rng = random.Random(seed)
    sizes = [1 + int(min(90, rng.paretovariate(1.05) * 2.2)) for _ in range(accounts)]
    while sum(sizes) < least_users:
        sizes[rng.randrange(accounts)] += 1
    companies = tuple(_company(rng, index, size, days) for index, size in enumerate(sizes))
    if truth is not None:
        planted = fates(truth, accounts, seed=seed, days=days)
        companies = tuple(_steady(company, fate) for company, fate in zip(companies, planted, strict=True))
    return Simulation(seed, last, days, companies)


def _steady(company: Company, fate: Fate) -> Company:
    """The company with everyone there from the first day on, so that nothing but its fate tells accounts apart."""
    people = tuple(msgspec.structs.replace(person, joined=0) for person in company.people)
    return msgspec.structs.replace(company, story="steady", joined=0, people=people, fate=fate)


def outcomes(simulated: Simulation) -> Iterator[tuple[str, str, date]]:
    """Account, `churned` or `renewed`, and the day, of every account whose fate is planted."""
    for company in simulated.companies:
        if company.fate:
            yield company.id, company.fate.outcome, day_of(company.fate, simulated.last, simulated.days)


def _company(rng: random.Random, index: int, size: int, days: int) -> Company:
    head, tail = _HEADS[index % len(_HEADS)], _TAILS[(index // len(_HEADS) + index) % len(_TAILS)]
    name = f"{head} {tail}" if index < len(_HEADS) * len(_TAILS) else f"{head} {tail} {index}"
    story = rng.choices(STORIES, _STORY_WEIGHTS)[0]
    joined = round(days * rng.uniform(0.7, 0.95)) if story == "trial" else -rng.randrange(5, 700)
    domain = f"{head}{tail}{index}.example".lower()
    people = tuple(_person(rng, f"u{index:03d}_{number}", domain, number, joined, days) for number in range(size))
    plan = "trial" if story == "trial" else list(_PLANS)[min(3, int(math.log2(size + 1) / 1.7))]
    return Company(
        f"acc_{index + 1:03d}",
        name,
        story,
        plan,
        rng.choice(_INDUSTRIES),
        joined,
        round(days * rng.uniform(0.3, 0.8)),
        people,
    )


def _person(rng: random.Random, person_id: str, domain: str, number: int, joined: int, days: int) -> Person:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    role = "Owner" if number == 0 else rng.choices([r for r, _ in _ROLES[1:]], [w for _, w in _ROLES[1:]])[0]
    begins = max(0, joined) if number == 0 or rng.random() < 0.7 else rng.randrange(max(0, joined), days)
    keen = rng.lognormvariate(-0.35, 0.75)
    return Person(person_id, f"{first} {last}", f"{first}.{last}{number}@{domain}".lower(), role, keen, begins)


def activity(company: Company, day: int, days: int) -> float:
    """How busy a company is on a day (0 before it joined), times its people's own keenness; follows its story."""
    if day < company.joined:
        return 0.0
    if company.fate and company.fate.outcome == "churned" and day >= company.fate.day:
        return 0.0
    turn = company.turn
    since = day - turn
    match company.story:
        case "growing":
            return 0.35 + 0.9 * day / days
        case "fading":
            return 1.0 if since < 0 else max(0.06, 1 - since / 30)
        case "churned":
            return 0.9 if since < 0 else (max(0.0, 0.4 - since / 12) if since < 5 else 0.0)
        case "returning":
            return 0.9 if since < 0 else (0.0 if since < 12 else 0.8)
        case "trial":
            return 0.5 + 0.5 * math.exp(-(day - company.joined) / 9)
        case "seasonal":
            return 0.65 + 0.35 * math.sin(day / 9 + turn)
    return 0.85


def calls(simulated: Simulation) -> Iterator[Json]:
    """The product's calls in the order of time: who signs in is identified and grouped, then acts."""
    rng = random.Random(simulated.seed + 1)
    first = simulated.last - timedelta(days=simulated.days - 1)
    for number in range(simulated.days):
        day = first + timedelta(days=number)
        rows = [
            call for company in simulated.companies for call in _company_day(rng, company, number, day, simulated.days)
        ]
        rows.sort(key=lambda call: call["timestamp"])
        for index, call in enumerate(rows):
            call["messageId"] = f"demo-{simulated.seed}-{day:%Y%m%d}-{index}"
            yield call


def _company_day(rng: random.Random, company: Company, number: int, day: date, days: int) -> Iterator[Json]:
    busy = activity(company, number, days) * (0.12 if day.weekday() >= 5 else 1.0)
    if busy <= 0:
        return
    announced = False
    for person in company.people:
        if number < person.joined:
            continue
        arrives = number == person.joined
        if not arrives and rng.random() > min(0.9, 0.5 * busy * min(1.4, 0.5 + person.keen)):
            continue
        moment = datetime.combine(day, time(7, 0), UTC) + timedelta(seconds=rng.randrange(9 * 3600))
        yield _identify(person, company, moment, day - timedelta(days=number - person.joined))
        if arrives or not announced:
            announced = True
            yield _group(person, company, moment + timedelta(seconds=1), day - timedelta(days=number - company.joined))
        yield from _acts(rng, person, busy, moment, company.fate)


def _acts(rng: random.Random, person: Person, busy: float, moment: datetime, fate: Fate | None) -> Iterator[Json]:
    at = moment + timedelta(seconds=2)
    for event, rate in EVENTS.items():
        mean = 0.4 * rate * busy * person.keen * (0.3 if person.role == "Viewer" and rate < 0.5 else 1.0)
        if fate:
            mean *= fate.keen.get(FEATURE_OF.get(event, ""), 1.0)
        for _ in range(_poisson(rng, mean)):
            at += timedelta(seconds=rng.randrange(5, 240))
            yield {"type": "track", "userId": person.id, "event": event, "timestamp": _iso(at)}


def _poisson(rng: random.Random, mean: float) -> int:
    limit, product, times = math.exp(-min(mean, 20.0)), rng.random(), 0
    while product > limit:
        product *= rng.random()
        times += 1
    return times


def _identify(person: Person, company: Company, moment: datetime, since: date) -> Json:
    traits = {"email": person.email, "name": person.name, "role": person.role, "createdAt": f"{since}T08:00:00.000Z"}
    return {"type": "identify", "userId": person.id, "traits": traits, "timestamp": _iso(moment)}


def _group(person: Person, company: Company, moment: datetime, since: date) -> Json:
    traits = {
        "name": company.name,
        "plan": company.plan,
        "status": "trial" if company.story == "trial" else "paid",
        "industry": company.industry,
        "mrr": _PLANS.get(company.plan, 0),
        "createdAt": f"{since}T08:00:00.000Z",
        "employee_count": len(company.people) * 4,
    }
    return {
        "type": "group",
        "userId": person.id,
        "groupId": company.id,
        "traits": traits,
        "timestamp": _iso(moment),
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
