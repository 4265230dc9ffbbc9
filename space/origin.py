"""The page and its server keep to each other: nothing comes from, or goes to, anywhere else."""

import re
from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from space.pieces import refused

# Scripts and styles inline: Gradio's page has both. Neither form-action nor base-uri falls back to
# default-src. Spaces are shown within a page of the Hub.
POLICY = "; ".join(
    (
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co",
    )
)
_HTTP = re.compile(r"\s*https?:", re.IGNORECASE)
_FETCHES = re.compile(r"/(?:file|proxy)=\s*https?:", re.IGNORECASE)


class OwnOriginOnly:
    """Keep this page and its server to each other.

    The page talks to nobody else, which browsers see to. What other sites' pages post to this
    server through a visitor's browser is refused. And what Gradio would fetch from an address and
    hand on is refused: it would come with this origin's name. Clients that are no browsers say
    nothing of where a request comes from and are let in, as are browsers on plain http from another
    machine, and pages of other ports of this one, which browsers count as the same site.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the policy to every HTTP answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                headers.append((b"content-security-policy", POLICY.encode()))
                headers.append((b"referrer-policy", b"same-origin"))
                message = {**message, "headers": headers}
            await send(message)

        answer: ASGIApp = self.app
        if _posted_by_another_site(scope):
            answer = PlainTextResponse("This app takes requests from its own page only.", 403)
        elif _FETCHES.search(scope["path"]):
            answer = PlainTextResponse("This app fetches nothing from other addresses.", 403)
        await answer(scope, receive, with_policy)


def _posted_by_another_site(scope: Scope) -> bool:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    return dict(scope["headers"]).get(b"sec-fetch-site") == b"cross-site"


def middleware() -> list[Middleware]:
    """What stands before Gradio's own server."""
    return [Middleware(OwnOriginOnly)]


class LocalBlocks(gr.Blocks):
    """Blocks that take files, and no addresses of files.

    Gradio downloads whatever a request names as a file, for any component and of any size.
    """

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        """As Gradio's, once no input names an address.

        Raises:
            gr.Error: One does.
        """
        if _names_address(inputs):
            raise refused("Send the file itself: this app fetches nothing from other addresses.")
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)


def _names_address(value: object) -> bool:
    """Whether a file in some JSON is one that would be fetched."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            path = one.get("path")
            if "meta" in one and isinstance(path, str) and _HTTP.match(path):
                return True
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
    return False
