"""What became of calls, and which messages were counted: the part of a fold that tells about the fold itself."""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa
from msgspec.structs import replace

from uptake.stores.events.base import KEPT_FATES, KEPT_OF_REASON, FoldBatch, OutcomeRow
from uptake.stores.events.rows import fates_table, messages_table, outcomes_table
from uptake.stores.events.session import Session

ADD_FATES = """
insert into fates
select log_offset, received_us, at_us, type, user_id, account_id, event, fate, code, field, message, mapping
from new_fates
"""
COUNT_FATES = "select count(*) from fates"
DROP_FATES = f"""
delete from fates where log_offset in (
  select log_offset from (
    select log_offset, row_number() over (partition by fate order by log_offset desc) as place,
      row_number() over (partition by fate, code, mapping order by log_offset desc) as place_of_reason
    from fates
  ) where place > {KEPT_FATES} and place_of_reason > {KEPT_OF_REASON}
)
"""
ADD_TIMES = """
update outcomes set times = outcomes.times + n.times from new_outcomes n
where outcomes.bucket_us = n.bucket_us and outcomes.type = n.type and outcomes.fate = n.fate
  and outcomes.code = n.code and outcomes.mapping = n.mapping
"""
ADD_OUTCOMES = """
insert into outcomes
select n.bucket_us, n.type, n.fate, n.code, n.mapping, n.times from new_outcomes n
where not exists (
  select 1 from outcomes o where o.bucket_us = n.bucket_us and o.type = n.type and o.fate = n.fate
    and o.code = n.code and o.mapping = n.mapping
)
"""


def add_fates(session: Session, batch: FoldBatch) -> None:
    """List the latest calls with their fates, and count all."""
    if batch.fates:
        session.lend(new_fates=fates_table(batch.fates))
        session.run(ADD_FATES)
        if session.rows(COUNT_FATES)[0][0] > 10 * KEPT_FATES:
            session.run(DROP_FATES)
    if batch.outcomes:
        session.lend(new_outcomes=outcomes_table(_summed(batch.outcomes)))
        session.run(ADD_TIMES)
        session.run(ADD_OUTCOMES)


def _summed(rows: Sequence[OutcomeRow]) -> list[OutcomeRow]:
    counts: Counter[OutcomeRow] = Counter()
    for row in rows:
        counts[replace(row, times=0)] += row.times
    return [replace(row, times=times) for row, times in counts.items()]


# ---- messages counted

# A first look at one half alone: it reads no other column, and nearly always nothing is there.
NEAR = "select distinct a.place from asked a join messages m on m.low = a.low"
SEEN = """
select distinct a.place from asked a
join messages m on m.low = a.low and m.high = a.high
where m.received_us > a.received_us - $dedupe_us and m.received_us > $oldest_us
"""
LATEST = "select max(received_us) from messages where low = $low and high = $high and received_us <= $up_to_us"
ADD_MESSAGES = "insert into messages select low, high, received_us from new_messages"
# Rows lie in the order of the log, so that the first is as old as any; to look for the least would read them all.
FIRST_MESSAGE = "select received_us from messages limit 1"
DROP_MESSAGES = "delete from messages where received_us <= $oldest_us"


def seen_in(session: Session, messages: Sequence[tuple[bytes, int]], *, dedupe_us: int) -> list[bool]:
    """For each message: was it counted in the window before?"""
    near = places_of(session, messages, NEAR, dedupe_us=dedupe_us)
    known = places_of(session, [messages[place] for place in near], SEEN, dedupe_us=dedupe_us)
    return marked(messages, (near[place] for place in known))


def counted_us(session: Session, digest: bytes, up_to_us: int) -> int | None:
    """When the latest copy of a message that was counted up to a moment was received; None where that is not known."""
    low, high = struct.unpack("=qq", digest)
    found: int | None = session.rows(LATEST, low=low, high=high, up_to_us=up_to_us)[0][0]
    return found


def marked(messages: Sequence[tuple[bytes, int]], places: Iterable[int]) -> list[bool]:
    """For each message: is its place among these?"""
    found = set(places)
    return [place in found for place in range(len(messages))]


def places_of(session: Session, messages: Sequence[tuple[bytes, int]], text: str, *, dedupe_us: int) -> list[int]:
    """The places in the list of those messages that the text finds among `asked`."""
    if not messages:
        return []
    asked = messages_table(messages)
    session.lend(asked=asked.append_column("place", pa.array(range(len(messages)), pa.int64())))
    oldest_us = min(received_us for _, received_us in messages) - dedupe_us
    return [place for (place,) in session.rows(text, dedupe_us=dedupe_us, oldest_us=oldest_us)]


def add_messages(session: Session, batch: FoldBatch, *, dedupe_us: int) -> None:
    """Remember what was counted; forget in strides what no later call can repeat."""
    if not batch.messages:
        return
    session.lend(new_messages=messages_table(batch.messages))
    session.run(ADD_MESSAGES)
    earliest_us = session.rows(FIRST_MESSAGE)[0][0]
    latest_us = max(received_us for _, received_us in batch.messages)
    if latest_us - earliest_us > 3 * dedupe_us:
        session.run(DROP_MESSAGES, oldest_us=latest_us - 2 * dedupe_us)
