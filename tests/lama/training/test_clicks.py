"""Training the selection network: what it is shown fits the question, and it learns."""

import signal

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lama.selection.clicks import Clicks, unpacked
from lama.selection.u2net import U2NetP
from lama.training import clicks
from masks.selection import Prompt


def bank():
    rng = np.random.default_rng(0)
    found = []
    for k in range(4):
        image = rng.integers(0, 90, (80 + k, 101, 3), dtype=np.uint8)
        mask = np.zeros(image.shape[:2], bool)
        mask[20 + k : 60, 30 : 70 - 5 * k] = True
        image[mask] = (220, 200 - 40 * k, 60)
        found.append((image, mask))
    return found


def test_samples_show_the_object_that_is_asked_for():
    rng = np.random.default_rng(1)
    clicked = []
    for _ in range(60):
        inputs, truth = clicks.sample(bank(), 64, rng)
        assert inputs.shape == (6, 64, 64)
        assert set(np.unique(truth)) <= {0.0, 1.0}
        if inputs[3].max() > 0.9 and inputs[4].max() == 0:
            row, column = np.unravel_index(inputs[3].argmax(), (64, 64))
            clicked.append(truth[row, column])
        elif inputs[5].any() and inputs[3].max() == 0:
            assert truth[inputs[5] > 0].sum() > 0.6 * truth.sum()
    assert len(clicked) > 10
    assert np.mean(clicked) > 0.85


def test_the_student_starts_as_its_teacher():
    torch.manual_seed(0)
    teacher = U2NetP().eval()
    student = clicks.student(teacher).eval()
    picture = torch.randn(1, 3, 48, 48)
    with torch.no_grad():
        blank = torch.cat([picture, torch.zeros(1, 3, 48, 48)], 1)
        assert torch.allclose(student(blank), teacher(picture), atol=1e-4)


def test_the_loss_is_nothing_for_the_truth():
    truth = (torch.rand(2, 9, 11) > 0.5).float()
    assert clicks.loss((truth - 0.5) * 60, truth) < 1e-3
    assert clicks.loss((0.5 - truth) * 60, truth) > 5


def test_two_steps_change_the_weights():
    torch.manual_seed(0)
    teacher = U2NetP().eval()
    trained, done = clicks.train(bank(), teacher, 2)
    assert done == 2
    torch.manual_seed(0)
    start = list(clicks.student(teacher).parameters())
    assert all(torch.isfinite(p).all() for p in trained)
    changed = [not torch.equal(a, b) for a, b in zip(trained, start, strict=True)]
    assert sum(changed) > 0.9 * len(changed)


def test_what_is_pasted_covers_what_lies_below():
    rng = np.random.default_rng(3)
    for _ in range(30):
        _, found = clicks.scene(bank(), rng)
        assert np.sum(found, axis=0).max() <= 1


@pytest.fixture
def teacher(tmp_path):
    """A teacher's file, and a folder of two photos, one of them broken."""
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), bank()[0][0])
    (tmp_path / "photos" / "b.png").write_bytes(b"no picture")
    arrays = [p.detach().contiguous() for p in U2NetP().parameters()]
    save_file({f"{i:03d}": a for i, a in enumerate(arrays)}, tmp_path / "teacher.safetensors")
    return tmp_path / "teacher.safetensors"


def arguments(teacher, steps=1):
    output = teacher.parent / "new" / "clicks.safetensors"
    given = [str(teacher.parent / "photos"), "--teacher", str(teacher), "--output", str(output)]
    return output, [*given, "--steps", str(steps)]


def bright(image, _):
    """In place of the teacher's mask: what is not dark."""
    mask = image.max(2) > 100
    return mask if 0.02 < mask.mean() < 0.9 else None


def test_the_program_writes_what_the_select_tool_reads(teacher, monkeypatch):
    monkeypatch.setattr(clicks, "sure_mask", bright)
    output, given = arguments(teacher)
    assert clicks.main(given) == 0
    image, mask = bank()[0]
    found = Clicks(output).select(image, Prompt(points=((45.0, 40.0),)))
    assert found.shape == mask.shape
    assert [path.name for path in output.parent.iterdir()] == [output.name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_the_weights_so_far(teacher, monkeypatch, caplog, number):
    output, given = arguments(teacher, steps=9)
    output.parent.mkdir()
    output.write_bytes(b"of an earlier run")
    sample, calls = clicks.sample, []

    def interrupted(*a):
        calls.append(a)
        if len(calls) == clicks.BATCH + 1:  # in the second step
            signal.raise_signal(number)
        return sample(*a)

    monkeypatch.setattr(clicks, "sure_mask", bright)
    monkeypatch.setattr(clicks, "sample", interrupted)
    assert clicks.main(given) == 1
    assert "stopped after 2 steps" in caplog.text
    assert output.read_bytes() == b"of an earlier run"
    Clicks(output.with_name("unfinished-clicks.safetensors")).network  # noqa: B018 - reads it


def test_numbers_that_go_wrong_end_the_run_and_leave_good_weights(teacher, monkeypatch, caplog):
    output, given = arguments(teacher, steps=9)
    loss, calls = clicks.loss, []

    def diverging(*a):
        calls.append(a)
        return loss(*a) * (float("nan") if len(calls) == 3 else 1)

    monkeypatch.setattr(clicks, "sure_mask", bright)
    monkeypatch.setattr(clicks, "loss", diverging)
    monkeypatch.setattr(clicks, "SAVE_EVERY", 1)
    assert clicks.main(given) == 1
    assert len(calls) == 3
    assert "the loss is nan, its gradient nan" in caplog.text
    assert not output.exists()
    kept = unpacked(load_file(output.with_name("unfinished-clicks.safetensors")))
    assert all(torch.isfinite(x).all() for x in kept)


def test_bad_input_is_said_in_one_line_before_anything_runs(teacher, monkeypatch, capsys):
    def said(*given):
        with pytest.raises(SystemExit) as left:
            clicks.main(given)
        assert left.value.code == 2
        [only] = capsys.readouterr().err.splitlines()
        return only

    monkeypatch.setattr(clicks, "objects", lambda *_: pytest.fail("this is work"))
    _, given = arguments(teacher)
    assert "--steps: a whole number, 1 or more, not '0'" in said(*given, "--steps", "0")
    other = teacher.with_name("other.safetensors")
    save_file({"a": torch.zeros(2)}, other)
    assert f"--teacher {other}: these are not the weights" in said(*given, "--teacher", str(other))
    other.write_bytes(b"nothing of the kind")
    assert f"--teacher {other}: " in said(*given, "--teacher", str(other))
    assert "gone" in said(*given, "--teacher", "gone")
    assert "nowhere has no photos" in said("nowhere", *given[1:])


def test_a_teacher_that_is_sure_of_nothing_is_said(teacher, monkeypatch, capsys):
    monkeypatch.setattr(clicks, "sure_mask", lambda *_: None)
    with pytest.raises(SystemExit) as left:
        clicks.main(arguments(teacher)[1])
    assert left.value.code == 2
    assert "sure of no object in 2 photos" in capsys.readouterr().err


def test_what_the_teacher_is_unsure_of_is_left_out(monkeypatch):
    image = bank()[0][0]
    for chance, kept in ((0.99, True), (0.6, False)):
        logits = torch.full((1, 1, clicks.LOOK, clicks.LOOK), -9.0)
        logits[..., 60:160, 60:160] = float(np.log(chance / (1 - chance)))
        found = clicks.sure_mask(image, lambda _, logits=logits: logits)
        assert (found is not None) == kept
