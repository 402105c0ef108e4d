"""Which messages were counted, and which of them a store on ClickHouse can forget."""

from collections.abc import Sequence

from uptake.stores.events import message_sql
from uptake.stores.events.clickhouse_schema import US_A_DAY, local, on
from uptake.stores.events.clickhouse_session import ClickHouseSession, in_texts

SEEN = """
select distinct a.place from asked a
join (
  select low, high, received_us from messages
  where received_us > $oldest_us and (low, high) in (select low, high from asked)
) m on m.low = a.low and m.high = a.high
where m.received_us > a.received_us - $dedupe_us
"""
SPAN = "select min(received_us), max(received_us) from messages"
FORGOTTEN = f"""
select intDiv(received_us, {US_A_DAY}) as part from messages_rows
group by part having max(received_us) <= $oldest_us order by part
"""


def seen_in(session: ClickHouseSession, messages: Sequence[tuple[bytes, int]], *, dedupe_us: int) -> list[bool]:
    """For each message: was it counted in the window before?"""
    return message_sql.marked(messages, message_sql.places_of(session, messages, SEEN, dedupe_us=dedupe_us))


def forget_messages(session: ClickHouseSession, *, dedupe_us: int, cluster: str) -> None:
    """Drop the days of messages that no later call can repeat."""
    earliest_us, latest_us = session.rows(SPAN)[0]
    if earliest_us is None or latest_us - earliest_us <= 3 * dedupe_us:
        return
    days = [day for (day,) in session.rows(FORGOTTEN, oldest_us=latest_us - 2 * dedupe_us)]
    for drops in in_texts([f"drop partition {day:d}" for day in days]):
        session.run(f"alter table {local('messages_rows', cluster)}{on(cluster)} {drops}")
