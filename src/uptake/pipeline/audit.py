"""What the audit log tells of, and how a change of a configuration is put in short."""

import difflib

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.pipeline.document import document_of
from uptake.stores.meta.audit import Entry

DEEDS: dict[str, str] = {
    "sign_in": "signed in",
    "sign_in_failed": "failed to sign in",
    "sign_out": "signed out",
    "session_ended": "ended a session",
    "owner_made": "became the owner",
    "person_added": "joined",
    "person_created": "let somebody in",
    "person_invited": "invited",
    "invitation_withdrawn": "took an invitation back",
    "role_changed": "changed a role",
    "person_disabled": "disabled a person",
    "person_enabled": "enabled a person",
    "name_changed": "changed the name",
    "password_changed": "changed the password",
    "reset_link_made": "made a link for a new password",
    "password_reset": "set a new password",
    "provider_linked": "was linked to the sign-in provider",
    "product_created": "made a product",
    "config_changed": "changed the configuration",
    "history_applied": "applied the destination to history",
    "key_created": "made a key",
    "key_revoked": "revoked a key",
    "ids_merged": "merged two ids",
    "merge_undone": "took a merge back",
    "note_written": "wrote a note",
    "note_deleted": "deleted a note",
    "job_asked": "asked for long work",
    "job_cancel_asked": "ended long work",
    "result_downloaded": "downloaded a result",
    "erasure_asked": "asked for an erasure",
    "owner_set": "changed an account's owner",
}
"""Each word that an entry can have, and how the app says it after who did it."""


def config_entry(before: ProductConfig, after: ConfigVersion) -> Entry:
    """What the audit log keeps of a saved configuration: its revision, why, and the lines that went and came."""
    old, new = (document_of(config).splitlines() for config in (before, after.config))
    lines = [line for line in list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:] if line[:2] != "@@"]
    return Entry(
        at_us=after.saved_us,
        by=after.by,
        what="config_changed" if lines else "history_applied",
        product_id=after.product_id,
        about=f"Revision {after.revision}" + (f": {after.why}" if after.why else ""),
        before="\n".join(line[1:] for line in lines if line.startswith("-")),
        after="\n".join(line[1:] for line in lines if line.startswith("+")),
    )
