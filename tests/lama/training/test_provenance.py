"""The metadata of a checkpoint says what made it, through all of its ancestors."""

import hashlib
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lama.checkpoint import read_checkpoint, save_checkpoint
from lama.training.logged import LoggedMasks
from lama.training.loop import train
from lama.training.photos import PhotoFiles
from lama.training.provenance import Data, Origin, data_of, named
from lama.training.run import Run
from tests.lama.training.toy import TOY, draw_photos, photos_in


@pytest.fixture
def photos(tmp_path):
    draw_photos(tmp_path / "photos")
    return photos_in(tmp_path / "photos")


def trained(folder, photos, steps, init=None, stop=None):
    run = Run(replace(TOY, steps=steps), folder, photos)
    if init:
        run.start_from(init)
    train(run)
    return folder / "generator.safetensors"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_steps_and_samples_add_up_over_the_ancestors(tmp_path, photos):
    first = trained(tmp_path / "a", photos, 2)
    second = trained(tmp_path / "b", photos, 3, first)
    third = trained(tmp_path / "c", photos, 1, second)
    found = [read_checkpoint(path)[2]["provenance"] for path in (first, second, third)]
    assert [f["total_steps"] for f in found] == [2, 5, 6]
    assert [f["total_samples"] for f in found] == [8, 20, 24]
    assert found[0]["origin"]["sha256"] == ""
    assert found[2]["origin"]["sha256"] == sha256(second)
    assert found[2]["origin"]["ancestors"] == [sha256(first)]
    assert found[0]["data"]["photos"] == 5
    assert found[0]["seed"] == TOY.seed
    assert len(found[0]["code"]) == 16
    # The origin outlives an interruption.
    again = Run(replace(TOY, steps=4), tmp_path / "b", photos)
    assert again.resume()
    train(again)
    assert read_checkpoint(second)[2]["provenance"]["total_steps"] == 6


def test_what_a_run_went_on_with_comes_on_top(tmp_path, photos):
    white = cv2.imencode(".png", np.full((9, 9), 255, np.uint8))[1].tobytes()

    def run(steps, sources, count, dataset="", saved=0):
        some = PhotoFiles(photos.paths[:count])
        logged = LoggedMasks([white] * saved, dataset) if saved else None
        return Run(replace(TOY, steps=steps), tmp_path, some, logged=logged, sources=sources)

    train(run(1, ("a", "b"), 5, "mine", 3))
    again = run(2, ("b", "c"), 4, "yours", 2)
    assert again.resume()
    train(again)
    weights = tmp_path / "generator.safetensors"
    assert read_checkpoint(weights)[2]["provenance"]["data"] == {
        "sources": ["a", "b", "c"], "photos": 9, "masks_from": "mine, yours", "saved_masks": 5,
    }  # fmt: skip
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["data"]
    torch.save(state, tmp_path / "state.pt")
    older = run(3, ("b",), 4)
    assert older.resume()
    assert older.provenance.data == Data(("b",), 4)


@pytest.mark.parametrize(
    ("now", "before", "both"),
    [
        (Data(("a",), 7, "m", 4), Data(("a",), 9, "m", 3), Data(("a",), 9, "m", 4)),
        (Data(("a", "b"), 7), Data(("a",), 5), Data(("a", "b"), 7)),
        (Data(("a",), 5), Data(("b", "a"), 7, "m", 2), Data(("b", "a"), 7, "m", 2)),
        (Data(("a",), 5, "m", 2), Data((), 7, "m, n", 3), Data(("a",), 7, "m, n", 3)),
        (Data(("a",), None), Data(("b",), 7), Data(("b", "a"), None)),
    ],
)
def test_the_same_sources_are_counted_once(now, before, both):
    assert now.after(before) == both


def test_files_without_provenance_tell_what_they_can(tmp_path, photos):
    run = Run(TOY, tmp_path, photos)
    meta = {"step": 895, "training": {"batch": 8}}
    save_checkpoint(tmp_path / "old.safetensors", run.generator, meta)
    old = Origin.of(tmp_path / "old.safetensors")
    assert (old.steps, old.samples, old.ancestors) == (895, 7160, ())
    assert Origin.from_json(json.loads(json.dumps(old.to_json()))) == old
    save_checkpoint(tmp_path / "bare.safetensors", run.generator, {})
    assert Origin.of(tmp_path / "bare.safetensors").steps == 0


def test_paths_are_left_out(tmp_path):
    (tmp_path / "secret" / "photos").mkdir(parents=True)
    assert named(str(tmp_path / "secret" / "photos")) == "photos"
    assert (
        named(f"hf:{tmp_path}/secret/photos:train[:5%]:picture") == "hf:photos:train[:5%]:picture"
    )
    assert named("hf:ann/photos:test") == "hf:ann/photos:test"
    data = data_of([str(tmp_path / "secret")], iter(()), "", 0)
    assert (data.sources, data.photos, data.masks_from) == (("secret",), None, "")
