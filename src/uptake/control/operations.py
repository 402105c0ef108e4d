"""What each request does, whether it came over the socket or from a command in the same process."""

import difflib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from uptake import __version__
from uptake.control import requests as ask
from uptake.control.backtest import run_backtest
from uptake.control.destination import preview_history, test_call
from uptake.control.erasures import await_erasure, cancel, erase, erasures
from uptake.control.exports import send_table
from uptake.control.jobs import await_job, cancel_job, list_jobs, listed, show_job, start_job
from uptake.control.merges import merge, merges, undo
from uptake.control.people import CONSOLE, create_user, list_users, owner_path, reset_password
from uptake.control.requests import Told
from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.days import DAY_US
from uptake.core.errors import UptakeError
from uptake.destination.trace import Trace
from uptake.pipeline.directory import Directory
from uptake.pipeline.document import document_of, merge_text
from uptake.pipeline.exports import exported
from uptake.pipeline.following import NotScoredYet
from uptake.pipeline.keys import KeyRing
from uptake.pipeline.preview import Preview
from uptake.pipeline.running import Running, RunningProduct
from uptake.stores.events.base import StoreDamaged
from uptake.stores.log.base import LogUnavailable
from uptake.stores.meta.base import Key, MetaUnavailable, chosen
from uptake.stores.meta.jobs import Job
from uptake.views.accounts import account_named
from uptake.views.backtest import Backtest
from uptake.views.base import BadDay, Unknown
from uptake.views.data_health import RefusedKey, data_health
from uptake.views.explanation import Explanation, explain
from uptake.views.health import counters, unreadable
from uptake.views.status import status_of
from uptake.views.users import user_named
from uptake.views.what_if import WhatIf, what_if, workspace_named

BY = CONSOLE.by
LOOK_EVERY_S = 0.1


class Office:
    """An open installation, as operations need it."""

    def __init__(self, running: Running, directory: Directory, data_dir: Path, *, served: bool) -> None:
        """served: a worker folds and scores beside; else operations do it themselves where they need it.

        `base_url` is where the app is, for links; '' until it is served.
        """
        self.running, self.directory, self.data_dir, self.served = running, directory, data_dir, served
        self.worker_failures: Callable[[], int] = lambda: 0
        self.refused_keys: Callable[[], Sequence[RefusedKey]] = tuple
        self.base_url = ""
        self.keys = KeyRing(running.meta, running.clock)

    def product(self, name: str | None) -> RunningProduct:
        """The product with this name; without one the only product.  Raises UptakeError (E008)."""
        return chosen(self.running.products(), name)

    def owner_link(self) -> str | None:
        """Where the first owner comes in, once; None where there is one."""
        path = owner_path(self.running)
        return self.base_url + path if path else None

    def taken_in_force(self) -> None:
        """Make sure that the next request meets what was just changed."""
        self.running.refresh()
        self.directory.refresh()


def perform(office: Office, request: ask.Request, told: Told) -> Any:
    """Do what is asked; returns the answer.  Raises UptakeError."""
    try:
        return _performed(office, request, told)
    except StoreDamaged as error:
        if office.served:
            message, hint = "The event store is damaged and is being made again.", "Repeat in a moment."
            raise UptakeError("store_damaged", message, hint=hint) from error
        office.running.step()  # nobody else makes it again
        return _performed(office, request, told)


def _performed(office: Office, request: ask.Request, told: Told) -> Any:
    try:
        return _OPERATIONS[type(request)](office, request, told)
    except Unknown as error:
        raise UptakeError("E008", f"{error.message}.") from error
    except MetaUnavailable as error:
        raise UptakeError(
            "meta_unavailable", f"{error}.", hint="See who else has meta.sqlite open, or whether its server runs."
        ) from error
    except NotScoredYet as error:
        raise UptakeError("not_scored_yet", f"{error}.", hint="See whether workers run.") from error
    except LogUnavailable as error:
        raise UptakeError("log_unavailable", f"{error}.", hint="Repeat in a moment.") from error
    except BadDay as error:
        raise UptakeError("invalid_parameter", f"{error}.") from error


# ---- keys
def _create_key(office: Office, request: ask.CreateKey, _told: Told) -> dict[str, Any]:
    product = office.product(request.product)
    expires_us = None if request.days is None else office.running.clock() + request.days * DAY_US
    key, text = office.keys.create(CONSOLE, product.product_id, request.kind, name=request.name, expires_us=expires_us)
    office.taken_in_force()
    return {**_listed(key, product.name), "text": text}


def _list_keys(office: Office, request: ask.ListKeys, _told: Told) -> list[dict[str, Any]]:
    products = [office.product(request.product)] if request.product else office.running.products()
    meta = office.running.meta
    return [_listed(key, product.name) for product in products for key in meta.keys(product.product_id)]


def _revoke_key(office: Office, request: ask.RevokeKey, _told: Told) -> dict[str, Any]:
    key = office.keys.revoke(CONSOLE, request.id, after_s=request.after_s)
    office.taken_in_force()
    return _listed(key, office.running.product(key.product_id).name)


