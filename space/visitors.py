"""Who asks and what they may do: told in one place, by the request and the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import gradio as gr

    from space.settings import Settings

LOCAL = "this computer"
"""The name of whoever sits in front of an app without accounts."""
_ALONE = (None, "127.0.0.1", "localhost", "::1")
_FORWARDED = ("forwarded", "x-real-ip", "via")


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks; whoever nothing is known of may do nothing."""

    name: str | None = None
    """Under which they are signed in, at Hugging Face or with an account of the app."""
    local: bool = False
    """The app serves this machine alone, and it asks: private records may be shown."""
    reviewer: bool = False
    """May review, and train on what was approved."""
    address: str = ""
    """From which they ask, as far as that can be told."""

    @property
    def known_as(self) -> str:
        """The name that they review under."""
        return self.name or LOCAL


def visitor(
    settings: Settings, request: gr.Request | None, profile: gr.OAuthProfile | None = None
) -> Visitor:
    """Who asks.

    Args:
        settings: Of the app.
        request: Says who is signed in with an account of the app, and where it comes from.
        profile: Of a sign-in with Hugging Face.
    """
    name = getattr(request, "username", None) if profile is None else str(profile.username)
    # The address to listen on does not say who asks: a proxy in front of the app lets others in.
    elsewhere = os.environ.get("GRADIO_SERVER_NAME") not in _ALONE or "SPACE_ID" in os.environ
    alone = settings.host in _ALONE and not settings.share and not elsewhere
    found = Visitor(name or None, alone and is_local(request), address=_address(request))
    return replace(found, reviewer=_reviews(settings, found, at_hub=profile is not None))


def _reviews(settings: Settings, who: Visitor, at_hub: bool) -> bool:
    """Whether somebody may review.

    With accounts (`--auth`) everybody who is signed in, on a Space with sign-in its owner, unless
    LAMA_REVIEWERS names others. Without accounts only whoever sits at the machine, where it serves
    itself alone: a page that strangers reach must not let them decide what is trained on.
    """
    if who.name is None:
        return who.local and settings.auth_file is None
    if at_hub:
        return who.name in (settings.reviewers or (os.environ.get("SPACE_AUTHOR_NAME", ""),))
    return not settings.reviewers or who.name in settings.reviewers


def is_local(request: gr.Request | None) -> bool:
    """Whether somebody at this very machine asks, as far as a request can tell.

    A proxy on this machine connects from it as well. It gives itself away by the headers that it
    adds, or by the name under which the page was asked for; one that hides both cannot be told.
    """
    if request is None:
        return False
    headers = {str(k).lower(): str(v) for k, v in dict(getattr(request, "headers", {})).items()}
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers):
        return False
    try:
        asked_for = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return _is_loopback(_address(request)) and _is_loopback(asked_for)


def _address(request: gr.Request | None) -> str:
    return getattr(getattr(request, "client", None), "host", "") or ""


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
