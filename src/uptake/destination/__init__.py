"""From calls to effects, as Segment's Accoil Analytics destination would have it: triggers, filters, mappings, actions.

All of it is pure: no clock, no input or output, no settings.  These functions stand by themselves, for a test or
another program; the product runs them through `uptake.destination.meaning`, compiled once per configuration.

>>> from uptake.destination import compile_mapping, compile_trigger, run_action
>>> event = {"type": "track", "event": "Paid", "userId": "ana", "timestamp": "2026-01-01T09:00:00Z"}
>>> compile_trigger('type = "track"')(event), compile_mapping({"who": {"@path": "$.userId"}})(event)
(True, {'who': 'ana'})
>>> run_action("track", event) == event
True
"""

from uptake.destination.actions import run_action
from uptake.destination.errors import ActionError, Fault, MappingError
from uptake.destination.fql import TriggerError, compile_trigger
from uptake.destination.mapping import compile_mapping

__all__ = [
    "ActionError",
    "Fault",
    "MappingError",
    "TriggerError",
    "compile_mapping",
    "compile_trigger",
    "run_action",
]
