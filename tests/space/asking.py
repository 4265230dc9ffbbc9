"""Requests as Gradio hands them to the app, and visitors as the app takes them."""

from types import SimpleNamespace

import gradio as gr

from space.visitors import Visitor


def asks(
    client: str = "127.0.0.1",
    host: str = "127.0.0.1:7860",
    username: str | None = None,
    **headers: str,
) -> gr.Request:
    """A request with what the app looks at; underscores in names of headers are dashes."""
    sent = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    known = SimpleNamespace(client=SimpleNamespace(host=client, port=9), headers=sent)
    known.username = username
    return known  # type: ignore[return-value]


def profile(name: str) -> gr.OAuthProfile:
    """Somebody who signed in with Hugging Face."""
    given = {"name": name, "preferred_username": name, "profile": "", "picture": ""}
    return gr.OAuthProfile(given)


HERE = asks()
STRANGER = asks("203.0.113.7", "masks.example.org")
AT_HOME = Visitor(local=True, reviewer=True)
ANN, BOB = (Visitor(name, reviewer=True) for name in ("ann", "bob"))
