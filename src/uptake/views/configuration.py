"""The fields of a product's configuration that name traits, each with the traits that were seen and may be chosen."""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from uptake.core.effects import Kind
from uptake.core.traits import TraitForms, inferred, stored_key
from uptake.views.base import ProductView

TraitField = Literal["account_display_name", "account_created_at", "account_owner_trait", "account_id_trait"]

LIKELY: dict[TraitField, tuple[str, ...]] = {
    "account_display_name": (
        "name", "account_name", "accountName", "company_name", "companyName", "organization_name", "display_name",
        "displayName", "title",
    ),
    "account_created_at": (
        "createdAt", "created", "signup_date", "signed_up_at", "signedUpAt", "account_created_at", "start_date",
    ),
    "account_owner_trait": (
        "csm_email", "csmEmail", "csm", "owner_email", "ownerEmail", "account_owner", "accountOwner", "owner",
        "customer_success_manager", "account_manager",
    ),
    "account_id_trait": (
        "group_id", "groupId", "account_id", "accountId", "company_id", "companyId", "company.id", "organization_id",
        "organizationId", "org_id", "orgId", "tenant_id", "tenantId", "workspace_id", "team_id",
    ),
}  # fmt: skip
"""Names that such traits often have, the likeliest first."""


class TraitCandidate(msgspec.Struct, frozen=True):
    """A trait that could be chosen: how many have it, which share (0–1) of its kind that is, and an example (JSON)."""

    key: str
    have: int
    share: float
    example: str
    suggested: bool


class FieldChoice(msgspec.Struct, frozen=True):
    """A field that names a trait of this kind: the chosen one, whether it was ever seen, and what else there is.

    chosen: '' for none.  candidates: suggested ones first, then those that most have; fallback: what stands in where a
    trait is missing.
    """

    field: TraitField
    kind: Kind
    chosen: str
    seen: bool
    candidates: Sequence[TraitCandidate]
    fallback: str


class Rule(msgspec.Struct, frozen=True):
    """Which traits a field may name."""

    field: TraitField
    kind: Kind
    takes: Callable[[TraitForms], bool]
    fallback: str


def _plain(forms: TraitForms) -> bool:
    return forms.lists + forms.objects == 0


RULES = (
    Rule(
        "account_display_name",
        "account",
        lambda forms: _plain(forms) and inferred(forms).type == "string",
        "the account's id",
    ),
    Rule(
        "account_created_at",
        "account",
        lambda forms: inferred(forms).type == "date" or forms.key in LIKELY["account_created_at"],
        "the earliest creation date of the account's users",
    ),
    Rule(
        "account_owner_trait",
        "account",
        lambda forms: _plain(forms) and inferred(forms).type == "string",
        "nobody, unless an owner is named on the account's page",
    ),
    Rule(
        "account_id_trait",
        "user",
        lambda forms: _plain(forms) and inferred(forms).type in ("string", "number"),
        "the groupId of identify and group calls",
    ),
)
MOST_CANDIDATES = 50


def field_choices(product: ProductView) -> list[FieldChoice]:
    """What may be chosen as display name, creation date, owner and account id."""
    store, totals = product.store, product.store.totals()
    forms: dict[Kind, Sequence[TraitForms]] = {kind: store.trait_forms(kind) for kind in ("user", "account")}
    many: dict[Kind, int] = {"user": totals.users, "account": totals.accounts}
    return [_choice(product, rule, forms[rule.kind], many[rule.kind]) for rule in RULES]


def _choice(product: ProductView, rule: Rule, forms: Sequence[TraitForms], many: int) -> FieldChoice:
    likely = LIKELY[rule.field]
    chosen: str = getattr(product.version.config, rule.field)
    fit = [each for each in forms if rule.takes(each)]
    fit.sort(key=lambda each: (likely.index(each.key) if each.key in likely else len(likely), -each.values, each.key))
    return FieldChoice(
        field=rule.field,
        kind=rule.kind,
        chosen=chosen,
        seen=any(each.key == stored_key(chosen) for each in forms),
        candidates=[
            TraitCandidate(
                key=each.key,
                have=each.values,
                share=each.values / many if many else 0.0,
                example=_example(product, rule.kind, each.key),
                suggested=each.key in likely,
            )
            for each in fit[:MOST_CANDIDATES]
        ],
        fallback=rule.fallback,
    )


def _example(product: ProductView, kind: Kind, key: str) -> str:
    values = product.store.trait_values(kind, key, most=1)
    return values[0].value[:200] if values else ""
