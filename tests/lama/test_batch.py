import os

import numpy as np
import pytest
from PIL import Image

import lama
from lama.__main__ import main
from lama.batch import inpaint_files
from lama.photo import open_photo


def invert(rgb, _mask):
    return 255 - rgb


@pytest.fixture
def folder(tmp_path, picture, hole):
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    for name in ("a.png", "b.jpg", "c.webp"):
        Image.fromarray(picture).save(photos / name)
    for name in ("a.png", "b.png"):
        Image.fromarray(hole).save(masks / name)
    return tmp_path


def test_one_photo(folder, picture, hole):
    out = folder / "out.png"
    inpaint_files(invert, folder / "photos/a.png", folder / "masks/a.png", out)
    result = open_photo(out).rgb
    assert np.array_equal(result[~hole], picture[~hole])
    assert np.array_equal(result[hole], 255 - picture[hole])


def test_a_folder_goes_on_after_a_failure(folder):
    outcome = inpaint_files(invert, folder / "photos", folder / "masks", folder / "out")
    assert outcome.filled == 2
    reasons = [(p.name, why.split(" in ")[0]) for p, why in outcome.failed]
    assert reasons == [("c.webp", "no mask named c")]
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["a.png", "b.png"]


def test_one_mask_for_all(folder):
    outcome = inpaint_files(invert, folder / "photos", folder / "masks/a.png", folder / "o")
    assert outcome.filled == 3


def test_a_second_run_makes_only_what_is_missing_or_old(folder):
    places = folder / "photos", folder / "masks/a.png", folder / "o"
    inpaint_files(invert, *places)
    (folder / "o/b.png").unlink()
    os.utime(folder / "o/c.png", (1, 1))
    outcome = inpaint_files(invert, *places, workers=2)
    assert (outcome.filled, outcome.already) == (2, 1)


def test_processes_share_a_folder(folder, monkeypatch):
    places = folder / "photos", folder / "masks/a.png", folder / "o"
    monkeypatch.setenv("WORLD_SIZE", "2")
    counts = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        counts.append(inpaint_files(invert, *places).filled)
    assert counts == [2, 1]
    assert len(list((folder / "o").iterdir())) == 3


def test_threads_give_the_same_pictures(folder):
    inpainter = lama.load("lama-tiny", "cpu", "fp32")
    places = folder / "photos", folder / "masks/a.png"
    inpaint_files(inpainter.fill, *places, folder / "one")
    workers, _ = inpainter.share_cores()
    inpaint_files(inpainter.fill, *places, folder / "many", workers=max(2, workers))
    for path in (folder / "one").iterdir():
        assert path.read_bytes() == (folder / "many" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["inpaint", "none.png", "--mask", "m.png", "--output", "o.png"],
            "none.png does not exist",
        ),
        (["inpaint", ".", "--mask", ".", "--output", "o", "--model", "x"], "neither a model"),
        (["train", "--photos", "none", "--run-dir", "r"], "no photos below none"),
        (["train", "--photos", "p", "--run-dir", "r", "--preset", "x"], "unknown preset 'x'"),
        (["models", "--download", "x"], "unknown model 'x'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_inpaint_verb_runs_the_shipped_model(folder, picture, hole, capsys):
    arguments = ["inpaint", str(folder / "photos/a.png"), "--mask", str(folder / "masks/a.png")]
    assert main([*arguments, "--output", str(folder / "o.png")]) == 0
    assert "1 filled, 0 failed, with lama-tiny" in capsys.readouterr().out
    result = open_photo(folder / "o.png").rgb
    assert np.array_equal(result[~hole], picture[~hole])
