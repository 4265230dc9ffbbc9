"""From flags to a run: presets, changes, weights to start from, and what is refused."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lama.__main__ import _parser, main
from lama.checkpoint import build, read_checkpoint, save_checkpoint
from lama.config import FourierConfig, UNetConfig
from lama.training.config import PRESETS
from lama.training.setup import configure
from lama.training.train_command import asked
from space.store import Store
from tests.lama.training.toy import TOY, bomb
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission


def options(*flags):
    return _parser().parse_args(["train", "--photos", "p", "--run-dir", "r", *flags])


@pytest.fixture
def toy(tmp_path):
    """Small weights with batch statistics that are not those of a new network."""
    torch.manual_seed(0)
    generator = build(UNetConfig(width=8, n_blocks=1, detail=4))
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    save_checkpoint(tmp_path / "toy.safetensors", generator, {})
    return tmp_path / "toy.safetensors"


@pytest.fixture
def photos(tmp_path, rng):
    (tmp_path / "photos").mkdir()
    for i in range(3):
        pixels = rng.integers(0, 256, (150 + i, 141, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i}.png")
    return tmp_path / "photos"


def test_the_preset_depends_on_what_is_asked(toy):
    assert asked(options(), None) == configure("lama-tiny-64", {})
    assert asked(options(), toy) == configure("lama-tiny", {})
    assert asked(options("--preset", "lama-tiny-192"), None).crop == 192
    large = asked(options("--preset", "lama-tiny-512"), None)
    assert (large.crop, large.batch, large.freeze_batchnorm) == (512, 2, True)
    assert large.weights == replace(PRESETS["lama-tiny"].weights, halves=0.5)
    assert not asked(options(), None).freeze_batchnorm
    tuned = asked(options("--masks-from", "d"), toy)
    assert tuned.freeze_batchnorm
    assert tuned.weights.adversarial == tuned.weights.known_l1 == 0
    assert tuned.generator == UNetConfig(width=8, n_blocks=1, detail=4)
    assert not asked(options("--masks-from", "d", "--no-freeze-batchnorm"), toy).freeze_batchnorm
    changed = asked(options("--steps", "7", "--lr", "0.5", "--masks-share", "0"), None)
    assert (changed.steps, changed.lr, changed.masks_share) == (7, 0.5, 0)


@pytest.mark.parametrize("has", [True, False])
def test_published_presets_are_trained_in_32_bits_unless_asked(has, monkeypatch):
    monkeypatch.setattr("lama.training.setup.has_bf16", lambda: has)
    auto = "bf16" if has else "no"
    for flags, wanted in (
        (["--preset", "lama-fourier"], "no"),
        (["--preset", "big-lama"], "no"),
        (["--preset", "big-lama", "--mixed-precision", "auto"], auto),
        (["--preset", "lama-fourier", "--mixed-precision", "bf16"], "bf16"),
        ([], auto),
        (["--mixed-precision", "no"], "no"),
    ):
        assert asked(options(*flags), None).mixed_precision == wanted, flags


def test_a_published_generator_is_tuned_with_the_loss_on_known_pixels(tmp_path):
    config = FourierConfig(ngf=8, n_blocks=1)
    save_checkpoint(tmp_path / "f.safetensors", build(config), {})
    tuned = asked(options("--masks-from", "d"), tmp_path / "f.safetensors")
    assert tuned.generator == config
    assert tuned.weights.known_l1 == 10


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--preset", "grand"), "unknown preset 'grand'"),
        (("--masks-from", "d"), "needs weights to start from"),
        (("--init", "nothing"), "neither a model"),
    ],
)
def test_what_cannot_be_is_refused(flags, message, photos, tmp_path, capsys):
    code = main(["train", "--photos", str(photos), "--run-dir", str(tmp_path / "run"), *flags])
    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["photos", None])
def test_fine_tuning_on_approved_masks_keeps_the_batch_statistics(
    toy, photos, folder, tmp_path, capsys
):
    photos = photos if folder else None
    with_store = Store.open(tmp_path / "data")
    for i in range(3):
        set_status(with_store, with_store.save(make_submission(i)).record_id, "approved")
    flags = ["--photos", str(photos)] if photos else []  # else those that the masks were drawn on
    flags += ["--run-dir", str(tmp_path / "run"), "--init", str(toy)]
    flags += ["--masks-from", str(tmp_path / "data" / "dataset"), "--steps", "2", "--batch", "2"]
    code = main(["train", *flags, "--holdout", "0", "--mixed-precision", "no"])
    with_store.close()
    assert code == 0
    assert "3 saved masks for 50% of the samples" in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "options.json").read_text())["freeze_batchnorm"]
    _, before, _ = read_checkpoint(toy)
    _, after, _ = read_checkpoint(tmp_path / "run" / "generator.safetensors")
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved
    assert not [key for key in moved if "running" in key or "num_batches" in key]
    assert [key for key in moved if "bn" in key or "weight" in key]


def test_a_run_folder_is_not_overwritten(toy, photos, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "state.pt").write_bytes(b"precious")
    flags = ["--photos", str(photos), "--run-dir", str(tmp_path / "run"), "--holdout", "0"]
    for init in ([], ["--init", "lama-tiny"]):
        assert main(["train", *flags, *init]) == 2
        assert "holds a run already" in capsys.readouterr().err
    assert (tmp_path / "run" / "state.pt").read_bytes() == b"precious"


def test_weights_without_a_state_are_not_overwritten(toy, photos, tmp_path, capsys):
    """As when somebody has deleted the large file to keep a run."""
    (tmp_path / "run").mkdir()
    weights = tmp_path / "run" / "generator.safetensors"
    weights.write_bytes(b"precious")
    flags = ["--photos", str(photos), "--run-dir", str(tmp_path / "run"), "--holdout", "0"]
    for more in ([], ["--resume"]):
        assert main(["train", *flags, *more]) == 2
        assert f"--init {weights}" in capsys.readouterr().err
    assert weights.read_bytes() == b"precious"
    assert list((tmp_path / "run").iterdir()) == [weights]


@pytest.fixture
def begun(photos, tmp_path, monkeypatch):
    """What starts and goes on with a run that has done two of its steps; its folder."""
    monkeypatch.setitem(PRESETS, "toy", TOY)
    flags = ["train", "--photos", str(photos), "--run-dir", str(tmp_path / "run")]
    first = ["--preset", "toy", "--seed", "5", "--mixed-precision", "no"]
    assert main([*flags, *first, "--steps", "2", "--holdout", "1"]) == 0

    def go_on(*more):
        return main([*flags, "--resume", *more])

    return go_on, tmp_path / "run"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_a_run_goes_on_as_it_was_begun(begun):
    go_on, folder = begun
    before = json.loads((folder / "options.json").read_text())
    held = (folder / "held_out.json").read_bytes()
    assert go_on("--steps", "4") == 0
    assert json.loads((folder / "options.json").read_text()) == {**before, "steps": 4}
    assert torch.load(folder / "state.pt", weights_only=True)["step"] == 4
    same = ["--preset", "toy", "--seed", "5", "--batch", "4", "--holdout", "1"]
    assert go_on(*same, "--lr", "0.001", "--steps", "5", "--masks", "training") == 0
    after = json.loads((folder / "options.json").read_text())
    assert after == {**before, "steps": 5, "lr": 0.001}
    assert torch.load(folder / "state.pt", weights_only=True)["step"] == 5
    assert (folder / "held_out.json").read_bytes() == held
    assert go_on("--steps", "6", "--workers", "1") == 0
    assert json.loads((folder / "options.json").read_text()) == {**after, "steps": 6, "workers": 1}
    assert json.loads(held) == {"asked": 1, "photos": ["photos/0.png"]}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset", "lama-tiny-128"], "not a run of --preset lama-tiny-128: "),
        (["--preset", "lama-tiny-128"], "zoom is 1.0, not 3.0"),
        (["--preset", "grand"], "unknown preset"),
        (["--seed", "0"], "began with --seed 5, not 0"),
        (["--batch", "2"], "began with --batch 4, not 2"),
        (["--masks", "thick"], "began with --masks training, not thick"),
        (["--perceptual", "encoder.pth"], "began with --perceptual efficientnet, not encoder"),
        (["--freeze-batchnorm"], "began with --freeze-batchnorm False, not True"),
        (["--holdout", "2"], "holds out 1 photos, not 2"),
        (["--steps", "1"], "has done 2 steps, 1 are asked for: give --steps 2 or more"),
        (["--steps", "0"], "1 or more"),
    ],
)
def test_what_would_be_another_run_is_refused(begun, flags, message, capsys):
    go_on, folder = begun
    before = contents(folder)
    assert go_on(*flags) == 2
    assert message in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("state.pt", lambda data: data[: len(data) // 2], "state.pt is damaged"),
        ("state.pt", lambda data: b"", "--init"),
        ("options.json", lambda data: b"{", "options.json cannot be read"),
        ("options.json", lambda data: b"[]", "options.json cannot be read"),
        ("options.json", lambda data: None, "has a state.pt and no options.json"),
        (
            "options.json",
            lambda data: data.replace(b'"width": 8', b'"width": 16'),
            "the state of a run with other options",
        ),
    ],
)
def test_a_damaged_run_is_one_line_and_stays_as_it_is(begun, name, change, message, capsys):
    go_on, folder = begun
    data = change((folder / name).read_bytes())
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)
    before = contents(folder)
    assert go_on() == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert message in said[-1]
    assert said[-1].startswith("lama train: ")
    assert contents(folder) == before


def test_a_photo_that_is_far_too_large_is_counted_as_broken(photos, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(PRESETS, "toy", replace(TOY, workers=1))
    (photos / "3.png").write_bytes(bomb())
    flags = ["--photos", str(photos), "--run-dir", str(tmp_path / "run"), "--preset", "toy"]
    assert main(["train", *flags, "--steps", "3", "--holdout", "0"]) == 0
    assert "3.png" in caplog.text


def test_the_papers_perceptual_network_can_be_asked_for(photos, tmp_path, capsys):
    config = asked(options("--preset", "lama-fourier", "--perceptual", "encoder.pth"), None)
    assert config == replace(PRESETS["lama-fourier"], perceptual="encoder.pth")
    flags = ["--photos", str(photos), "--run-dir", str(tmp_path / "run"), "--holdout", "0"]
    assert main(["train", *flags, "--perceptual", str(tmp_path / "nowhere.pth")]) == 2
    assert "nowhere.pth" in capsys.readouterr().err


def test_the_parser_needs_no_torch():
    import subprocess

    code = (
        "import sys; from lama.__main__ import _parser; _parser(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
