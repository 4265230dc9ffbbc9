"""From flags to a run: presets, changes, weights to start from, and what is refused."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from lama.__main__ import _parser, main
from lama.checkpoint import build, read_checkpoint, save_checkpoint
from lama.config import FourierConfig, UNetConfig
from lama.training.train_command import configure
from space.store import Store
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
    assert configure(options(), None).crop == 256
    assert configure(options("--preset", "lama-tiny-192"), None).crop == 192
    assert not configure(options(), None).freeze_batchnorm
    tuned = configure(options("--masks-from", "d"), toy)
    assert tuned.freeze_batchnorm
    assert tuned.weights.adversarial == tuned.weights.known_l1 == 0
    assert tuned.generator == UNetConfig(width=8, n_blocks=1, detail=4)
    assert not configure(
        options("--masks-from", "d", "--no-freeze-batchnorm"), toy
    ).freeze_batchnorm
    changed = configure(options("--steps", "7", "--lr", "0.5", "--masks-share", "0"), None)
    assert (changed.steps, changed.lr, changed.masks_share) == (7, 0.5, 0)


def test_a_published_generator_is_tuned_with_the_loss_on_known_pixels(tmp_path):
    config = FourierConfig(ngf=8, n_blocks=1)
    save_checkpoint(tmp_path / "f.safetensors", build(config), {})
    tuned = configure(options("--masks-from", "d"), tmp_path / "f.safetensors")
    assert tuned.generator == config
    assert tuned.weights.known_l1 == 10


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--preset", "grand"), "unknown preset 'grand'"),
        (("--masks-from", "d"), "wants weights to start from"),
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


def test_the_parser_needs_no_torch():
    import subprocess

    code = (
        "import sys; from lama.__main__ import _parser; _parser(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
