"""What a step makes of the run's options: rates, averages, and what the discriminator is shown."""

from dataclasses import replace

import pytest
import torch

from lama.training import loop
from lama.training import step as phases
from lama.training.loop import one_step
from lama.training.losses import Grid
from lama.training.run import Run
from tests.lama.training.toy import TOY, draw_photos, photos_in

JOINED = replace(TOY, adversarial_from=0)  # the discriminator is there from the first step


@pytest.fixture
def start(tmp_path):
    """Makes a run with other options than the toy's, and its first batch."""
    draw_photos(tmp_path / "photos")

    def start(**changes):
        run = Run(replace(JOINED, **changes), tmp_path, photos_in(tmp_path / "photos"))
        return run, next(run.batches())

    return start


@pytest.fixture
def shown(monkeypatch):
    """A list of (scale, grid, loss), one for each look of the discriminator in its own step."""
    looks, phase = [], loop.discriminator_phase

    def watched(discriminator, scale, grid=None, r1=False):
        loss, stats = phase(discriminator, scale, grid, r1)
        looks.append((scale, grid, loss.item()))
        return loss, stats

    monkeypatch.setattr(loop, "discriminator_phase", watched)
    return looks


@pytest.mark.parametrize(
    ("step", "share"),
    [
        (0, 1 / 4),  # the first of four steps up
        (3, 0.1 + 0.9 * 0.8535534),  # all the way up; (1 + cos 45°) / 2
        (6, 0.55),  # half-way between all and a tenth
        (11, 0.1 + 0.9 * 0.0170371),  # (1 + cos 165°) / 2
    ],
)
def test_rates_rise_and_fall_for_both_networks(start, step, share):
    run, batch = start(steps=12, warmup=4, lr_final=0.1, lr=2e-3, lr_discriminator=5e-4)
    taken = {}
    for name, optimizer in (("generator", run.optimizer), ("discriminator", run.optimizer_d)):

        def note(optimizer, *_, name=name):
            taken[name] = [group["lr"] for group in optimizer.param_groups]

        optimizer.register_step_pre_hook(note)
    run.step = step
    one_step(run, batch)
    assert taken == {
        "generator": [pytest.approx(2e-3 * share, rel=1e-5)],
        "discriminator": [pytest.approx(5e-4 * share, rel=1e-5)],
    }


def test_rates_stay_as_they_are_where_neither_is_asked_for(start):
    run, batch = start(steps=12, warmup=0, lr_final=1.0, lr=2e-3)
    for step in (0, 11):
        run.step = step
        one_step(run, batch)
        assert run.optimizer.param_groups[0]["lr"] == pytest.approx(2e-3)


def test_the_average_forgets_its_first_weights_soon_and_then_as_slowly_as_asked(start):
    run, batch = start(ema=0.2)
    after = []
    for _ in range(3):
        one_step(run, batch)
        after.append({k: v.clone() for k, v in run.generator.state_dict().items()})
    found = run.best_generator.state_dict()
    for name, value in found.items():
        if value.is_floating_point():
            first, second, third = (weights[name] for weights in after)
            wanted = first  # the first update copies
            wanted = 2 / 11 * wanted + 9 / 11 * second  # (1 + 1) / (10 + 1) is below 0.2
            wanted = 0.2 * wanted + 0.8 * third  # (1 + 2) / (10 + 2) is above it
            torch.testing.assert_close(value, wanted, rtol=1e-5, atol=1e-7)
    moved = [k for k in found if not torch.allclose(found[k].float(), after[2][k].float())]
    assert len(moved) > len(found) / 3, "weights hardly moved, so that this shows nothing"


@pytest.mark.parametrize(("labels", "grid"), [("centred", Grid(4, -5.5)), ("nearest", None)])
def test_patches_are_labelled_as_asked(start, shown, labels, grid):
    run, batch = start(patch_labels=labels)
    one_step(run, batch)
    assert [given for _, given, _ in shown] == [grid]


def test_the_discriminator_learns_from_every_size_by_its_weight(start, shown, monkeypatch):
    monkeypatch.setattr(phases, "SMALLEST", 12)
    run, batch = start(
        crop=48,
        generator=replace(TOY.generator, base=12),
        weights=replace(TOY.weights, halves=0.5, r1=0),
    )
    totals, descend = [], loop._descend

    def watched(run, loss, module, *rest):
        if module is run.discriminator:
            totals.append(loss.item())
        descend(run, loss, module, *rest)

    monkeypatch.setattr(loop, "_descend", watched)
    one_step(run, batch)
    for part in (lambda s: s.real.picture, lambda s: s.fake.picture, lambda s: s.mask):
        assert [tuple(part(s).shape[-2:]) for s, *_ in shown] == [(48, 48), (24, 24), (12, 12)]
    assert [s.weight for s, *_ in shown] == [1, 0.5, 0.25]
    losses = [loss for *_, loss in shown]
    assert totals == [pytest.approx(losses[0] + 0.5 * losses[1] + 0.25 * losses[2], rel=1e-5)]


@pytest.mark.parametrize(("step", "top", "left"), [(0, 0, 0), (5, 2, 1), (6, 0, 2)])
def test_the_losses_see_the_cut_of_the_step(start, shown, step, top, left):
    run, batch = start(shifts=3)
    whole = []
    run.generator.register_forward_hook(lambda _module, _given, made: whole.append(made.detach()))
    run.step = step
    one_step(run, batch)
    [(scale, *_)], [made] = shown, whole
    rows, columns = slice(top, top + 30), slice(left, left + 30)
    assert batch.image.shape[-2:] == (32, 32)
    assert torch.equal(scale.real.picture, batch.image[..., rows, columns])
    assert torch.equal(scale.mask, batch.mask[..., rows, columns])
    assert torch.equal(scale.fake.picture, made[..., rows, columns])
