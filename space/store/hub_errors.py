"""What went wrong between here and the Hub, in words, and how long it wants to be left alone."""

from email.utils import parsedate_to_datetime
from typing import Any

from huggingface_hub.utils import httpx, parse_ratelimit_headers

from space.store.core import now_microseconds
from space.store.errors import HubError, reason_of


def explained(error: Exception, doing: str) -> HubError:
    """One line for a person, and how long the Hub wants to be left alone."""
    cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    response = getattr(cause, "response", None)
    pause = None if response is None else _pause(response.headers)
    reason = _reason(cause, getattr(response, "status_code", None))
    return HubError(f"{doing}: {reason}", reason, pause)


def _reason(error: BaseException, status: int | None) -> str:
    """What happened, and what can be done about it."""
    if status in (401, 403):
        return (
            f"the Hub does not let this token write there ({status}). Give one that may: "
            "HF_TOKEN, or `hf auth login`."
        )
    if status == 429:
        return "the Hub has had too many requests and asks for a pause (429)."
    if status is not None and status >= 500:
        return f"the Hub has trouble of its own ({status})."
    if isinstance(error, httpx.TimeoutException):
        return "the Hub did not answer in time."
    if isinstance(error, httpx.TransportError):
        return "the connection to the Hub broke, or it cannot be reached."
    if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of the Hub
        return f"{reason_of(error)}."
    return " ".join(str(error).split())[:300] or type(error).__name__


def _pause(headers: Any) -> float | None:  # noqa: ANN401
    """Seconds that an answer asks to wait: `Retry-After` as a number or a date, or `RateLimit`."""
    wished = str(headers.get("retry-after", "")).strip()
    if wished.isdigit():
        return float(wished)
    if wished:
        try:
            until = parsedate_to_datetime(wished).timestamp()
        except ValueError:
            return None
        return max(0.0, until - now_microseconds() / 1e6)
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit and limit.remaining == 0 else None
