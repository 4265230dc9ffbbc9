"""From which machine somebody asks, under which name, and what they may do."""

from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client

from space.settings import Settings, parse
from space.visitors import Visitor, is_local, visitor
from tests.space.asking import HERE, STRANGER, asks, profile


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
    settings = Settings()
    assert visitor(settings, STRANGER) == Visitor(address="203.0.113.7")
    assert visitor(settings, None) == Visitor()
    assert visitor(settings, asks(username="bob")).name == "bob"
    assert visitor(settings, asks(username="bob"), profile("ann")).name == "ann"


def test_the_person_at_this_machine_sees_all_and_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    here = visitor(Settings(), HERE)
    assert (here.local, here.reviewer, here.known_as) == (True, True, "this computer")
    for settings, request in (
        (Settings(), STRANGER),
        (Settings(), asks(x_forwarded_for="203.0.113.7")),
        (Settings(host="0.0.0.0"), HERE),
        (Settings(share=True), HERE),
    ):
        found = visitor(settings, request)
        assert (found.local, found.reviewer) == (False, False)
    for name, value in (("SPACE_ID", "ann/app"), ("GRADIO_SERVER_NAME", "0.0.0.0")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            found = visitor(Settings(), HERE)
            assert (found.local, found.reviewer) == (False, False)


def test_accounts_review_unless_others_are_named() -> None:
    def reviews(settings: Settings, request: gr.Request) -> bool:
        return visitor(settings, request).reviewer

    accounts = Settings(auth_file=Path("accounts"))
    assert reviews(accounts, asks(username="ann"))
    assert visitor(accounts, asks(username="ann")).known_as == "ann"
    assert not reviews(accounts, HERE)
    assert visitor(accounts, HERE).local, "private records are kept from others, not from accounts"
    chosen = parse([], {"LAMA_AUTH_FILE": "accounts", "LAMA_REVIEWERS": "bob, cyd"})
    assert not reviews(chosen, asks(username="ann"))
    assert reviews(chosen, asks(username="cyd"))


def test_on_a_space_its_owner_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "ann")
    assert visitor(Settings(), STRANGER, profile("ann")).reviewer
    assert not visitor(Settings(), STRANGER, profile("bob")).reviewer
    assert visitor(Settings(reviewers=("bob",)), STRANGER, profile("bob")).reviewer
    assert not visitor(Settings(reviewers=("bob",)), HERE, profile("ann")).reviewer
