import numpy as np
import pytest

import masks
from masks import strokes


def values(**changed):
    return {**masks.get("wide").values, **changed}


def spy(monkeypatch):
    lines = []
    monkeypatch.setattr(
        strokes.cv2, "line", lambda canvas, a, b, colour, width: lines.append((a, b, width))
    )
    return lines


def chains_of(lines):
    """Split lines into chains: a chain goes on where the last segment ended."""
    starts = [k for k, (a, _, _) in enumerate(lines) if k == 0 or lines[k - 1][1] != a]
    return [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]


def test_chain_and_segment_counts_are_uniform_and_one_more_chain_can_come(monkeypatch):
    counts, segments = [], []
    for seed in range(1200):
        lines = spy(monkeypatch)
        strokes.paint(1500, 1500, values(), 1.0, np.random.default_rng(seed))
        chains = chains_of(lines)
        counts.append(len(chains))
        segments += [len(chain) for chain in chains]
    shares = np.bincount(counts, minlength=7)[1:] / len(counts)
    assert len(shares) == 6
    assert np.abs(shares - 1 / 6).max() < 0.05
    shares = np.bincount(segments)[1:] / len(segments)
    assert len(shares) == 5
    assert np.abs(shares - 0.2).max() < 0.05


def test_lengths_widths_and_angles_are_the_published_ones(monkeypatch):
    lines = spy(monkeypatch)
    for seed in range(300):
        strokes.paint(9000, 9000, values(), 1.0, np.random.default_rng(seed))
    inner = [(a, b, w) for a, b, w in lines if all(0 < v < 9000 for v in (*a, *b))]
    steps = np.array([np.subtract(b, a) for a, b, _ in inner], float)
    lengths, widths = np.hypot(*steps.T), np.array([w for *_, w in inner])
    assert 8.5 < lengths.min() < 14
    assert 204 < lengths.max() < 210.5
    assert (widths.min(), widths.max()) == (5, 104)
    long = lengths > 60
    angles = np.unique(np.round(np.arctan2(steps[long, 0], steps[long, 1]), 1))
    expected = [0.01 + k for k in range(4)]
    turned = [a if a < np.pi else a - 2 * np.pi for a in (2 * np.pi - e for e in expected)]
    allowed = np.array(expected + turned)
    assert all(np.abs(allowed - angle).min() < 0.07 for angle in angles)
    assert all(np.abs(angles - angle).min() < 0.07 for angle in allowed)


def test_every_other_chain_turns_the_other_way(monkeypatch):
    even, odd = [], []
    for seed in range(200):
        lines = spy(monkeypatch)
        strokes.paint(9000, 9000, values(max_angle=1), 1.0, np.random.default_rng(seed))
        for k, chain in enumerate(chains_of(lines)):
            (odd if k % 2 else even).extend(b[0] - a[0] for a, b, _ in chain)
    assert max(even) <= 0 <= min(odd)  # 2 pi - 0.01 leans to the left, 0.01 to the right
    assert min(even) < 0 < max(odd)


def test_continuous_angles_fill_the_gaps(monkeypatch):
    lines = spy(monkeypatch)
    for seed in range(100):
        settings = values(continuous_angles=1)
        strokes.paint(9000, 9000, settings, 1.0, np.random.default_rng(seed))
    steps = np.array([np.subtract(b, a) for a, b, _ in lines], float)
    assert len(np.unique(np.round(np.arctan2(steps[:, 0], steps[:, 1]), 1))) > 40


@pytest.mark.parametrize("scale", [0.02, 0.1])
def test_tiny_scales_still_paint(scale):
    painted = strokes.paint(16, 40, values(), scale, np.random.default_rng(0))
    assert painted.dtype == np.uint8
    assert set(np.unique(painted)) == {0, 1}


def test_brushes_are_never_wider_than_opencv_draws(monkeypatch):
    lines = spy(monkeypatch)
    for seed in range(20):
        wide = values(max_width=500)
        strokes.paint(64, 64, wide, 20_000 / 256, np.random.default_rng(seed))
    assert max(width for _, _, width in lines) == 32_767
