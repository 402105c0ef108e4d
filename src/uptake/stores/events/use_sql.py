"""How often accounts used features up to some day: many accounts and days in one query."""

from collections.abc import Collection
from datetime import date, timedelta

from uptake.core.scores import ScoringModel
from uptake.stores.events.base import FeatureUse
from uptake.stores.events.score_sql import NOT_EXCLUDED
from uptake.stores.events.session import Session

FEATURE_USE = f"""
with asked as (
  select unnest($asked_accounts::varchar[]) as asked_id, unnest($asked_days::date[]) as day
), own as (
  select distinct asked_id, asked_id as account_id from asked
  union all
  select ancestor_id as asked_id, account_id from lineage where ancestor_id in (select asked_id from asked)
), features as (
  select unnest($events::varchar[]) as event, unnest($features::varchar[]) as feature
), counts as (
  select account_id, event, day as count_day, times from daily_counts
  where day between $first and $last and {NOT_EXCLUDED}
)
select a.asked_id, a.day, f.feature, sum(c.times) as times
from asked a
join own o on o.asked_id = a.asked_id
join counts c on c.account_id = o.account_id
join features f on f.event = c.event
where c.count_day <= a.day and c.count_day > a.day - $window::integer
group by a.asked_id, a.day, f.feature order by a.asked_id, a.day, f.feature
"""


def use_of_features(session: Session, model: ScoringModel, asked: Collection[tuple[str, date]]) -> list[FeatureUse]:
    """The use of each feature by each account up to each day that is asked for."""
    pairs = [pair for pair in asked if pair[0] not in model.excluded_accounts]
    if not pairs:
        return []
    days = [day for _, day in pairs]
    rows = session.rows(
        FEATURE_USE,
        asked_accounts=[account for account, _ in pairs],
        asked_days=days,
        events=list(model.features),
        features=list(model.features.values()),
        excluded_users=sorted(model.excluded_users),
        excluded_accounts=sorted(model.excluded_accounts),
        first=min(days) - timedelta(days=model.window_days - 1),
        last=max(days),
        window=model.window_days,
    )
    return [FeatureUse(account, day, feature, int(times)) for account, day, feature, times in rows]
