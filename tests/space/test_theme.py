"""The page's frame: nothing may come from, or go to, anywhere else."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from space import theme
from space.canvas import component


def answer(method: str, headers: dict[bytes, bytes]) -> list[dict]:
    """What is sent for a request of this kind."""
    sent: list[dict] = []

    async def app(scope: dict, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"x"})

    async def collect(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "headers": list(headers.items())}
    answering = theme.OwnOriginOnly(app)(scope, None, collect)
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
    assert headers[b"content-security-policy"].startswith(b"default-src 'self'")
    assert sent[1] == {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize("directive", theme.POLICY.split("; "))
def test_the_policy_names_no_other_origin(directive: str) -> None:
    assert not re.search(r"https?:|wss?:|\*", directive)


def test_nothing_of_ours_points_elsewhere() -> None:
    texts = [theme.head(), *(component._read(f"js/{name}.js") for name in component.SCRIPTS)]
    texts += [component._read(name) for name in ("canvas.html", "panel.html")]
    texts += [path.read_text() for path in sorted(Path(theme.__file__).parent.rglob("*.js"))]
    for text in texts:
        addresses = set(re.findall(r"https?://[^\s'\"()]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}


def test_fonts_are_those_of_the_system() -> None:
    assert "fonts.googleapis" not in str(theme.theme().to_dict())
    assert theme.theme()._stylesheets == []
