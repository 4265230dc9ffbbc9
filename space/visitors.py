"""Who asks: from which machine, and under which name."""

from __future__ import annotations

import os
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import gradio as gr

    from space.settings import Settings

_LOCAL = (None, "127.0.0.1", "localhost", "::1")
_FORWARDED = ("forwarded", "x-real-ip", "via")


def is_local(request: gr.Request | None) -> bool:
    """Whether somebody at this very machine asks, as far as a request can tell.

    A proxy on this machine connects from it as well. It gives itself away by the headers that it
    adds, or by the name under which the page was asked for; one that hides both cannot be told.
    """
    if request is None:
        return False
    host = getattr(getattr(request, "client", None), "host", "") or ""
    headers = {str(k).lower(): str(v) for k, v in dict(getattr(request, "headers", {})).items()}
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers):
        return False
    try:
        asked_for = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return _is_loopback(host) and _is_loopback(asked_for)


def shows_private(settings: Settings, request: gr.Request | None) -> bool:
    """Whether private records may be shown: the app serves this machine alone, and it asks.

    The address to listen on does not say who asks: a proxy in front of the app lets others in.
    """
    elsewhere = os.environ.get("GRADIO_SERVER_NAME") not in _LOCAL or "SPACE_ID" in os.environ
    alone = settings.host in _LOCAL and not settings.share and not elsewhere
    return alone and is_local(request)


def _is_loopback(name: str) -> bool:
    """Whether a name or address means the machine itself."""
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def signed_in(request: gr.Request | None, profile: gr.OAuthProfile | None) -> str | None:
    """The name somebody signed in with, at Hugging Face or with an account of the app."""
    if profile is not None:
        return str(profile.username)
    return getattr(request, "username", None)