def _listed(key: Key, product: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "product": product,
        "kind": key.kind,
        "name": key.name,
        "hint": key.hint,
        "created_us": key.created_us,
        "revoked_us": key.revoked_us,
        "expires_us": key.expires_us,
        "used_us": key.used_us,
    }


# ---- configuration
def _export_config(office: Office, request: ask.ExportConfig, _told: Told) -> dict[str, Any]:
    version = office.product(request.product).version
    return {
        "text": document_of(version.config),
        "revision": version.revision,
        "config": msgspec.to_builtins(version.config),
    }


def _apply_config(office: Office, request: ask.ApplyConfig, _told: Told) -> dict[str, Any]:
    known = {product.name for product in office.running.products()}
    if request.create and request.product and request.product not in known:
        return _make_product(office, request)
    product = office.product(request.product)

    def merged(before: ConfigVersion) -> ProductConfig:
        config = merge_text(before.config, request.text, prune=request.prune)
        if config.product in known - {before.config.product}:
            raise UptakeError("config_invalid", f"$.product: there is another product {config.product!r} already.")
        return config

    before = product.version
    if request.dry:
        return {"revision": before.revision, "diff": _difference(before.config, merged(before))}
    after = office.running.change_config(
        product.product_id,
        merged,
        by=BY,
        why="config apply",
        to_history=request.to_history,
        publish=request.publish,
    )
    office.taken_in_force()
    return {
        "product": after.config.product,
        "revision": after.revision,
        "changed": after.revision != before.revision,
        "rebuild": product.rebuild_due,
    }


def _make_product(office: Office, request: ask.ApplyConfig) -> dict[str, Any]:
    fresh = ProductConfig(product=request.product or "")
    config = merge_text(fresh, request.text, prune=request.prune)
    if request.dry:
        return {"revision": 0, "diff": _difference(fresh, config)}
    product = office.running.create_product(config, by=BY)
    office.taken_in_force()
    return {"product": product.name, "revision": 1, "changed": True, "rebuild": False}


def _difference(before: ProductConfig, after: ProductConfig) -> str:
    old, new = (document_of(config).splitlines(keepends=True) for config in (before, after))
    return "".join(difflib.unified_diff(old, new, "in force", "document", n=2))


def _what_if(office: Office, request: ask.WhatIf, told: Told) -> WhatIf:
    product = _up_to_date(office, request, told)
    candidate = merge_text(product.config, request.text, prune=False)
    beside = workspace_named(candidate, request.beside)
    return what_if(product, request.workspace_id, candidate, request.day, most=request.most, beside=beside)


# ---- health
def _check(office: Office, request: ask.Check, told: Told) -> dict[str, Any]:
    running = office.running
    products = [office.product(request.product)] if request.product else running.products()
    found: list[str] = []
    for product in products if request.read_log else ():
        found += unreadable(product, lambda done, total: told.progress(done, total, "Reading the log"))
    return {
        "version": __version__,
        "data_dir": str(office.data_dir),
        "served": office.served,
        "pid": os.getpid() if office.served else None,
        "log_bytes": running.log.size_bytes(),
        "log_damage": [*running.log.damage(), *found],
        "worker_failures": office.worker_failures(),
        "products": [_product_health(product, office.refused_keys()) for product in products],
    }


def _product_health(product: RunningProduct, refused_keys: Sequence[RefusedKey]) -> dict[str, Any]:
    status, counted = product.status(), counters(product)
    return {
        "id": product.product_id,
        "name": product.name,
        "settled": status.settled,
        "rebuilding": status.rebuilding,
        "generation": status.generation,
        "status": msgspec.to_builtins(status_of(product)),
        "counters": msgspec.to_builtins(counted),
        "adds_up": counted.received == counted.refused + counted.logged and counted.waiting >= 0,
        "store_bytes": product.store.size_bytes(),
        "totals": msgspec.to_builtins(product.store.totals()),
        "parent_cycles": product.store.parent_cycles(),
        "data": msgspec.to_builtins(data_health(product, refused_keys)),
    }


# ---- scores
def _explain(office: Office, request: ask.Explain, told: Told) -> Explanation:
    product = _up_to_date(office, request, told)
    named = account_named if request.kind == "account" else user_named
    tracking_id = named(product, request.id)
    return explain(product, request.kind, request.workspace_id, tracking_id, request.day, against=request.against)


def _rebuild(office: Office, request: ask.Rebuild, told: Told) -> dict[str, Any]:
    product = office.product(request.product)
    if product.rebuilding:
        raise UptakeError(
            "E010", "The product is being rebuilt already.", hint="`uptake jobs list` says how far it is."
        )
    return _done(office, product, office.running.ask_rebuild(product.product_id, by=BY), told)


def _rescore(office: Office, request: ask.Rescore, told: Told) -> dict[str, Any]:
    product = _up_to_date(office, request, told)
    return _done(office, product, office.running.jobs.ask(product.product_id, "recompute", by=BY), told)


