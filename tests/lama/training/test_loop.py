"""A run at toy size: it learns, it resumes to the same weights, it stops on NaN."""

import json
import math
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import lama
import masks
from lama.checkpoint import read_checkpoint
from lama.config import UNetConfig
from lama.training import loop
from lama.training.config import LossWeights, from_json, to_json
from lama.training.loop import Run, TrainingError, one_step, train
from lama.training.validation import Validation
from tests.lama.training.toy import TOY, draw_photos, photos_in, pictures


@pytest.fixture
def photos(tmp_path):
    draw_photos(tmp_path / "photos")
    return photos_in(tmp_path / "photos")


def run_in(folder, photos, config=TOY, **options):
    return Run(config, folder, photos, **options)


def test_the_run_folder_explains_itself(tmp_path, photos):
    watched = Validation(pictures(photos, 3), masks.get("thick"), 64)
    run = run_in(tmp_path / "run", photos, validation=watched)
    train(run, save_every=6, log_every=3)
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert {"options.json", "stats.jsonl", "state.pt", "generator.safetensors", "samples"} <= names
    assert from_json(json.loads((tmp_path / "run/options.json").read_text())) == TOY
    lines = [json.loads(line) for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [3, 6, 9, 12]
    assert "discriminator" not in lines[0]
    assert lines[-2]["r1"] >= 0
    assert {"val_l1", "val_lpips"} <= set(lines[-1])
    assert lama.load(tmp_path / "run/generator.safetensors").generator.config == TOY.generator


def test_the_best_weights_so_far_are_kept(tmp_path, photos):
    class Watched:
        found = iter([0.4, 0.3, 0.35, 0.3, 0.2])

        def measure(self, _generator, _sheet):
            return {"val_lpips": next(self.found)}

    kept = []
    for steps in (1, 2, 3, 4, 5):  # each goes on with the run
        run = run_in(tmp_path, photos, replace(TOY, steps=steps), validation=Watched())
        run.resume()
        train(run)
        kept.append(int(read_checkpoint(tmp_path / "best.safetensors")[2]["step"]))
    assert kept == [1, 2, 2, 2, 5]


def test_a_resumed_run_ends_in_the_same_weights(tmp_path, photos):
    whole = run_in(tmp_path / "whole", photos)
    train(whole, save_every=100)
    part = run_in(tmp_path / "part", photos, replace(TOY, steps=7))
    part.config = TOY  # the schedule of the whole run
    for _ in train_until(part, 7):
        pass
    again = run_in(tmp_path / "part", photos)
    assert again.resume()
    assert again.step == 7
    train(again, save_every=100)
    for key, value in whole.generator.state_dict().items():
        torch.testing.assert_close(again.generator.state_dict()[key], value, rtol=0, atol=1e-6)
    for key, value in whole.best_generator.state_dict().items():
        torch.testing.assert_close(again.best_generator.state_dict()[key], value, rtol=0, atol=1e-6)


def train_until(run, step):
    """Train, save at `step` and stop there, as a killed run would leave it."""
    original = run.batches

    def some():
        for batch in original():
            if run.step == step:
                run.save()
                return
            yield batch

    run.batches = some
    train(run, save_every=10_000)
    yield run


def test_training_lowers_the_loss(tmp_path, rng):
    """One small photo with one hole can be learnt by heart."""
    Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((32, 32)).save(
        tmp_path / "a.png"
    )

    def middle(image, _rng):
        mask = np.zeros(image.shape[:2], bool)
        mask[8:24, 10:22] = True
        return mask

    plain = LossWeights(0, 1, 0, 0, 0, 0)
    config = replace(TOY, steps=80, weights=plain, lr=1e-2)
    run = Run(config, tmp_path, photos_in(tmp_path))
    run.strategy = middle
    train(run, save_every=100, log_every=10)
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert lines[-1]["hole_l1"] < 0.7 * lines[0]["hole_l1"]


def test_the_average_is_whole_on_the_device_of_the_run(tmp_path, photos):
    """NCCL copies nothing that lies elsewhere, and every process gets all of the average."""
    run = run_in(tmp_path, photos)
    run.accelerator = SimpleNamespace(device=torch.device("meta"))
    run.generator.to("meta")
    average = run._averaged()
    assert {name for name, x in average.state_dict().items() if x.device.type != "meta"} == set()
    assert "n_averaged" in average.state_dict()


def test_states_of_any_number_of_gpus_are_resumed(tmp_path, photos, monkeypatch):
    train(run_in(tmp_path, photos, replace(TOY, steps=1)))
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["random"].keys() == {"cpu"}
    state["random"]["cuda"] = [torch.get_rng_state()] * 3  # as older states have them
    torch.save(state, tmp_path / "state.pt")
    run = run_in(tmp_path, photos)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert run.resume()
    assert run.step == 1


def test_nan_stops_and_keeps_the_last_good_checkpoint(tmp_path, photos):
    run = run_in(tmp_path, photos, replace(TOY, steps=6))
    train(run)
    good = (tmp_path / "generator.safetensors").read_bytes()
    run = run_in(tmp_path, photos, replace(TOY, steps=9))
    run.resume()
    next(run.generator.parameters()).data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="loss is nan and its gradient nan at step 6"):
        train(run)
    assert (tmp_path / "generator.safetensors").read_bytes() == good


