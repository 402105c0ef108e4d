"""Which scored events were ever done, by whom and since when: the same for every day that is scored.

Every pass needs it, and it grows with all of history; so it is added up once for all of them, and a pass reads how
many events each one began on which day.
"""

from collections.abc import Sequence

from uptake.core.scores import ScoringModel
from uptake.stores.events.score_sql import NOT_EXCLUDED, WEIGHTS, adoptions_of, model_values, upwards
from uptake.stores.events.session import Session

EVER = """
create or replace temp table score_ever as
select e.user_id, e.account_id, e.event, min(e.first_day) as first_day
from events_ever e join score_weights w on w.event = e.event
where {not_excluded} group by e.user_id, e.account_id, e.event
"""

# On which day the first times of how many scored events fell, whatever day is scored.
ADOPTIONS = """
create or replace temp table {table} as
select kind, id, first_day, count(*) as events from (
  select 'user' as kind, user_id as id, event, min(first_day) as first_day from score_ever group by user_id, event
  union all
  select 'account' as kind, account_id as id, event, min(first_day) as first_day
  from ({upwards}) group by account_id, event
) group by kind, id, first_day
"""

PASS_STAGES = "acts users benchmarks account_users accounts ever present kept"
"""The large ones of the temporary tables that passes leave behind, each named `score_…`."""


def add_up_adoptions(session: Session, models: Sequence[ScoringModel]) -> None:
    """Make what all passes with these models share, as long as nothing is folded; workspaces differ.

    It stays in the session's temporary tables until `drop_stages`.
    """
    for model in models:
        values = model_values(model)
        above = upwards("score_ever", "event, first_day")
        adoptions = ADOPTIONS.format(table=adoptions_of(model), upwards=above)
        for text in (WEIGHTS, EVER.format(not_excluded=NOT_EXCLUDED), adoptions):
            session.run(text, **values)


def drop_stages(session: Session, models: Sequence[ScoringModel]) -> None:
    """Give back what the passes with these models needed."""
    for table in (*(f"score_{each}" for each in PASS_STAGES.split()), *map(adoptions_of, models)):
        session.run(f"drop table if exists {table}")
