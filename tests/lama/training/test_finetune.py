"""Fine-tuning at toy size: promoted, refused, stopped, gone on with, and what it says of it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image

import lama
from lama.__main__ import main
from lama.checkpoint import build, read_checkpoint, save_checkpoint
from lama.config import UNetConfig
from lama.files import sha256_file
from lama.training.config import PRESETS, to_json
from lama.training.finetune import STOPPED, Plan, finetune, gather, photo_digests
from lama.training.photos import PhotoFiles
from lama.training.provenance import Origin
from lama.training.run import TrainingError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("base") / "toy.safetensors"
    save_checkpoint(path, build(UNetConfig(width=8, n_blocks=1, detail=4)), {})
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Three photos under eleven masks, one of them rejected."""
    folder = tmp_path_factory.mktemp("saved")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(11):
        photo = np.full((90, 120, 3), 40 + 50 * (i % 3), np.uint8)
        photo[::4] += np.uint8(60)
        mask = np.zeros((90, 120), np.uint8)
        y, x = rng.integers(10, 60, 2)
        mask[y : y + 6, x : x + 40] = 255
        rows.append((Image.fromarray(photo), Image.fromarray(mask)))
    features = datasets.Features(
        image=datasets.Image(), mask=datasets.Image(mode="L"),
        status=datasets.Value("string"), consent=datasets.Value("bool"),
    )  # fmt: skip
    table = datasets.Dataset.from_dict(
        {
            "image": [row[0] for row in rows],
            "mask": [row[1] for row in rows],
            "status": ["rejected", *["approved"] * 10],
            "consent": [True] * 11,
        },
        features=features,
    )
    (folder / "data").mkdir()
    table.to_parquet(folder / "data" / "train-0.parquet")
    return folder


def plan_of(tmp_path: Path, dataset: Path, base: Path, **changes) -> Plan:
    given = {"steps": 3, "batch": 2, "cases": 1, **changes}
    return Plan(str(dataset), tmp_path / "run", tmp_path / "models", init=str(base), **given)


def status(tmp_path: Path) -> dict:
    return json.loads((tmp_path / "run" / "status.json").read_text())


def test_no_photo_and_no_mask_is_on_both_sides(tmp_path, dataset, base) -> None:
    found = gather(plan_of(tmp_path, dataset, base))
    assert (len(found.masks), len(found.held_masks)) == (8, 2), "the rejected one is not there"
    assert (len(found.photos), len(found.held_photos)) == (2, 1), "each photo counts once"
    seen = {found.photos.read(i).image.tobytes() for i in range(2)}
    assert found.held_photos.read(0).image.tobytes() not in seen
    assert not set(found.masks.encoded) & set(found.held_masks.encoded)
    assert len(found.revision) == 7


def test_what_was_held_out_stays_so_when_masks_have_come_since(tmp_path, dataset, base) -> None:
    plan = plan_of(tmp_path, dataset, base)
    early = gather(plan)
    one = early.held["masks"][:1]
    plan.run_dir.mkdir()
    (plan.run_dir / "held.json").write_text(json.dumps({**early.held, "masks": one}))
    found = gather(plan, again=True)
    assert found.held == {**early.held, "masks": one}
    assert (len(found.masks), len(found.held_masks)) == (9, 1)
    assert gather(plan).held == early.held, "a new run begins anew"


