"""What somebody may see of the dataset, and why they may not review."""

import os
from dataclasses import dataclass

import gradio as gr

from space.settings import Settings
from space.visitors import visitor


def reviewer(
    settings: Settings, request: gr.Request | None, profile: gr.OAuthProfile | None = None
) -> str | None:
    """The name under which somebody reviews, or None for whoever may not; see `visitor`."""
    who = visitor(settings, request, profile)
    return who.known_as if who.reviewer else None


@dataclass(frozen=True)
class Sight:
    """What somebody may see of the dataset."""

    private: bool
    """Records that are not to leave this machine."""
    unreviewed: bool
    """Records that no reviewer has approved."""


def sight(
    settings: Settings, request: gr.Request | None, profile: gr.OAuthProfile | None = None
) -> Sight:
    """What may be shown: all of it at the machine itself, what is approved to strangers."""
    who = visitor(settings, request, profile)
    return Sight(who.local, who.local or who.reviewer)


def signs_in_with_hub() -> bool:
    """Whether this is a Space that lets people sign in with Hugging Face."""
    return "SPACE_ID" in os.environ and "OAUTH_CLIENT_ID" in os.environ


def refusal(settings: Settings, name: str | None) -> str:
    """Why somebody cannot review, and what to do about it."""
    if name:
        return f"{name} is not among the reviewers of this app. Its operator can add the name."
    if signs_in_with_hub():
        return "Sign in with Hugging Face to review."
    if settings.auth_file is not None:
        return "Sign in to review."
    return (
        "Others can reach this page and nobody has to sign in, so nobody may review. "
        "The operator can start the app with accounts: --auth FILE."
    )
