"""Whatever fills for the app, also in tests, can be asked in the same words."""

import inspect

import pytest

import lama
from space.engine import Engine
from space.turns import OneAtATime
from space.wiring import LamaEngine
from tests.space.dataset_app import NoEngine
from tests.space.fakes import TeleaEngine
from tests.space.test_wiring import FakeInpainter

METHODS = [name for name, value in vars(Engine).items() if inspect.isfunction(value)]
METHODS = [name for name in METHODS if name[0] != "_"]


def asked(method):
    """What a call may say: names, how they are given, and defaults; types are mypy's matter."""
    parameters = inspect.signature(method).parameters.values()
    return [(one.name, one.kind, one.default) for one in parameters]


def test_the_protocol_was_read():
    assert set(METHODS) == {"models", "inpaint", "inside", "download"}


@pytest.mark.parametrize("engine", [LamaEngine, OneAtATime, TeleaEngine, NoEngine])
@pytest.mark.parametrize("method", METHODS)
def test_every_engine_takes_what_the_protocol_says(engine, method):
    assert asked(getattr(engine, method)) == asked(getattr(Engine, method))


def test_the_fake_inpainter_takes_what_the_real_one_does():
    assert asked(FakeInpainter.fill) == asked(lama.Inpainter.fill)
    assert asked(FakeInpainter.coarse) == asked(lama.Inpainter.coarse)
