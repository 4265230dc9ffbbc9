"""What a run goes on from: read, or refused with a word on what to do."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lama.training.config import to_json
from lama.training.loop import train
from lama.training.run import Run
from lama.training.state import read_options
from tests.lama.training.toy import TOY, draw_photos, photos_in

SHORT = replace(TOY, steps=1, masks="box")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    draw_photos(folder / "photos")
    photos = photos_in(folder / "photos")
    train(Run(SHORT, folder / "run", photos))
    return Run(SHORT, folder / "run", photos)


def test_a_file_that_was_cut_off_anywhere_is_refused(run, rng):
    path = run.run_dir / "state.pt"
    good = path.read_bytes()
    try:
        for end in (0, 1, len(good) - 1, *rng.integers(2, len(good), 12)):
            path.write_bytes(good[:end])
            with pytest.raises(ValueError, match=r"state.pt is damaged, or .* --init .*tensors"):
                run.resume()
    finally:
        path.write_bytes(good)
    assert run.resume()


@pytest.mark.parametrize(
    "state", [{}, [], 3, {"step": 1}, {"step": None}, {"step": 1, "generator": {}}], ids=str
)
def test_what_is_no_state_is_refused(run, state):
    path = run.run_dir / "state.pt"
    good = path.read_bytes()
    try:
        torch.save(state, path)
        with pytest.raises(ValueError, match="Put a copy of it back"):
            run.resume()
    finally:
        path.write_bytes(good)


def test_options_of_older_runs_take_what_they_lack_from_the_defaults(tmp_path):
    options = to_json(TOY)
    for name in ("varied", "shifts"):
        del options[name]
    (tmp_path / "options.json").write_text(json.dumps(options))
    assert read_options(tmp_path) == TOY


@pytest.mark.parametrize("change", [{"colour": 1}, {"generator": 3}, {"weights": None}])
def test_options_that_mean_nothing_are_refused(tmp_path, change):
    (tmp_path / "options.json").write_text(json.dumps({**to_json(TOY), **change}))
    with pytest.raises(ValueError, match="options.json cannot be read"):
        read_options(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "options.json").write_bytes(np.arange(128, 200, dtype=np.uint8).tobytes())
    with pytest.raises(ValueError, match="options.json cannot be read"):
        read_options(tmp_path)
