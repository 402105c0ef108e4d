"""Texts of keys: how they are made, found again, and kept so that an ingest key can be shown later.

A read token is told once and only its digest is kept.  An ingest key stands in every sender's configuration anyway, so
its text is kept too, encrypted under the installation's secret: a copy of the meta store alone opens nothing.
"""

import base64
import logging
import secrets

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from uptake.stores.meta.base import KeyKind

log = logging.getLogger("uptake.meta")

READ_PREFIX = "upt_read_"
PREFIXES: dict[KeyKind, str] = {"ingest": "", "read": READ_PREFIX, "manage": "upt_manage_"}
HINT_CHARACTERS = 4


def new_text(kind: KeyKind) -> str:
    """The text of a new key: 32 hexadecimal characters for ingest (as long as Segment's), else a prefixed token."""
    return secrets.token_hex(16) if kind == "ingest" else PREFIXES[kind] + secrets.token_hex(20)


def hint_of(text: str) -> str:
    """The beginning of a key, enough to tell it from others and too little to use it.

    >>> hint_of("0123456789abcdef"), hint_of("upt_read_0123456789abcdef")
    ('0123', 'upt_read_0123')
    """
    prefix = next((each for each in PREFIXES.values() if each and text.startswith(each)), "")
    return text[: len(prefix) + HINT_CHARACTERS]


class Seal:
    """Encrypts texts under the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        """secret: at least 32 bytes, or 32 characters of text."""
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"uptake: texts of ingest keys").derive(secret)
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, text: str) -> str:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """The text again; None where it was sealed under another secret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            log.warning("key_text_unreadable", extra={"hint": "UPTAKE_SECRET_KEY or secret.key was changed"})
            return None
