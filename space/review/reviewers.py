"""Who may review, and see what: decided in one place, by who asks and what the operator set."""

import os
from dataclasses import dataclass

import gradio as gr

from space.settings import Settings
from space.visitors import shows_private

LOCAL = "this computer"  # the name of whoever sits in front of an app without accounts


def reviewer(
    settings: Settings, request: gr.Request | None, profile: gr.OAuthProfile | None = None
) -> str | None:
    """The name under which somebody reviews, or None for whoever may not.

    With accounts (`--auth`) everybody who is signed in, on a Space with sign-in its owner, unless
    LAMA_REVIEWERS names others. Without accounts only whoever sits at the machine, where it serves
    itself alone: a page that strangers reach must not let them decide what is trained on.

    Args:
        settings: Of the app.
        request: Says who is signed in with an account of the app, and where it comes from.
        profile: Of a sign-in with Hugging Face.
    """
    username = getattr(request, "username", None)
    if profile is not None:
        owner = os.environ.get("SPACE_AUTHOR_NAME", "")
        return profile.username if profile.username in (settings.reviewers or (owner,)) else None
    if username:
        return username if not settings.reviewers or username in settings.reviewers else None
    return LOCAL if settings.auth_file is None and shows_private(settings, request) else None


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
    private = shows_private(settings, request)
    return Sight(private, private or reviewer(settings, request, profile) is not None)


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
