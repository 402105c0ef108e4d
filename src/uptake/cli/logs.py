"""How log lines are written: an event's name and its fields, for people or as JSON.

Fields are what a call of the log passes in `extra`: never traits, never keys.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from uptake.settings import Settings, misspelt

log = logging.getLogger("uptake.settings")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that the line was logged with."""
    return {name: value for name, value in vars(record).items() if name not in _OWN}


class TextLines(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO uptake.worker step_failed failures=1`, then a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        fields = "".join(f" {name}={_word(value)}" for name, value in fields_of(record).items())
        line = f"{_moment(record)} {record.levelname} {record.name} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        told = {"time": _moment(record), "level": record.levelname.lower(), "logger": record.name}
        told |= {"event": record.getMessage(), **fields_of(record)}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(record.msecs):03d}Z"


def _word(value: object) -> str:
    text = str(value)
    return text if text and not any(c.isspace() or c in '"=' for c in text) else json.dumps(text, ensure_ascii=False)


def log_to_stderr(settings: Settings, *, least: str | None = None) -> None:
    """Write this process's log to standard error as the settings say.

    least: the least level of a command, whose log nobody follows, in place of the setting's `info`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    level = settings.log_level if least is None or settings.log_level != "info" else least
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLogger().level))
    for noisy in ("httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name, meant in misspelt(os.environ):
        log.warning("unknown_setting", extra={"setting": name, "meant": meant})
