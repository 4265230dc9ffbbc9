import cv2
import numpy as np
import pytest

from lama.groups import hole_groups
from lama.inference import Inpainter
from lama.sections import LENGTH, LONGEST, THICK, sections, thickness

SHAPE = (1301, 2903)


def wire(shape, *points, thick=9) -> np.ndarray:
    lines = np.array(points, np.int32)
    return cv2.polylines(np.zeros(shape, np.uint8), [lines], False, 1, thick) > 0


def cut(mask: np.ndarray) -> list:
    return [part for group in hole_groups(mask) for part in sections(group, mask.shape)]


@pytest.mark.parametrize(
    "points",
    [
        [(3, 700), (2899, 650)],
        [(400, 0), (420, 1300)],
        [(0, 0), (2902, 1300)],
        [(100, 900), (1500, 200), (2800, 1000), (900, 1100)],
        [(10, 10), (2890, 10), (2890, 1290), (10, 1290), (10, 10)],
    ],
    ids=["across", "down", "diagonal", "there and back", "frame"],
)
def test_pieces_are_short_and_have_every_pixel_once(points):
    mask = wire(SHAPE, *points)
    mask |= wire(SHAPE, (700, 640), (760, 690), thick=30)
    parts = cut(mask)
    assert len(parts) > 2
    times = np.zeros(SHAPE, int)
    for part in parts:
        times[part.crop.slices] += part.hole
        assert max(part.hole.shape) < LONGEST
        ys, xs = np.nonzero(part.hole)
        assert max(np.ptp(ys), np.ptp(xs)) < LENGTH
        # There is something known on every side that the photo goes on.
        top, left, bottom, right = ys.min(), xs.min(), ys.max(), xs.max()
        assert part.crop.top == 0 or top >= 96
        assert part.crop.left == 0 or left >= 96
        assert part.crop.bottom == SHAPE[0] or part.hole.shape[0] - 1 - bottom >= 96
        assert part.crop.right == SHAPE[1] or part.hole.shape[1] - 1 - right >= 96
    assert np.array_equal(times, mask.astype(int))


def test_thicker_holes_have_more_around_them():
    thin, thicker = (cut(wire(SHAPE, (0, 600), (2900, 600), thick=t)) for t in (9, 61))
    assert max(p.hole.shape[0] for p in thin) < min(p.hole.shape[0] for p in thicker)


@pytest.mark.parametrize("thick", [THICK + 9, 400])
def test_thick_holes_are_seen_whole(thick):
    assert len(cut(wire(SHAPE, (600, 640), (2400, 640), thick=thick))) == 1


def test_small_crops_are_not_cut():
    mask = wire((900, 1000), (0, 0), (999, 899))
    assert len(cut(mask)) == 1
    assert len(cut(np.pad(mask, ((0, 0), (0, 101))))) > 1


def test_thickness_is_the_diameter_of_the_largest_disc_within():
    assert thickness(np.ones((11, 31), bool)) == pytest.approx(11, abs=1)
    assert thickness(wire((200, 200), (10, 20), (180, 170), thick=15)) == pytest.approx(15, abs=2)


def test_a_wire_is_filled_at_the_photos_own_scale_from_end_to_end(small_unet, rng, monkeypatch):
    inpainter = Inpainter(small_unet, name="small", precision="fp32")
    image = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    mask = wire(SHAPE, (0, 600), (2902, 690))
    seen = []
    original = inpainter._fill_tensor

    def spy(picture, hole, **options):
        seen.append((picture.shape[-2:], int(hole.sum())))
        return original(picture, hole, **options)

    monkeypatch.setattr(inpainter, "_fill_tensor", spy)
    shares = []
    result = inpainter(image, mask, progress=shares.append)
    parts = cut(mask)
    assert [size for size, _ in seen] == [part.hole.shape for part in parts]
    # What was filled before is known to the next: each hole is as large as what is still to do.
    left = mask.copy()
    for part, (_, pixels) in zip(parts, seen, strict=True):
        assert pixels == left[part.crop.slices].sum()
        left[part.crop.slices] &= ~part.hole
    assert np.array_equal(result[~mask], image[~mask])
    assert shares == sorted(shares)
    assert len(shares) == len(parts)
    assert shares[-1] == 1
    quick = inpainter(image, mask, quality="quick")
    assert len(seen) == len(parts) + 1, "a quick look is one look"
    assert not np.array_equal(quick, result)
