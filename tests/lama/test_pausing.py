"""Fills that are ended from outside: between pieces and layers, and while they wait."""

import copy
import io
import threading

import numpy as np
import pytest
import torch

import lama
from lama.checkpoint import build
from lama.config import UNetConfig
from lama.inference import Inpainter
from tests.conftest import randomised


@pytest.fixture
def inpainter(small_unet) -> Inpainter:
    return Inpainter(small_unet, name="small", precision="fp32")


def test_cancel_ends_the_work_and_progress_is_told(inpainter):
    mask = np.zeros((600, 1900), bool)
    for left, width in ((10, 30), (500, 90), (1300, 180)):  # of three sizes: one pass each
        mask[10:40, left : left + width] = True
    image, told = np.zeros((600, 1900, 3), np.uint8), []
    inpainter.fill(image, mask, progress=told.append)
    assert told == pytest.approx([0.1, 0.4, 1])
    answers = iter([False, True])
    with pytest.raises(lama.Cancelled):
        inpainter.fill(image, mask, cancelled=lambda: next(answers))


def test_a_run_stops_between_the_layers_of_the_network(inpainter, picture, hole):
    asked = []

    def later() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(lama.Cancelled):
        inpainter.fill(picture, hole, cancelled=later)
    assert len(asked) == 5
    # Nobody is asked any more once that run is over.
    inpainter.fill(picture, hole)
    assert len(asked) == 5


@pytest.mark.parametrize("quality", ["full", "refined"])
def test_a_fill_that_waits_for_its_turn_can_be_cancelled(inpainter, picture, hole, quality):
    asked, ended = [], []

    def fill() -> None:
        try:
            inpainter.fill(
                picture, hole, quality=quality, cancelled=lambda: asked.append(1) or len(asked) > 4
            )
        except lama.Cancelled:
            ended.append(True)

    thread = threading.Thread(target=fill, daemon=True)
    with inpainter.alone():
        thread.start()
        thread.join(10)
        assert ended
    assert np.array_equal(inpainter.fill(picture, hole)[~hole], picture[~hole])


def test_a_generator_that_runs_as_it_is_can_still_be_copied_and_saved(
    small_fourier, picture, hole, monkeypatch
):
    compiled = Inpainter(small_fourier, device="cpu", precision="fp32").fill(picture, hole)
    monkeypatch.setattr("lama.precision.agreement", lambda *_: 0)
    inpainter = Inpainter(small_fourier, device="cpu")
    assert inpainter.generator is small_fourier
    assert np.abs(inpainter.fill(picture, hole).astype(int) - compiled).max() <= 1
    torch.save(small_fourier, io.BytesIO())
    copied = copy.deepcopy(small_fourier)
    assert torch.equal(copied.model[-2].weight, small_fourier.model[-2].weight)
    own = {id(tensor) for tensor in small_fourier.state_dict(keep_vars=True).values()}
    assert own == {id(tensor) for tensor in inpainter._compiled.state_dict(keep_vars=True).values()}
    asked = []
    with pytest.raises(lama.Cancelled):
        inpainter.fill(picture, hole, cancelled=lambda: asked.append(1) or len(asked) > 4)


def test_looking_for_what_to_copy_can_be_cancelled():
    generator = randomised(build(UNetConfig(width=8, n_blocks=1, detail=4, copies=True)))
    inpainter = Inpainter(generator, precision="fp32")
    asked = []
    inpainter._compiled.enter.register_forward_pre_hook(lambda *_: pytest.fail("too late"))
    picture, hole = np.zeros((120, 90, 3), np.uint8), np.zeros((120, 90), bool)
    hole[30:80, 20:70] = True
    with pytest.raises(lama.Cancelled):
        inpainter.fill(picture, hole, cancelled=lambda: asked.append(1) or len(asked) > 20)
    assert len(asked) == 21
