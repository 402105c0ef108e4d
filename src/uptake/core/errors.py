"""What can be wrong, as values.

Every code that a client, an operator or a page can ever see stands in `CODES`, with its HTTP status and one sentence of
help; docs/reference/errors.md is made from this table.  Bad input is a `Rejection`, a value like any other; only faults
that stop a command or a start-up are exceptions (`UptakeError`).
"""

from typing import Any

import msgspec


class Code(msgspec.Struct, frozen=True):
    """One stable word for one kind of fault: its HTTP status (0: never over HTTP) and what to do about it."""

    status: int
    help: str


CODES: dict[str, Code] = {
    # a whole request
    "unknown_key": Code(
        401, "The ingest key is missing or unknown: copy it from Settings, or make one with `uptake key create`."
    ),
    "invalid_token": Code(401, "The read token is missing or unknown: make one with `uptake key create --kind read`."),
    "bad_json": Code(400, "The body is not the JSON that this route takes."),
    "bad_encoding": Code(400, "The body could not be decompressed as its Content-Encoding says."),
    "body_too_large": Code(413, "A request may be 500 KB after decompression; send smaller batches."),
    "batch_too_long": Code(413, "A batch may hold 2,500 calls; send smaller batches."),
    "slow_body": Code(408, "The body did not arrive in time; send it again."),
    "not_found": Code(404, "There is nothing at this address."),
    "method_not_allowed": Code(405, "This route does not take that method."),
    "host_not_allowed": Code(421, "The server is addressed by a name that it may not have: see UPTAKE_ALLOWED_HOSTS."),
    "overloaded": Code(429, "The queue is full; repeat after the seconds in Retry-After."),
    "rate_limited": Code(429, "The key has used up what it may send; repeat after the seconds in Retry-After."),
    "log_unavailable": Code(
        503, "The call log cannot be written (disk full, servers away?); repeat after the seconds in Retry-After."
    ),
    "store_damaged": Code(
        503, "The event store is damaged and is being made again from the call log; repeat after Retry-After."
    ),
    "store_unavailable": Code(503, "The server of the event store cannot be reached; repeat after Retry-After."),
    "not_scored_yet": Code(503, "A worker must score these days first, and has not yet; repeat after Retry-After."),
    "worker_failing": Code(503, "The worker's last step failed; its log says why, and it tries again."),
    "meta_unavailable": Code(503, "The meta store is locked or cannot be read; repeat after Retry-After."),
    "shutting_down": Code(503, "The server is stopping; repeat after the seconds in Retry-After."),
    # one call
    "call_too_large": Code(400, "One call may be 32 KB."),
    "not_an_object": Code(400, "A call is a JSON object."),
    "unknown_type": Code(400, "`type` is one of identify, group, track, page, screen, alias."),
    "missing_user": Code(400, "The call needs userId or anonymousId."),
    "missing_user_id": Code(400, "The call needs userId."),
    "missing_group_id": Code(400, "A group call needs groupId."),
    "missing_event": Code(400, "A track call needs event, a non-empty string."),
    "missing_previous_id": Code(400, "An alias call needs previousId."),
    "bad_id": Code(400, "An id is a non-empty string, or a whole number."),
    "id_too_long": Code(400, "An id, an event name or a messageId has its limit; see the message."),
    "bad_field": Code(400, "The field has another type than Segment's specification says."),
    "bad_timestamp": Code(400, "A time is ISO 8601, or Unix seconds or milliseconds."),
    "missing_timestamp": Code(400, "The legacy routes need timestamp, whole Unix milliseconds."),
    # fates in the fold
    "duplicate": Code(0, "The same messageId was counted before, inside the dedupe window."),
    "no_user": Code(0, "A page or screen call without a user is not counted."),
    "log_damaged": Code(0, "The call log is damaged where the call stood; a copy of the log may still have it."),
    "alias_recorded": Code(0, "Alias calls are recorded, not applied."),
    "NO_MATCHING_MAPPING": Code(0, "No enabled mapping's trigger matches the call."),
    "FILTERED_BY_RULES": Code(0, "A destination filter dropped the call."),
    "FILTERED_BY_INTEGRATIONS_OBJECT": Code(0, "The call's integrations object switches this destination off."),
    "FILTERED_AT_MAPPING": Code(0, "The destination is switched off."),
    "left_out": Code(0, "A lenient mapping left an invalid optional field out; the call counts."),
    "ignored_event": Code(0, "The event is on the list of ignored events of the product."),
    "BAD_REQUEST": Code(0, "A mapped call failed the action's validation."),
    # the read API
    "missing_workspace_id": Code(400, "Name a workspace: ?workspace_id=1."),
    "invalid_workspace_id": Code(400, "workspace_id is a positive whole number."),
    "unknown_workspace": Code(404, "The product has no workspace with this id."),
    "missing_match_parameter": Code(400, "match_type and match_value go together."),
    "invalid_parameter": Code(400, "A query parameter has a value that it cannot take; see the message."),
    "unknown_call": Code(404, "The log holds no call at this offset."),
    "unknown_revision": Code(404, "The workspace has no version of its model with this revision."),
    "unknown_segment": Code(404, "The product has no segment with this id."),
    "missing_key": Code(400, "Name a trait: ?key=plan."),
    "unknown_event": Code(404, "The product has never seen an event with this name."),
    "unknown_feature": Code(404, "The product has no feature with this name."),
    "unknown_mapping": Code(404, "The destination has no mapping with this name."),
    "read_only_token": Code(403, "A read token never writes: make one with `uptake key create --kind manage`."),
    "unknown_account": Code(404, "The product knows no account with this id."),
    "unknown_user": Code(404, "The product knows no user with this id."),
    # people
    "signed_out": Code(401, "The app answers who is signed in: open it in a browser and sign in."),
    "sign_in_failed": Code(401, "The e-mail address or the password is not right; `uptake user reset-password` helps."),
    "provider_refused": Code(
        403, "The sign-in provider, or what Uptake makes of its word, lets nobody in; see the message."
    ),
    "provider_failed": Code(502, "The sign-in provider cannot be reached, or is not what UPTAKE_OIDC_ISSUER says."),
    "too_many_attempts": Code(429, "Too many attempts failed; try again after the seconds in Retry-After."),
    "link_not_good": Code(410, "The link was used, taken back or is too old: ask for a new one."),
    "password_too_short": Code(400, "A password has at least 12 characters; nothing else is asked of it."),
    "email_taken": Code(409, "Somebody with this e-mail address is known already."),
    "bad_note": Code(400, "A note is a text of up to 5,000 characters, and an account or user has up to 500."),
    "bad_view": Code(400, "A saved view has a name of up to 100 characters, and everybody has up to 50."),
    "unknown_person": Code(404, "There is no such person with a role in the product."),
    "not_permitted": Code(403, "This needs another role: an owner or an admin of the product can give it."),
    "last_owner": Code(409, "The only owner stays one: make somebody else an owner first."),
    "internal": Code(500, "A fault in Uptake itself; it is logged and counted."),
    # CSV files
    "csv_no_header": Code(400, "The first line of a CSV file names its columns."),
    "csv_column_missing": Code(400, "The file lacks a column that is needed; see the message."),
    "csv_column_repeated": Code(400, "Two columns have the same name."),
    "csv_cells": Code(400, "A row has as many cells as the header has columns."),
    "csv_quoting": Code(400, "A cell with quotes is written in quotes, each of its own doubled."),
    "csv_not_utf8": Code(400, "A CSV file is UTF-8: save it as such."),
    "csv_too_large": Code(413, "The file has too many bytes, rows or columns; see the message."),
    "csv_mapping": Code(400, "A column is userId, groupId, timestamp, traits.NAME or nothing, each but the last once."),
    "bad_outcome": Code(400, "An outcome is churned or renewed."),
    "outcome_contradicts": Code(400, "An earlier row says something else of the same account and day."),
    "missing_outcomes": Code(400, "A backtest needs outcomes: a CSV text, or the trait that holds the day of churn."),
    "unknown_trait": Code(404, "No account has the trait."),
    # changed ids
    "merge_exists": Code(409, "This id is merged into another one already: undo that merge first."),
    "merge_cycle": Code(409, "Two ids cannot each be the other."),
    "too_many_merges": Code(409, "A product has only so many merges; see the message."),
    "unknown_merge": Code(404, "The product has no merge with this id."),
    # erasing
    "erasure_exists": Code(409, "The user or account is being erased already."),
    "erased": Code(400, "The user or account was erased after this happened; calls from then on are taken."),
    "unknown_erasure": Code(404, "The product has no erasure with this number."),
    "not_confirmed": Code(400, "An erasure is confirmed by the id, typed once more."),
    # long work
    "unknown_job": Code(404, "The product has no job with this number."),
    "job_over": Code(409, "The job is over already."),
    "job_goes_on": Code(409, "This work goes on to its end: half of it would be worse than all of it."),
    "job_cancelled": Code(0, "Somebody ended the job before it was done."),
    "job_impossible": Code(409, "This installation cannot do work of that kind; see the message."),
    "backup_elsewhere": Code(409, "Servers keep a part: each is backed up by its own means, see docs/howto/backup.md."),
    "job_too_large": Code(0, "The result would be larger than UPTAKE_MAX_RESULT_MB."),
    "files_full": Code(507, "Uploads and results fill UPTAKE_MAX_FILES_MB; old ones go after UPTAKE_RESULT_DAYS."),
    "files_unavailable": Code(503, "The files of long work cannot be reached; repeat after Retry-After."),
    "too_many_jobs": Code(409, "A product has only so many jobs that wait; see the message."),
    "no_result": Code(404, "The job made no file, or it is not kept any more."),
    # configuration
    "config_invalid": Code(400, "The configuration has faults; each is listed with its place."),
    "config_conflict": Code(409, "The configuration changed meanwhile; read it again and repeat."),
    # start-up and command line
    "E001": Code(0, "A setting has a value that it cannot take."),
    "E002": Code(0, "An app that is open on loopback, without signing in, may not be reached from elsewhere."),
    "E003": Code(0, "The data folder is not writable."),
    "E004": Code(0, "Another process serves this data folder."),
    "E005": Code(0, "The data folder was written by a newer Uptake."),
    "E006": Code(0, "The address is in use or cannot be bound."),
    "E007": Code(0, "A file could not be read."),
    "E008": Code(0, "There is no such product, key, person, account or user."),
    "E009": Code(0, "The server that holds this data folder did not answer."),
    "E010": Code(0, "The product is being rebuilt already."),
    "E011": Code(
        0, "An event store cannot be opened, though it may be whole; a damaged one is made again from the log."
    ),
    "E014": Code(0, "The call log is damaged; a server that starts on it keeps what can be read."),
    "E015": Code(0, "A server that a setting names cannot be used, or the package that speaks to it is not installed."),
    "E016": Code(0, "What servers keep is backed up by their own means, not by `uptake backup`."),
    "E017": Code(0, "A role was asked for that needs a call log, an event store and a meta store on servers."),
    "E018": Code(0, "The target of a migration holds something else, or shares something with what is to be copied."),
    "E019": Code(0, "A migration was compared with what it was made from, and something differs."),
    "E012": Code(0, "A backup is damaged, cut short, or none at all."),
    "E013": Code(0, "A backup is restored into an empty folder only."),
}


class Rejection(msgspec.Struct, frozen=True):
    """One refused item: a stable code, the place in the item (`$.userId`), and one sentence with expected and got.

    `index` is the item's position in its batch (0 for a single call).
    """

    code: str
    place: str
    message: str
    index: int = 0


class UptakeError(Exception):
    """A fault that stops a command or a start-up: a code of `CODES`, a sentence, and a hint."""

    def __init__(self, code: str, message: str, *, hint: str = "", details: Any = None) -> None:
        super().__init__(f"{code} {message}" + (f" Hint: {hint}" if hint else ""))
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong in a configuration: a stable code, the place (`$.workspaces[0].features.Reporting`), one
    sentence."""

    place: str
    message: str
    code: str = "config_invalid"


class ConfigInvalid(UptakeError):
    """A configuration that cannot be saved, with all its faults."""

    def __init__(self, faults: list[Fault]) -> None:
        lines = "; ".join(f"{fault.place}: {fault.message}" for fault in faults)
        super().__init__("config_invalid", lines, details=faults)
        self.faults = faults
