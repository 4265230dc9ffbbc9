"""Numbers, times and messages as people read them, and whole numbers as people give them."""

import math
from datetime import datetime


def sentence(text: str) -> str:
    """A message of the library as a sentence: a capital first, a full stop last."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def counted(number: int, noun: str) -> str:
    """How many there are of something: `1 record`, `2,000 records`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def percent(share: float, digits: int | None = None) -> str:
    """A share of 1 in percent.

    Args:
        share: From 0 to 1.
        digits: After the point; one where the share is small and none elsewhere, if not given.
    """
    if digits is None:
        digits = 1 if share < 0.1 else 0
    return f"{100 * share:.{digits}f} %"


def file_size(count: int) -> str:
    """Bytes in the largest unit that fits."""
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def waiting_time(seconds: float) -> str:
    """A time to wait, never too short."""
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return counted(max(1, math.ceil(seconds)), "second")


def duration(seconds: float) -> str:
    """About how long something takes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits; the date after a month."""
    seconds = max(0.0, (now - then).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 31 * 86_400:
            return f"{then:%Y-%m-%d}"
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"


def whole(value: object, what: str, low: int, high: int) -> int:
    """A whole number within limits.

    Raises:
        ValueError: Naming `what` and the limits.
    """
    limits = f"{what} must be a whole number from {low} to {high}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{limits}, not {value if value not in (None, '') else 'nothing'}.")
    return value
