"""Training the selection network: what it is shown fits the question, and it learns."""

import numpy as np
import torch

from lama.selection.u2net import U2NetP
from lama.training import clicks


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
    trained = clicks.train(bank(), teacher, 2)
    start = clicks.student(teacher)
    assert len(list(trained.parameters())) == len(list(start.parameters()))
    assert all(torch.isfinite(p).all() for p in trained.parameters())
