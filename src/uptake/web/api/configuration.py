"""Handlers of the product's fields, of traits' types, and of exclusions."""

import msgspec
from litestar import Router, get, post, put
from litestar.params import RawBody

from uptake.core.config import ProductConfig
from uptake.pipeline.exclusion_preview import ExclusionPreview, preview_exclusions
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.product_changes import change_exclusions, change_fields, exclude, include, type_trait
from uptake.views.configuration import field_choices
from uptake.views.traits import trait_list, trait_values
from uptake.web.api.bodies import read_body
from uptake.web.api.config_shapes import (
    ExclusionEntries,
    ExclusionsAnswer,
    ExclusionsChange,
    FieldsAnswer,
    FieldsChange,
    TraitChange,
    TraitsAnswer,
    TraitsAsked,
    TraitValuesAnswer,
    TraitValuesAsked,
    fields_of,
    trait_entry,
    value_entries,
)
from uptake.web.api.params import asked
from uptake.web.api.saving import named_in, save
from uptake.web.api.segments import KINDS
from uptake.web.problems import AnyRequest
from uptake.web.site import managed_product_of, product_of


@get("/v2/traits", sync_to_thread=True)
def traits(request: AnyRequest) -> TraitsAnswer:
    """Every trait with its type, and values that do not fit it."""
    product, scope = product_of(request), asked(request, TraitsAsked).scope
    return TraitsAnswer([trait_entry(each) for each in trait_list(product, KINDS[scope])], product.version.revision)


@put("/v2/traits", sync_to_thread=True)
def type_one(request: AnyRequest, body: RawBody) -> TraitsAnswer:
    """Choose a trait's type; conditions read it so at once."""
    product = managed_product_of(request)
    chosen = read_body(body, TraitChange)
    kind = KINDS[chosen.scope]
    save(
        request, product, type_trait(kind, chosen.key, chosen.type), f"trait {chosen.key}: {chosen.type or 'inferred'}"
    )
    return TraitsAnswer([trait_entry(each) for each in trait_list(product, kind)], product.version.revision)


@get("/v2/traits/values", sync_to_thread=True)
def values(request: AnyRequest) -> TraitValuesAnswer:
    """The commonest values of a trait."""
    params = asked(request, TraitValuesAsked)
    found = trait_values(product_of(request), KINDS[params.scope], params.key, most=params.limit)
    return TraitValuesAnswer(value_entries(found))


@get("/v2/configuration", sync_to_thread=True)
def fields(request: AnyRequest) -> FieldsAnswer:
    """The product's fields, and the traits that can be chosen for them."""
    return _fields_shown(product_of(request))


@put("/v2/configuration", sync_to_thread=True)
def put_fields(request: AnyRequest, body: RawBody) -> FieldsAnswer:
    """Change fields of the product."""
    product = managed_product_of(request)
    change = named_in(read_body(body, FieldsChange))
    save(request, product, change_fields(change), f"configuration: {', '.join(change)}")
    return _fields_shown(product)


@get("/v2/exclusions", sync_to_thread=True)
def exclusions(request: AnyRequest) -> ExclusionsAnswer:
    """Whom the product leaves out."""
    return _exclusions_shown(product_of(request))


@put("/v2/exclusions", sync_to_thread=True)
def put_exclusions(request: AnyRequest, body: RawBody) -> ExclusionsAnswer:
    """Replace lists or rules of the exclusions."""
    product = managed_product_of(request)
    change = named_in(read_body(body, ExclusionsChange))
    save(request, product, change_exclusions(change), f"exclusions: {', '.join(change)}")
    return _exclusions_shown(product)


@post("/v2/exclusions/add", status_code=200, sync_to_thread=True)
def add(request: AnyRequest, body: RawBody) -> ExclusionsAnswer:
    """Leave out users, accounts or e-mail domains too."""
    product = managed_product_of(request)
    entries = read_body(body, ExclusionEntries)

    def excluding(config: ProductConfig) -> ProductConfig:
        config = exclude("users", entries.users)(config)
        config = exclude("accounts", entries.accounts)(config)
        return exclude("email_domains", entries.email_domains)(config)

    save(request, product, excluding, "more exclusions")
    return _exclusions_shown(product)


@post("/v2/exclusions/remove", status_code=200, sync_to_thread=True)
def remove(request: AnyRequest, body: RawBody) -> ExclusionsAnswer:
    """Count users, accounts or e-mail domains again."""
    product = managed_product_of(request)
    entries = read_body(body, ExclusionEntries)

    def including(config: ProductConfig) -> ProductConfig:
        config = include("users", entries.users)(config)
        config = include("accounts", entries.accounts)(config)
        return include("email_domains", entries.email_domains)(config)

    save(request, product, including, "fewer exclusions")
    return _exclusions_shown(product)


@post("/v2/exclusions/preview", status_code=200, sync_to_thread=True)
def preview(request: AnyRequest, body: RawBody) -> ExclusionPreview:
    """Whom changed exclusions would leave out and count again; nothing is changed."""
    product = managed_product_of(request)
    change = named_in(read_body(body, ExclusionsChange))
    return preview_exclusions(product, msgspec.structs.replace(product.config.exclusions, **change))


def _fields_shown(product: RunningProduct) -> FieldsAnswer:
    return FieldsAnswer(
        fields_of(product.config), field_choices(product), product.rebuild_due, product.version.revision
    )


def _exclusions_shown(product: RunningProduct) -> ExclusionsAnswer:
    rules = product.config.exclusions
    return ExclusionsAnswer(rules, preview_exclusions(product, rules), product.version.revision)


CONFIGURATION_HANDLERS = (
    Router(
        "/",
        route_handlers=[
            traits, type_one, values, fields, put_fields, exclusions, put_exclusions, add, remove, preview,
        ],
    ),
)  # fmt: skip
