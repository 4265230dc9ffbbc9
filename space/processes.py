"""Whether a process that was written down is still there: ids come round again."""

from collections.abc import Mapping
from typing import Any

import psutil

_CLOCK = 60.0  # seconds that the clock may have been set by; nobody gets an id again so soon


def at_work(note: Mapping[str, Any]) -> bool:
    """Whether the process that had the id `pid` at `time` (seconds since 1970) is there still."""
    try:
        process = psutil.Process(int(note["pid"]))
        began, state = process.create_time(), process.status()
    except (psutil.Error, LookupError, TypeError, ValueError):
        return False
    # One that began later has the id by chance.
    return state != psutil.STATUS_ZOMBIE and began <= float(note.get("time") or 0) + _CLOCK
