"""The command line: whatever is wrong, one line and exit code 2, and before any work."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lama import registry
from lama.__main__ import main
from masks.ops import grown


@pytest.fixture
def folder(tmp_path, picture, hole, monkeypatch):
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(hole).save(tmp_path / "mask.png")
    (tmp_path / "photos").mkdir()
    Image.fromarray(picture).save(tmp_path / "photos" / "b.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


INPAINT = ["inpaint", "a.png", "--mask", "mask.png", "--output"]
EVALUATE = ["evaluate", "--photos", "photos", "--output"]
TRAIN = ["train", "--photos", "photos", "--run-dir", "run"]
ABLATE = ["ablate", "--photos", "photos", "--eval-photos", "photos", "--run-dir", "run"]
FINETUNE = ["finetune", "--masks-from", "photos"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*INPAINT, "mask.png/z.png"], "lama inpaint: mask.png: "),
        ([*INPAINT, "o.png", "--device", "meta"], "device 'meta' cannot be used here: auto, cpu"),
        ([*INPAINT, "o.png", "--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        ([*INPAINT, "photos/../a.png"], "would be overwritten"),
        ([*INPAINT, "o.png", "--grow", "-1"], "argument --grow: a whole number, 0 or more"),
        (["inpaint", "a.png"], "the following arguments are required: --mask, --output"),
        (["nothing"], "lama: argument verb: invalid choice"),
        ([], "lama: the following arguments are required: verb"),
        ([*EVALUATE, "photos"], "--output is a file such as report.json, not photos"),
        ([*EVALUATE, "report.md"], "--output is a file such as report.json"),
        ([*EVALUATE, "report.txt"], "--output is a file such as report.json, not report.txt"),
        ([*EVALUATE, "report"], "--output is a file such as report.json, not report"),
        ([*EVALUATE, "a.png/x/report.json"], "a.png is no folder"),
        ([*EVALUATE, "r.json", "--size", "0"], "argument --size: a whole number, 1 or more"),
        ([*EVALUATE, "r.json", "--limit", "0"], "argument --limit: a whole number, 1 or more"),
        ([*TRAIN, "--save-every", "0"], "argument --save-every: a whole number, 1 or more"),
        ([*TRAIN, "--batch", "0"], "argument --batch: a whole number, 1 or more, not '0'"),
        ([*TRAIN, "--steps", "many"], "argument --steps: a whole number, 1 or more, not 'many'"),
        ([*TRAIN, "--holdout", "-1"], "argument --holdout: a whole number, 0 or more"),
        ([*TRAIN, "--seed", "-1"], "argument --seed: a whole number, 0 or more"),
        ([*ABLATE, "--crop", "0"], "argument --crop: a whole number, 1 or more"),
        ([*ABLATE, "--save-every", "0"], "argument --save-every: a whole number, 1 or more"),
        ([*FINETUNE, "--batch", "-2"], "argument --batch: a whole number, 1 or more"),
        ([*FINETUNE, "--resume"], "say which with --run-dir"),
        ([*FINETUNE, "--cases", "0"], "argument --cases: a whole number, 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, capsys, monkeypatch, arguments, words):
    def worked(*_: object, **__: object) -> None:
        raise AssertionError("it went to work first")

    monkeypatch.setattr("lama.training.evaluate.evaluate", worked)
    before = sorted(folder.rglob("*"))
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


class Spy:
    """An inpainter that fills with grey and knows how it was asked."""

    name, sha256, precision = "spy", "0" * 64, "fp32"

    def __init__(self):
        self.qualities = []

    def fill(self, rgb, mask, *, quality):
        self.qualities.append(quality)
        return np.where(mask[..., None], np.uint8(128), rgb)

    def share_cores(self):
        return 2, None


@pytest.fixture
def spy(monkeypatch):
    inpainter = Spy()
    monkeypatch.setattr("lama.loading.load", lambda *_: inpainter)
    return inpainter


def test_a_damaged_photo_of_a_folder_is_named_and_the_others_are_filled(
    folder, spy, picture, hole, capsys
):
    (folder / "photos" / "c.png").write_bytes((folder / "photos" / "b.png").read_bytes()[:90])
    assert main(["inpaint", "photos", "--mask", "mask.png", "--output", "filled"]) == 2
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "1 filled, 1 failed, with spy fp32"
    [named] = [line for line in said.err.splitlines() if line.startswith("photos/")]
    assert named.startswith("photos/c.png: ")
    assert [path.name for path in (folder / "filled").iterdir()] == ["b.png"]
    filled = np.asarray(Image.open(folder / "filled" / "b.png"))
    assert (filled[hole] == 128).all()
    assert np.array_equal(filled[~hole], picture[~hole])


def test_the_holes_of_a_command_grow(folder, spy, picture, hole):
    given = ["inpaint", "a.png", "--mask", "mask.png", "--output", "o.png", "--grow", "2"]
    assert main(given) == 0
    changed = (np.asarray(Image.open(folder / "o.png")) != picture).any(axis=2)
    assert np.array_equal(changed | hole, grown(hole, 2))


def test_only_refine_looks_longer(folder, spy):
    flags = ["--mask", "mask.png", "--output"]
    assert main(["inpaint", "a.png", *flags, "o.png"]) == 0
    assert main(["inpaint", "a.png", *flags, "o.png", "--refine"]) == 0
    assert main(["inpaint", "photos", *flags, "o"]) == 0
    assert main(["inpaint", "photos", *flags, "o", "--refine"]) == 0
    assert spy.qualities == ["full", "refined"] * 2


def test_models_says_of_each_what_it_is_and_whether_it_is_here(folder, monkeypatch, capsys):
    monkeypatch.setenv("LAMA_HOME", str(folder))
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 * len(registry.MODELS)
    for number, model in enumerate(registry.MODELS.values()):
        first, note, source = lines[3 * number : 3 * number + 3]
        name, size, unit, where = first.split(maxsplit=3)
        assert (name, float(size), unit) == (model.name, round(model.size / 1e6, 1), "MB")
        here = registry.find(model.name) if model.source == registry.SHIPPED else None
        assert where == str(here or "not on this disk")
        assert note.strip() == model.note
        assert all(word in source for word in (model.licence, model.source, model.sha256))


def test_help_is_still_there(capsys):
    with pytest.raises(SystemExit) as left:
        main(["train", "--help"])
    assert left.value.code == 0
    assert "--save-every STEPS" in capsys.readouterr().out


def without(package, arguments):
    """What a fresh process says that has not got a package."""
    code = (
        f"import sys; sys.modules[{package!r}] = None; from lama.__main__ import main; "
        f"sys.exit(main({arguments!r}))"
    )
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "package"), [(TRAIN, "accelerate"), ([*EVALUATE, "r.json"], "torchmetrics")]
)
def test_a_package_that_is_missing_is_one_line_that_says_how_to_get_it(folder, arguments, package):
    found = without(package, arguments)
    assert found.returncode == 2
    [line] = found.stderr.splitlines()
    assert f"{package} is missing: pip install -r requirements-train.txt" in line


def test_what_the_run_time_needs_itself_is_not_explained_away(folder):
    found = without("cv2", TRAIN)
    assert found.returncode == 1
    assert "ModuleNotFoundError" in found.stderr
