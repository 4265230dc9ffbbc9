"""The ablation at toy size: one change at a time, trained, measured together, gone on with."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from lama.__main__ import main
from lama.checkpoint import build, read_checkpoint
from lama.config import DilatedConfig, FourierConfig, RegularConfig, UNetConfig
from lama.training.ablation import ablate, variants
from lama.training.cases import Cell
from lama.training.config import PRESETS, LossWeights
from lama.training.evaluate import EvalConfig
from lama.training.provenance import Data
from lama.training.run import Run
from tests.lama.training.toy import TOY, draw_photos, photos_in

SMALL = replace(TOY, steps=2, batch=2, weights=LossWeights(0, 4, 0, 1, 0, 0), ema=0)


def on(folder, **options):
    return EvalConfig([folder], [Cell("thick", 64)], ["l1"], **options)


def test_every_variant_differs_from_the_base_in_one_thing():
    base = replace(TOY, generator=FourierConfig(ngf=8, n_blocks=2), weights=LossWeights())
    found = {variant.name: variant.config for variant in variants(base)}
    start = found.pop("base")
    assert start.dilated
    assert start.masks == "training"
    assert found["regular"] == replace(start, generator=RegularConfig(ngf=8, n_blocks=2))
    assert found["dilated"] == replace(start, generator=DilatedConfig(ngf=8, n_blocks=2))
    assert found["narrow-masks"] == replace(start, masks="narrow")
    assert found["plain-perceptual"] == replace(start, dilated=False)
    assert [v.name for v in variants(base, ["masks"])] == ["base", "narrow-masks"]


def test_the_small_network_has_a_regular_form_that_works():
    [_, regular] = variants(PRESETS["lama-tiny-128"], ["ffc"])
    assert regular.config.generator == replace(UNetConfig(), ratio=0.0)
    generator = build(UNetConfig(width=8, n_blocks=1, detail=4, ratio=0.0)).eval()
    image, mask = torch.rand(1, 3, 40, 56), torch.zeros(1, 1, 40, 56)
    mask[..., 8:20, 9:30] = 1
    with torch.inference_mode():
        assert generator(image, mask).shape == (1, 3, 40, 56)
    assert not [name for name, _ in generator.named_parameters() if "convg2g" in name]


def test_the_ablation_writes_one_table_and_does_nothing_twice(tmp_path):
    draw_photos(tmp_path / "photos")
    photos, started, trained_on = photos_in(tmp_path / "photos"), [], ["a.png", "b.png"]

    def start(variant, place):
        started.append(variant.name)
        return Run(variant.config, place, photos)

    def go(config=SMALL):
        measured = on(tmp_path / "photos", limit=2)
        return ablate(variants(config), tmp_path / "out", start, measured, trained_on)

    text = go()
    names = ["base", "regular", "narrow-masks", "plain-perceptual"]
    assert started == names
    assert (tmp_path / "out" / "ablation.md").read_text() == text
    for name in names:
        assert f"| {name} |" in text
        assert f"| {name}/generator |" in text
    found = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [row["name"] for row in found["variants"]] == names
    assert found["cells"][0]["n"] == 2, "only the first photos"
    assert {model["precision"] for model in found["models"].values()} == {"fp32"}
    means = [entry["mean"]["l1"] for entry in found["cells"][0]["methods"].values()]
    assert len(set(means)) == 4
    weights = [read_checkpoint(tmp_path / "out" / n / "generator.safetensors")[1] for n in names]
    for other in (weights[2], weights[3]):
        assert any(not torch.equal(weights[0][key], other[key]) for key in other)
    assert go() is not None
    assert started == names
    other = replace(SMALL, batch=4, seed=9)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    with pytest.raises(ValueError, match="base holds a run.*batch is 2, not 4, seed is 0, not 9"):
        go(other)
    with pytest.raises(ValueError, match=r"perceptual is efficientnet, not other\.pth"):
        go(replace(SMALL, perceptual="other.pth"))
    for change in ({"steps": 3}, {"steps": 1}, {"mixed_precision": "bf16"}):  # the rest is equal
        with pytest.raises(ValueError, match=f"{next(iter(change))} is"):
            go(replace(SMALL, **change))
    trained_on = ["a.png", "c.png"]
    with pytest.raises(ValueError, match="train on 2 photos, and --photos are now 2 others"):
        go()
    assert started == names
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    trained_on = ["b.png", "a.png"]
    (tmp_path / "out" / "regular" / "state.pt").unlink()
    assert go() is not None, "what is done needs no state"
    assert started == names


def test_a_stop_at_the_last_step_of_a_run_stops_the_ablation(tmp_path, monkeypatch):
    monkeypatch.setattr("lama.training.ablation.train", lambda *_, **__: True)
    draw_photos(tmp_path / "photos")
    photos, started = photos_in(tmp_path / "photos"), []

    def start(variant, place):
        started.append(variant.name)
        run = Run(variant.config, place, photos)
        run.step = variant.config.steps
        return run

    found = ablate(variants(SMALL), tmp_path, start, on(tmp_path / "photos"), ["a"])
    assert found is None
    assert started == ["base"]


def test_the_runs_say_what_they_learn_from(tmp_path, monkeypatch):
    draw_photos(tmp_path / "shown")
    data = []

    def first(wanted, folder, start, *_):
        run = start(wanted[0], folder / "base")
        data.extend((run.provenance.data, run.config.workers))

    monkeypatch.setattr("lama.training.ablation.ablate", first)
    monkeypatch.setitem(PRESETS, "toy", SMALL)
    draw_photos(tmp_path / "hidden", phase=2.0)
    given = ["--photos", str(tmp_path / "shown"), "--eval-photos", str(tmp_path / "hidden")]
    given += ["--workers", "3", "--run-dir", str(tmp_path / "out")]
    assert main(["ablate", *given, "--preset", "toy"]) == 0
    assert data == [Data(("shown",), 5), 3]


@pytest.mark.parametrize(("preset", "wanted"), [("lama-fourier", "no"), ("lama-tiny-128", "bf16")])
def test_the_published_layout_is_the_reference_in_32_bits(preset, wanted, tmp_path, monkeypatch):
    bases = []
    monkeypatch.setattr("lama.training.setup.has_bf16", lambda: True)
    monkeypatch.setattr("lama.training.ablation.ablate", lambda wanted, *_: bases.extend(wanted))
    draw_photos(tmp_path / "shown")
    draw_photos(tmp_path / "hidden", phase=2.0)
    given = ["--photos", str(tmp_path / "shown"), "--eval-photos", str(tmp_path / "hidden")]
    assert main(["ablate", *given, "--run-dir", str(tmp_path / "out"), "--preset", preset]) == 0
    assert {variant.config.mixed_precision for variant in bases} == {wanted}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset", "grand"], "unknown preset"),
        (["--study", "colour"], "unknown study 'colour'"),
        (["--strategy", "colour"], "colour"),
        (["--metrics", "l1", "beauty"], "unknown metric 'beauty'"),
    ],
)
def test_what_cannot_be_is_refused(flags, message, tmp_path, capsys):
    draw_photos(tmp_path / "shown")
    draw_photos(tmp_path / "hidden", phase=2.0)
    given = ["--photos", str(tmp_path / "shown"), "--eval-photos", str(tmp_path / "hidden")]
    given += ["--steps", "1", "--run-dir", str(tmp_path / "out")]
    assert main(["ablate", *given, *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists(), "nothing is trained before"


def test_what_is_measured_on_is_there_and_is_not_trained_on(tmp_path, capsys):
    draw_photos(tmp_path / "shown")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.png").symlink_to(next((tmp_path / "shown").iterdir()))
    (tmp_path / "copied").mkdir()
    shutil.copy(next((tmp_path / "shown").iterdir()), tmp_path / "copied" / "other.png")
    given = ["ablate", "--photos", str(tmp_path / "shown"), "--run-dir", str(tmp_path / "out")]
    for folder, said in (
        ("nowhere", "no photos below"),
        ("shown", "5 of the photos to measure on would be trained on"),
        ("linked", "1 of the photos to measure on would be trained on"),
        ("copied", "1 of the photos to measure on would be trained on"),
        (".", "--photos and --eval-photos must share none"),
    ):
        assert main([*given, "--eval-photos", str(tmp_path / folder)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert said in line
    assert not (tmp_path / "out").exists(), "nothing is trained before"
