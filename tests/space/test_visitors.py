"""From which machine somebody asks, and under which name."""

import gradio as gr
import pytest
from gradio_client import Client

from space.visitors import is_local, signed_in
from tests.space.asking import STRANGER, asks, profile


@pytest.mark.parametrize(
    ("client", "host"),
    [
        ("127.0.0.1", "127.0.0.1:7860"),
        ("127.0.0.1", "localhost:7860"),
        ("127.0.0.1", "LOCALHOST"),
        ("127.8.9.1", "127.8.9.1:80"),
        ("::1", "[::1]:7860"),
        ("::ffff:127.0.0.1", "127.0.0.1:7860"),
    ],
)
def test_at_the_machine_itself(client: str, host: str) -> None:
    assert is_local(asks(client, host))


@pytest.mark.parametrize(
    "request_",
    [
        None,
        STRANGER,
        asks("203.0.113.7"),
        asks("testclient"),
        asks(""),
        asks(host="masks.example.org"),  # a proxy that passes the name on, or a rebound name
        asks(host="127.0.0.1.example.org"),
        asks(host="localhost.example.org:7860"),
        asks(host="127.0.0.1:7860@example.org"),
        asks(host="[::1"),
        asks(host=""),
        asks(x_forwarded_for="127.0.0.1"),
        asks(X_Forwarded_Host="localhost"),
        asks(forwarded="for=127.0.0.1"),
        asks(x_real_ip="127.0.0.1"),
        asks(via="1.1 proxy"),
    ],
)
def test_from_elsewhere(request_: object) -> None:
    assert not is_local(request_)  # type: ignore[arg-type]


def test_what_gradio_hands_in_is_understood() -> None:
    def whence(request: gr.Request) -> bool:
        return is_local(request)

    with gr.Blocks(analytics_enabled=False) as demo:
        gr.Button().click(whence, None, gr.Checkbox(), api_name="whence")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True)
    answers = [
        Client(url, verbose=False, headers=headers).predict(api_name="/whence")
        for headers in ({}, {"X-Forwarded-For": "203.0.113.7"}, {"Host": "masks.example.org"})
    ]
    demo.close()
    assert answers == [True, False, False]


def test_the_name_of_whoever_is_signed_in() -> None:
    assert signed_in(STRANGER, None) is None
    assert signed_in(asks(username="bob"), None) == "bob"
    assert signed_in(asks(username="bob"), profile("ann")) == "ann"
