"""Whatever fills for the app, also in tests, can be asked in the same words."""

import inspect

import pytest

import lama
from space.engine import Engine
from space.wiring import LamaEngine
from tests.space.dataset_app import NoEngine
from tests.space.fakes import TeleaEngine
from tests.space.test_wiring import FakeInpainter


def asked(method):
    """What a call may say: names, how they are given, and defaults; types are mypy's matter."""
    parameters = inspect.signature(method).parameters.values()
    return [(one.name, one.kind, one.default) for one in parameters]


def test_what_an_engine_has_to_say_was_read():
    assert Engine.__abstractmethods__ == {"models", "_inpaint", "_inside", "download"}


@pytest.mark.parametrize("engine", [LamaEngine, TeleaEngine])
@pytest.mark.parametrize("method", sorted(Engine.__abstractmethods__))
def test_every_engine_takes_what_is_asked_of_it(engine, method):
    assert asked(getattr(engine, method)) == asked(getattr(Engine, method))


@pytest.mark.parametrize("engine", [LamaEngine, TeleaEngine, NoEngine])
def test_no_engine_goes_past_the_queue(engine):
    assert engine.inpaint is Engine.inpaint
    assert engine.inside is Engine.inside


def test_the_fake_inpainter_takes_what_the_real_one_does():
    assert asked(FakeInpainter.fill) == asked(lama.Inpainter.fill)
    assert asked(FakeInpainter.coarse) == asked(lama.Inpainter.coarse)