def test_runs_of_two_precisions_in_one_process(tmp_path, photos):
    wide = run_in(tmp_path / "a", photos, replace(TOY, steps=1))
    reduced = run_in(tmp_path / "b", photos, replace(TOY, steps=1, mixed_precision="bf16"))
    batch = next(wide.batches())
    a, b = one_step(wide, batch), one_step(reduced, batch)
    assert a["hole_l1"] != b["hole_l1"]
    assert a["hole_l1"] == pytest.approx(b["hole_l1"], rel=0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_a_run_and_are_then_what_they_were(tmp_path, photos, number):
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    run = run_in(tmp_path, photos)
    original = run.batches

    def some():
        for batch in original():
            if run.step == 2:
                signal.raise_signal(number)
            yield batch

    run.batches = some
    assert train(run)
    assert run.step == 3
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before
    again = run_in(tmp_path, photos, replace(TOY, steps=4))
    assert again.resume()
    assert not train(again)
    with pytest.raises(ValueError, match="has done 4 steps, 3 are asked for"):
        run_in(tmp_path, photos, replace(TOY, steps=3)).resume()


def test_a_signal_at_the_very_end_is_told_too(tmp_path, photos):
    class Watched:
        def measure(self, _generator, _sheet):
            signal.raise_signal(signal.SIGTERM)
            return {"val_lpips": 0.0}

    run = run_in(tmp_path, photos, replace(TOY, steps=2), validation=Watched())
    assert train(run)
    assert run.step == 2


def test_where_the_perceptual_network_lies_is_not_in_the_checkpoint(tmp_path, photos):
    run = run_in(tmp_path, photos, replace(TOY, steps=1, perceptual="/home/me/encoder.pth"))
    train(run)
    meta = read_checkpoint(tmp_path / "generator.safetensors")[2]
    assert meta["training"]["perceptual"] == "encoder.pth"
    assert json.loads((tmp_path / "options.json").read_text())["perceptual"][0] == "/"


def test_weights_of_another_shape_are_refused(tmp_path, photos):
    train(run_in(tmp_path / "a", photos, replace(TOY, steps=1)))
    other = run_in(tmp_path / "b", photos, replace(TOY, generator=UNetConfig(width=16, n_blocks=1)))
    with pytest.raises(ValueError, match="the run wants"):
        other.start_from(tmp_path / "a" / "generator.safetensors")


def test_a_generator_that_copies_may_start_from_one_that_does_not(tmp_path, photos):
    plain = run_in(tmp_path / "a", photos, replace(TOY, steps=1))
    train(plain)
    weights = tmp_path / "a" / "generator.safetensors"
    copies = replace(TOY, steps=1, generator=replace(TOY.generator, copies=True))
    run = run_in(tmp_path / "b", photos, copies)
    run.start_from(weights)
    before, after = plain.best_generator.state_dict(), run.generator.state_dict()
    name = "enter.1.weight"
    assert torch.equal(after[name][:, :16], before[name])
    assert not after[name][:, 16:].any()
    assert math.isfinite(one_step(run, next(run.batches()))["loss"])
    wider = replace(TOY, generator=replace(TOY.generator, width=16, copies=True))
    other = run_in(tmp_path / "c", photos, wider)
    with pytest.raises(ValueError, match="the run wants"):
        other.start_from(weights)


def test_a_run_with_a_projected_discriminator_goes_on_where_it_was(tmp_path, photos):
    weights = replace(TOY.weights, adversarial=1, feature_matching=0, r1=0)
    toy = replace(TOY, weights=weights, discriminator="projected", shifts=3, adversarial_from=0)
    train(run_in(tmp_path / "whole", photos, replace(toy, steps=4)), save_every=2)
    first = run_in(tmp_path / "parts", photos, replace(toy, steps=4))
    for batch in first.batches():
        assert "logits_hole" in one_step(first, batch)
        if first.step == 2:
            break
    first.save()
    second = run_in(tmp_path / "parts", photos, replace(toy, steps=4))
    assert second.resume()
    train(second, save_every=2)
    whole, parts = (lama.load(tmp_path / d / "generator.safetensors") for d in ("whole", "parts"))
    for a, b in zip(whole.generator.parameters(), parts.generator.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dilated", [False, True])
def test_a_projected_discriminator_looks_through_the_perceptual_network_if_that_fits(
    tmp_path, photos, dilated
):
    weights = replace(TOY.weights, perceptual=1)
    toy = replace(TOY, weights=weights, discriminator="projected", dilated=dilated)
    run = run_in(tmp_path, photos, toy)
    assert (run.discriminator.network is run.perceptual) is not dilated
    maps = run.discriminator.network.features(torch.zeros(1, 3, 64, 64))
    assert [x.shape[-1] for x in maps] == [32, 16, 8, 4]


def test_weights_at_the_start_do_not_depend_on_the_perceptual_network(tmp_path, photos):
    starts = []
    for i, changes in enumerate(({"dilated": False}, {"dilated": True})):
        toy = replace(TOY, weights=replace(TOY.weights, perceptual=1), **changes)
        starts.append(run_in(tmp_path / str(i), photos, toy).discriminator.state_dict())
    torch.testing.assert_close(starts[0], starts[1], rtol=0, atol=0)


def test_both_networks_gradients_are_clipped_unless_a_preset_says_otherwise(
    tmp_path, photos, monkeypatch
):
    limits = []
    clip = torch.nn.utils.clip_grad_norm_

    def noted(parameters, limit):
        limits.append(limit)
        return clip(parameters, limit)

    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", noted)
    for discriminator in (0.5, None):
        toy = replace(TOY, steps=1, adversarial_from=0, clip_discriminator=discriminator)
        train(run_in(tmp_path / str(discriminator), photos, toy))
    assert limits == [1.0, 0.5, 1.0, math.inf]
    old = to_json(TOY)
    del old["clip_discriminator"]
    assert from_json(old).clip_discriminator is None


def test_gradients_do_not_depend_on_what_a_launcher_set_up(tmp_path, photos, monkeypatch):
    toy, norms = replace(TOY, steps=1), []
    for steps in ("1", "4"):
        monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", steps)
        train(run_in(tmp_path / steps, photos, toy), log_every=1)
        lines = (tmp_path / steps / "stats.jsonl").read_text().splitlines()
        norms.append(json.loads(lines[0])["gradient_norm"])
    assert norms[0] == norms[1]


def test_lines_of_a_run_that_never_saved_are_struck_out(tmp_path, photos):
    (tmp_path / "stats.jsonl").write_text('{"step": 0}\n{"step": 1}\n{"step": 50}\n')
    train(run_in(tmp_path, photos, replace(TOY, steps=2)), log_every=1)
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2]


def test_an_unknown_discriminator_is_refused(tmp_path, photos):
    with pytest.raises(ValueError, match="patch or projected"):
        run_in(tmp_path, photos, replace(TOY, discriminator="wise"))


def test_a_penalty_of_every_third_step_counts_three_times(tmp_path, photos, monkeypatch):
    run = run_in(tmp_path / "run", photos, replace(TOY, r1_every=3, adversarial_from=0, workers=0))
    losses, descend = [], loop._descend

    def watched(run, loss, module, optimizer, clip, stats):
        if module is run.discriminator:
            losses.append((loss.item(), {name: float(x.detach()) for name, x in stats.items()}))
        descend(run, loss, module, optimizer, clip, stats)

    monkeypatch.setattr(loop, "_descend", watched)
    batches = run.batches()
    for _, batch in zip(range(3), batches, strict=False):
        one_step(run, batch)
    batches.close()
    weight = run.config.weights.r1
    assert weight > 0
    assert ["r1" in stats for _, stats in losses] == [True, False, False]
    loss, stats = losses[0]
    assert stats["r1"] > 0
    assert loss == pytest.approx(stats["discriminator"] + 3 * weight * stats["r1"], rel=1e-5)
    assert losses[1][0] == pytest.approx(losses[1][1]["discriminator"], rel=1e-5)