@pytest.mark.parametrize("record", [None, "{", '{"masks": []}'])
def test_a_run_does_not_go_on_without_its_record(tmp_path, dataset, base, capsys, record) -> None:
    """What it was trained on could be what it is judged by."""
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "state.pt").write_bytes(b"not looked at")
    (run_dir / "options.json").write_text(json.dumps(to_json(PRESETS["fine-tune"])))
    if record is not None:
        (run_dir / "held.json").write_text(record)
    there = ["--masks-from", str(dataset), "--init", str(base), "--run-dir", str(run_dir)]
    assert main(["finetune", *there, "--resume"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "held.json cannot be read" in line
    assert line.endswith("put a copy of it back")
    assert (run_dir / "held.json").exists() == (record is not None)


def test_what_is_away_today_stays_on_record(tmp_path, dataset, base, monkeypatch) -> None:
    plan = plan_of(tmp_path, dataset, base, steps=1, resume=True)
    monkeypatch.setattr("lama.training.finetune._judge", lambda *_: STOPPED)
    assert finetune(plan).phase == "stopped"
    record = plan.run_dir / "held.json"
    held = json.loads(record.read_text())
    away = {**held, "photos": [*held["photos"], "0" * 64]}
    record.write_text(json.dumps(away))
    assert finetune(plan).phase == "stopped"
    assert json.loads(record.read_text()) == away


def test_a_run_is_not_resumed_from_another_base(tmp_path, dataset, base) -> None:
    plan = plan_of(tmp_path, dataset, base, steps=1, resume=True)
    assert finetune(plan).phase in ("promoted", "refused")
    written = json.loads((plan.run_dir / "plan.json").read_text())
    assert set(json.loads((plan.run_dir / "held.json").read_text())) == {"masks", "photos"}
    (plan.run_dir / "plan.json").write_text(json.dumps({**written, "base_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="not what this run began with"):
        finetune(plan)


def test_several_processes_are_refused_before_anything_is_written(
    tmp_path, dataset, base, monkeypatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="takes one process"):
        finetune(plan_of(tmp_path, dataset, base))
    assert not (tmp_path / "run").exists()


def test_a_run_whose_numbers_went_wrong_is_not_offered_again(
    tmp_path, dataset, base, monkeypatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise TrainingError("the loss is nan")

    monkeypatch.setattr("lama.training.finetune.train", fails)
    assert finetune(plan_of(tmp_path, dataset, base)).phase == "failed"
    assert status(tmp_path)["resumable"] is False


def test_a_model_that_is_no_worse_is_promoted(tmp_path, dataset, base) -> None:
    # Three steps of an untrained network may go either way: this margin lets everything pass.
    outcome = finetune(plan_of(tmp_path, dataset, base, lr=1e-5, margin=1e9))
    assert outcome.phase == "promoted"
    assert outcome.model.parent == tmp_path / "models"
    assert outcome.model.stem.startswith("toy-20")
    tuned = lama.load(outcome.model)
    rgb = np.zeros((33, 40, 3), np.uint8)
    mask = np.zeros((33, 40), bool)
    mask[9:20, 9:20] = True
    assert tuned(rgb, mask).shape == rgb.shape
    meta = read_checkpoint(outcome.model)[2]
    assert (meta["kind"], meta["masks"], meta["steps"]) == ("fine-tuned", 8, 3)
    assert meta["training"]["batch"] == 2
    assert meta["provenance"]["data"] == {
        "sources": [f"hf:{dataset.name}"], "photos": 2, "masks_from": dataset.name,
        "saved_masks": 8,
    }  # fmt: skip
    origin = Origin.of(outcome.model)
    assert (origin.steps, origin.samples) == (3, 6)
    assert origin.ancestors == (sha256_file(base),)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"plan.json", "report.json", "report.md", "before-after.png", "stats.jsonl"} <= names
    lines = [json.loads(line) for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    assert lines[0]["step"] == 0, "the base is looked at first"
    assert "val_lpips" in lines[0]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3]
    assert status(tmp_path)["phase"] == "promoted"
    with pytest.raises(ValueError, match="holds a run already"):
        finetune(plan_of(tmp_path, dataset, base))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_while_it_is_judged_and_gone_on_with(
    tmp_path, dataset, base, monkeypatch, number
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(number)

    before = signal.getsignal(number)
    flags = ["--masks-from", str(dataset), "--init", str(base), "--run-dir", str(tmp_path / "run")]
    flags += ["--models-dir", str(tmp_path / "models"), "--steps", "2", "--cases", "1"]
    flags += ["--batch", "2", "--seed", "3", "--margin", "1e9", "--workers", "0"]
    with monkeypatch.context() as patch:
        patch.setattr("lama.training.finetune.measure", interrupted)
        assert main(["finetune", *flags]) == 3
    assert status(tmp_path)["phase"] == "stopped"
    assert status(tmp_path).get("resumable", True)
    assert signal.getsignal(number) is before
    assert not (tmp_path / "models").exists()
    assert json.loads((tmp_path / "run" / "options.json").read_text())["workers"] == 0
    assert main(["finetune", *flags, "--resume", "--seed", "4"]) == 2
    assert "began with --seed 3, not 4" in status(tmp_path)["message"]
    assert main(["finetune", *flags, "--resume"]) == 0
    assert status(tmp_path)["phase"] == "promoted"


def test_what_is_decided_is_written_down_although_somebody_stops_it(
    tmp_path, dataset, base, monkeypatch
) -> None:
    def promoting(*_: object) -> Path:
        signal.raise_signal(signal.SIGTERM)
        return tmp_path / "model.safetensors"

    monkeypatch.setattr("lama.training.finetune.promote", promoting)
    assert finetune(plan_of(tmp_path, dataset, base, steps=1, margin=1e9)).phase == "promoted"
    assert (tmp_path / "run" / "before-after.png").exists()
    assert status(tmp_path)["phase"] == "promoted"


def test_a_stop_at_the_last_step_is_a_stop(tmp_path, dataset, base, monkeypatch) -> None:
    monkeypatch.setattr("lama.training.finetune.train", lambda *_, **__: True)
    assert finetune(plan_of(tmp_path, dataset, base)).phase == "stopped"
    assert status(tmp_path)["phase"] == "stopped"


def test_a_ruined_model_is_refused(tmp_path, dataset) -> None:
    outcome = finetune(plan_of(tmp_path, dataset, Path("lama-tiny"), lr=3.0, steps=4))
    assert outcome.phase in ("refused", "failed")  # a loss that is no number ends it earlier
    assert outcome.model is None
    assert not list((tmp_path / "models").glob("*"))
    assert status(tmp_path)["phase"] == outcome.phase
    if outcome.phase == "refused":
        assert "are allowed" in outcome.message
        assert "not promoted" in (tmp_path / "run" / "report.md").read_text()


def test_a_ruined_model_is_refused_whatever_its_base_is_called(tmp_path, dataset, base) -> None:
    named = tmp_path / "fine-tuned.safetensors"
    named.write_bytes(base.read_bytes())
    outcome = finetune(plan_of(tmp_path, dataset, named, margin=-0.999))
    assert outcome.phase == "refused", "no model is that much better than its base"
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert len(report["shapes"]["saved"]["models"]) == 2


def test_photos_of_folders_are_told_apart_by_their_content(tmp_path) -> None:
    paths = []
    for i in range(4):
        (tmp_path / str(i)).mkdir()
        paths.append(tmp_path / str(i) / "frame.bmp")
        shade = np.full((20, 30, 3), 40 * min(i, 2), np.uint8)  # the last two are the same
        Image.fromarray(shade).save(paths[-1])
    digests = photo_digests(PhotoFiles(paths))
    assert len(set(digests)) == 3
    assert digests[2] == digests[3]


def test_every_flag_reaches_the_plan(tmp_path, monkeypatch) -> None:
    plans = []
    monkeypatch.setattr(
        "lama.training.finetune.finetune", lambda plan: plans.append(plan) or STOPPED
    )
    wanted = Plan(
        "saved", tmp_path / "run", tmp_path / "models", "toy", ("a", "b"), steps=7, batch=3, lr=0.5,
        masks_share=0.25, seed=9, workers=2, cases=4, margin=0.125, resume=True,
    )  # fmt: skip
    flags = []
    for name, value in {**vars(wanted), "masks_from": wanted.dataset}.items():
        if name != "dataset":
            values = [] if value is True else value if isinstance(value, tuple) else [value]
            flags += [f"--{name.replace('_', '-')}", *map(str, values)]
    assert main(["finetune", *flags]) == 3
    few = ["--masks-from", "saved", "--run-dir", str(tmp_path)]
    assert main(["finetune", *few]) == 3
    assert plans == [wanted, Plan("saved", tmp_path, Path("data/models"))]


def test_bad_input_is_one_line(tmp_path, dataset, base, capsys) -> None:
    there = ["--masks-from", str(dataset), "--run-dir", str(tmp_path / "run")]
    assert main(["finetune", *there, "--init", "nothing"]) == 2
    assert "neither a model" in capsys.readouterr().err
    assert status(tmp_path)["phase"] == "failed"
    assert main(["finetune", *there, "--cases", "0"]) == 2
    assert main(["finetune", "--masks-from", str(tmp_path / "no"), "--run-dir", str(tmp_path)]) == 2


@pytest.mark.slow
def test_stopped_and_gone_on_with(tmp_path, dataset, base) -> None:
    run_dir = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "lama", "finetune", "--masks-from", str(dataset)),
        *("--init", str(base), "--run-dir", str(run_dir), "--models-dir", str(tmp_path / "models")),
        *("--batch", "1", "--cases", "1"),
    ]
    process = subprocess.Popen([*command, "--steps", "2000"], cwd=ROOT)
    deadline = time.monotonic() + 300
    stats = run_dir / "stats.jsonl"
    while not (stats.exists() and "loss" in stats.read_text()) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 3
    assert status(tmp_path)["phase"] == "stopped"
    reached = json.loads(stats.read_text().splitlines()[-1])["step"]
    assert 0 < reached < 2000
    done = subprocess.run(
        [*command, "--steps", str(reached + 2), "--resume"], cwd=ROOT, timeout=300
    )
    assert done.returncode in (0, 1)
    assert status(tmp_path)["phase"] in ("promoted", "refused")
