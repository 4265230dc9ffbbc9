"""Masks of a folder on pictures of other sizes: cut, shrunk and mirrored."""

import cv2
import numpy as np
import pytest

import masks


@pytest.mark.parametrize("slope", [0.0, 0.13, 0.5, 1.0])
def test_thin_lines_survive_a_smaller_picture(tmp_path, slope):
    mask = np.zeros((800, 1203), np.uint8)
    cv2.line(mask, (11, 41), (1101, 41 + int(690 * slope)), 255, 1)
    cv2.imwrite(str(tmp_path / "a.png"), mask)
    drawn = masks.get(f"folder:{tmp_path}", flip=0)(
        np.zeros((100, 151, 3), np.uint8), np.random.default_rng(0)
    )
    assert masks.describe(drawn).components == 1
    assert masks.describe(drawn).bounding_box.width > 130


def test_a_thick_hole_keeps_its_area_on_a_smaller_picture(tmp_path):
    mask = np.zeros((803, 803), np.uint8)
    cv2.circle(mask, (380, 400), 250, 255, -1)
    cv2.imwrite(str(tmp_path / "a.png"), mask)
    image = np.zeros((101, 101, 3), np.uint8)
    drawn = masks.get(f"folder:{tmp_path}")(image, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx((mask > 0).mean(), rel=0.02)


def test_the_cut_shows_the_hole(tmp_path):
    mask = np.zeros((60, 900), np.uint8)
    mask[20:40, 3:9] = mask[20:40, 890:895] = 255
    cv2.imwrite(str(tmp_path / "a.png"), mask)
    strategy, rng = masks.get(f"folder:{tmp_path}"), np.random.default_rng(0)
    drawn = [strategy(np.zeros((61, 35, 3), np.uint8), rng) for _ in range(30)]
    assert min(masks.describe(one).bounding_box.height for one in drawn) > 15


def test_every_other_mask_is_mirrored(tmp_path):
    mask = np.zeros((64, 64), np.uint8)
    mask[10:40, 5:20] = 255
    cv2.imwrite(str(tmp_path / "a.png"), mask)
    image, rng = np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0)
    strategy = masks.get(f"folder:{tmp_path}")
    drawn = [strategy(image, rng) for _ in range(40)]
    mirrored = [np.array_equal(one, mask[:, ::-1] > 0) for one in drawn]
    assert all(
        np.array_equal(one, mask > 0) for one, m in zip(drawn, mirrored, strict=True) if not m
    )
    assert 10 < sum(mirrored) < 30
