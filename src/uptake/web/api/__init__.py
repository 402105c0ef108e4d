"""The API: what programs may ask of a product with a read token, and change with a management token."""

from uptake.web.api.backtest import BACKTEST_HANDLERS
from uptake.web.api.configuration import CONFIGURATION_HANDLERS
from uptake.web.api.csv_import import CSV_HANDLERS
from uptake.web.api.destination import DESTINATION_HANDLERS
from uptake.web.api.entries import account, account_history, lookup, user, user_history
from uptake.web.api.erasures import ERASURE_HANDLERS
from uptake.web.api.features import FEATURE_HANDLERS
from uptake.web.api.jobs import JOB_HANDLERS
from uptake.web.api.lists import accounts, users
from uptake.web.api.merges import MERGE_HANDLERS
from uptake.web.api.segments import SEGMENT_HANDLERS
from uptake.web.api.status import health, status
from uptake.web.api.use import use
from uptake.web.api.workspaces import WORKSPACE_HANDLERS

API_HANDLERS = (
    *WORKSPACE_HANDLERS,
    accounts,
    account,
    account_history,
    users,
    user,
    user_history,
    status,
    health,
    lookup,
    *SEGMENT_HANDLERS,
    *FEATURE_HANDLERS,
    use,
    *CONFIGURATION_HANDLERS,
    *DESTINATION_HANDLERS,
    *BACKTEST_HANDLERS,
    *MERGE_HANDLERS,
    *ERASURE_HANDLERS,
    *JOB_HANDLERS,
    *CSV_HANDLERS,
)