def _done(office: Office, product: RunningProduct, job: Job, told: Told) -> dict[str, Any]:
    return await_job(office.running, product, job, told, work=not office.served).result


def _settle(office: Office, request: ask.Settle, told: Told) -> dict[str, Any]:
    product = office.product(request.product)
    wanted = product.status().log_offset
    until = None if request.timeout_s is None else time.monotonic() + request.timeout_s
    while (status := product.status()).scored_offset < wanted and (until is None or time.monotonic() < until):
        folded = min(status.folded_offset, wanted)
        told.progress(folded, wanted, "Folding" if folded < wanted else "Scoring")
        if office.served:
            time.sleep(LOOK_EVERY_S)
        else:
            office.running.step()
    told.progress(min(status.folded_offset, wanted), wanted, "Scored")
    return {"settled": status.scored_offset >= wanted, "offset": status.folded_offset}


def _up_to_date(office: Office, request: ask.Request, told: Told) -> RunningProduct:
    """The product, with everything folded and scored first where nobody else does it."""
    product = office.product(request.product)
    if not office.served:
        _settle(office, ask.Settle(product=product.name), told)
    return product


def _export(office: Office, request: ask.Export, told: Told) -> dict[str, Any]:
    product = _up_to_date(office, request, told)
    return {"rows": send_table(exported(product, office.running.log, request.table), told.chunk)}


def _backtest(office: Office, request: ask.RunBacktest, told: Told) -> Backtest:
    return run_backtest(_up_to_date(office, request, told), request, told)


# ---- changed ids
def _merge(office: Office, request: ask.MergeIds, _told: Told) -> dict[str, Any]:
    return merge(office.running, office.product(request.product), request, by=BY)


def _merges(office: Office, request: ask.ListMerges, _told: Told) -> list[dict[str, Any]]:
    return merges(office.running, office.product(request.product))


def _undo_merge(office: Office, request: ask.UndoMerge, _told: Told) -> dict[str, Any]:
    return undo(office.running, office.product(request.product), request, by=BY)


# ---- erasing
def _erase(office: Office, request: ask.Erase, _told: Told) -> dict[str, Any]:
    return erase(office.running, office.product(request.product), request, by=BY)


def _erasures(office: Office, request: ask.ListErasures, _told: Told) -> list[dict[str, Any]]:
    return erasures(office.running, office.product(request.product))


def _await_erasure(office: Office, request: ask.AwaitErasure, told: Told) -> dict[str, Any]:
    product = office.product(request.product)
    return await_erasure(office.running, product, request, told, work=not office.served)


# ---- long work
def _await_job(office: Office, request: ask.AwaitJob, told: Told) -> dict[str, Any]:
    product = office.product(request.product)
    job = office.running.jobs.found(product.product_id, request.id)
    return listed(await_job(office.running, product, job, told, work=not office.served))


# ---- the destination
def _test_call(office: Office, request: ask.TestCall, _told: Told) -> Trace:
    return test_call(office.product(request.product), request, office.running.clock())


def _preview_history(office: Office, request: ask.PreviewHistory, told: Told) -> Preview:
    return preview_history(office.product(request.product), request, told)


# ---- people
def _create_user(office: Office, request: ask.CreateUser, _told: Told) -> dict[str, Any]:
    return {**create_user(office.running, request), "base": office.base_url}


def _reset_password(office: Office, request: ask.ResetPassword, _told: Told) -> dict[str, Any]:
    return {**reset_password(office.running, request), "base": office.base_url}


def _list_users(office: Office, _request: ask.ListUsers, _told: Told) -> list[dict[str, Any]]:
    return list_users(office.running)


_OPERATIONS: dict[type, Callable[[Office, Any, Told], Any]] = {
    ask.CreateKey: _create_key,
    ask.ListKeys: _list_keys,
    ask.RevokeKey: _revoke_key,
    ask.ExportConfig: _export_config,
    ask.ApplyConfig: _apply_config,
    ask.WhatIf: _what_if,
    ask.Check: _check,
    ask.Explain: _explain,
    ask.Rebuild: _rebuild,
    ask.Rescore: _rescore,
    ask.Settle: _settle,
    ask.Export: _export,
    ask.TestCall: _test_call,
    ask.PreviewHistory: _preview_history,
    ask.CreateUser: _create_user,
    ask.ResetPassword: _reset_password,
    ask.ListUsers: _list_users,
    ask.RunBacktest: _backtest,
    ask.MergeIds: _merge,
    ask.ListMerges: _merges,
    ask.UndoMerge: _undo_merge,
    ask.Erase: _erase,
    ask.CancelErasure: lambda office, request, _told: cancel(office, request, by=BY),
    ask.ListErasures: _erasures,
    ask.AwaitErasure: _await_erasure,
    ask.StartJob: lambda office, request, _told: start_job(office, request, by=BY),
    ask.ListJobs: lambda office, request, _told: list_jobs(office, request),
    ask.ShowJob: lambda office, request, _told: show_job(office, request),
    ask.AwaitJob: _await_job,
    ask.CancelJob: lambda office, request, _told: cancel_job(office, request, by=BY),
}
