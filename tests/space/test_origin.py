"""Page and server keep to each other: nothing may come from, or go to, anywhere else."""

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gradio as gr
import pytest
import safehttpx
from gradio_client import Client
from gradio_client.exceptions import AppError

from space import origin, ui
from tests.space.dataset_app import make_services


def answer(method: str, headers: dict[bytes, bytes], path: str = "/") -> list[dict]:
    """What is sent for a request of this kind."""
    sent: list[dict] = []

    async def app(scope: dict, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"x"})

    async def collect(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers.items())}
    answering = origin.OwnOriginOnly(app)(scope, None, collect)
    # In a thread of its own: a browser test may have left a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, answering).result()
    return sent


@pytest.mark.parametrize(
    ("method", "site", "status"),
    [
        ("POST", b"cross-site", 403),
        ("PUT", b"cross-site", 403),
        ("GET", b"cross-site", 200),  # a link from elsewhere
        ("POST", b"same-origin", 200),
        ("POST", b"none", 200),
        ("POST", None, 200),  # no browser
    ],
)
def test_what_another_site_posts_is_refused(method: str, site: bytes | None, status: int) -> None:
    sent = answer(method, {b"sec-fetch-site": site} if site else {})
    assert sent[0]["status"] == status


def test_every_answer_carries_the_policy() -> None:
    sent = answer("GET", {})
    headers = dict(sent[0]["headers"])
    assert headers[b"a"] == b"b"
    assert headers[b"content-security-policy"] == origin.POLICY.encode()
    assert headers[b"referrer-policy"] == b"same-origin"
    assert sent[1] == {"type": "http.response.body", "body": b"x"}


def test_the_policy_names_no_other_origin() -> None:
    directives = dict(one.split(" ", 1) for one in origin.POLICY.split("; "))
    # Who may show the app in a frame is the one question that is not about the page's own traffic.
    assert directives.pop("frame-ancestors") == "'self' https://huggingface.co"
    assert set(directives) >= {"default-src", "connect-src", "base-uri", "form-action"}
    assert not re.search(r"https?:|wss?:|\*", " ".join(directives.values()))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/gradio_api/file=https://elsewhere.example/x.png", 403),
        ("/gradio_api/file=HTTP://elsewhere.example/x.png", 403),
        ("/below/gradio_api/file= http://elsewhere.example/x.png", 403),
        ("/gradio_api/proxy=https://elsewhere.example/x.png", 403),
        ("/gradio_api/file=/tmp/https.png", 200),
        ("/gradio_api/file=/tmp/https:/x.png", 200),
    ],
)
def test_no_address_is_fetched_in_this_origins_name(path: str, status: int) -> None:
    sent = answer("GET", {}, path)
    assert sent[0]["status"] == status
    assert b"content-security-policy" in dict(sent[0]["headers"])


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A server of files, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 1000)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_file_that_is_an_address_is_not_downloaded(
    elsewhere: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for a file, and not hidden in what any other component is given."""
    url, asked = elsewhere

    async def public(host: str) -> str:
        return host

    monkeypatch.setattr(safehttpx, "async_validate_url", public)  # a loopback server stands in
    with origin.LocalBlocks(analytics_enabled=False) as demo:
        file, data, size = gr.File(), gr.JSON(), gr.Number()
        button = gr.Button()
        button.click(lambda _f, _d: 1, [file, data], size, api_name="look")
    _, page, _ = demo.launch(prevent_thread_lock=True, quiet=True, show_error=True)
    try:
        client = Client(page, verbose=False)
        given = {"path": f"{url}/large.png", "meta": {"_type": "gradio.FileData"}}
        for arguments in ((given, None), (None, [{"deep": given}])):
            with pytest.raises(AppError, match="fetches nothing"):
                client.predict(*arguments, api_name="/look")
        harmless = {"path": "https://as.text"}
        assert client.predict(None, harmless, api_name="/look") == 1
    finally:
        demo.close()
    assert asked == []


def test_the_app_is_made_of_them(tmp_path: Path) -> None:
    assert isinstance(ui.build(make_services(tmp_path)), origin.LocalBlocks)
