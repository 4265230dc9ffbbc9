"""What can go wrong in the store, in words for the person who reads them.

Two kinds, because the answers differ: what was handed in is not acceptable (mend it and try
again), or the store cannot do it now (disk full, read-only, busy, damaged).
"""

import errno
import os
import sqlite3
from pathlib import Path


class SubmissionError(ValueError):
    """What was handed in cannot be stored; the message says why and what would be accepted."""


class StoreError(RuntimeError):
    """The store cannot carry the request out; what was stored before is untouched."""


class IndexTroubleError(StoreError):
    """SQLite refused to read or write the index; what was begun is undone."""

    def __init__(self, error: sqlite3.Error) -> None:
        self.reason = reason_of(error)
        super().__init__(f"Could not use the index: {self.reason}.")


class HubError(StoreError):
    """The Hub refused or could not be reached; what was to be sent is sent the next time."""

    def __init__(self, message: str, reason: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason  # the message without what was being done
        self.pause = pause  # seconds that the Hub asked to be left alone, if it did


class NoRepositoryError(HubError):
    """The Hub shows no such repository: it is not made yet, or the token may not see it."""


def explained(error: OSError | IndexTroubleError, doing: str) -> StoreError:
    """Turn an error of the disk or of the index into one line a person can act on.

    Args:
        error: What was raised.
        doing: What was being done, to go after "Could not", e.g. "save this mask".
    """
    reason = error.reason if isinstance(error, IndexTroubleError) else reason_of(error)
    return StoreError(f"Could not {doing}: {reason}.")


def reason_of(error: OSError | sqlite3.Error) -> str:
    """What happened and what can be done about it, without a full stop."""
    text = str(error).lower()
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text:
        return "the disk is full. Free some space and try again"
    if number in (errno.EROFS, errno.EACCES, errno.EPERM) or "readonly" in text:
        return "the data directory cannot be written to. Check its permissions"
    if "unable to open" in text:
        return "the data directory cannot be written to. Check that it exists and its permissions"
    if "malformed" in text or "not a database" in text:
        return "the index of the data directory is damaged. Restore it, or move it away"
    if "locked" in text or "busy" in text:
        return "another program is using the dataset. Try again in a moment"
    return f"the system reported: {_said(error)}"


def _said(error: OSError | sqlite3.Error) -> str:
    """The system's own words, with the file they are about; visitors need not know where it is."""
    if isinstance(error, OSError) and error.strerror:
        named = Path(os.fsdecode(error.filename)).name if error.filename else ""
        return f"{error.strerror} ({named})" if named else error.strerror
    return str(error).rstrip(".")
