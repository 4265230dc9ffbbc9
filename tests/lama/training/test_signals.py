"""Signals are a flag, or an interruption, and afterwards what they were."""

import signal

import pytest

from lama.training.signals import SIGNALS, interruptible, stop_on_signal


def handlers():
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_inside_they_are_a_flag(number):
    before = handlers()
    with stop_on_signal() as stop:
        assert not stop.asked
        signal.raise_signal(number)
        assert stop.asked
    assert handlers() == before


@pytest.mark.parametrize("number", SIGNALS)
def test_or_an_interruption_which_a_flag_inside_takes_the_place_of(number):
    before = handlers()
    with interruptible():
        with stop_on_signal() as stop:
            signal.raise_signal(number)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert handlers() == before


def test_they_are_put_back_after_an_error():
    before = handlers()
    with pytest.raises(RuntimeError), stop_on_signal():
        raise RuntimeError
    assert handlers() == before
