"""Saved masks as holes: fitted to the crop, approved ones only, the same for the same seed."""

import cv2
import numpy as np
import pytest
from PIL import Image

import masks
from lama.training.logged import LoggedMasks, fit_mask, load_masks
from space.store import Store
from tests.lama.training.toy import crops, photos_in
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission


def png(mask):
    return cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()


@pytest.fixture
def bar():
    """A hole as wide as the picture is not high, near the left edge."""
    mask = np.zeros((50, 131), bool)
    mask[20:26, 0:90] = True
    return mask


@pytest.fixture
def saved(tmp_path):
    """A store with five masks: two approved, one rejected, two that wait."""
    store = Store.open(tmp_path / "data")
    ids = [store.save(make_submission(i)).record_id for i in range(5)]
    for record, status in zip(ids, ("approved", "rejected", "approved"), strict=False):
        set_status(store, record, status)
    yield store
    store.close()


@pytest.mark.parametrize("crop", [33, 64, 200])
def test_a_hole_fits_any_crop(bar, crop, rng):
    for _ in range(30):
        fitted = fit_mask(bar, crop, rng)
        assert fitted.shape == (crop, crop)
        assert fitted.dtype == bool
        rows, columns = np.flatnonzero(fitted.any(1)), np.flatnonzero(fitted.any(0))
        # The window is 1.25 to 3 times the hole's longer extent, cut at the picture's longer side.
        assert crop / 3 - 2 <= np.ptp(columns) + 1 <= crop / 1.25 + 2
        assert np.ptp(rows) < np.ptp(columns) / 5


def test_a_hole_at_the_edge_stays_there_and_is_mirrored_half_the_time(rng):
    corner = np.zeros((300, 400), bool)
    corner[100:160, :70] = True
    sides = [fit_mask(corner, 60, rng)[:, [0, -1]].any(0) for _ in range(60)]
    assert all(left != right for left, right in sides)
    assert 15 < sum(left for left, _ in sides) < 45


def test_thin_strokes_survive_being_scaled_down(rng):
    mask = np.zeros((900, 1201), bool)
    mask[:, 500:504] = True
    for _ in range(10):
        assert fit_mask(mask, 128, rng).any(1).mean() > 0.4


def test_tiny_and_huge_holes_are_not_drawn(rng):
    dot, all_of_it = np.zeros((40, 40), bool), np.ones((41, 41), bool)
    dot[7, 7] = True
    assert LoggedMasks([png(all_of_it)]).draw(32, rng) is None
    assert 0.002 < LoggedMasks([png(dot)]).draw(32, rng).mean() < 0.75
    assert LoggedMasks([b"no picture"]).draw(32, rng) is None


def test_approved_masks_alone_are_used(saved):
    logged = load_masks(str(saved.dataset_dir))
    assert len(logged) == 2
    wanted = [make_submission(i).mask for i in (0, 2)]
    for index in range(2):
        assert any(np.array_equal(logged.read(index), mask) for mask in wanted)
    assert len(load_masks(str(saved.dataset_dir.parent))) == 2  # the data directory itself


def test_a_dataset_without_status_gives_all_of_its_masks(tmp_path, rng):
    for i in range(3):
        Image.fromarray((rng.random((20, 31)) < 0.5).astype(np.uint8) * 255).save(
            tmp_path / f"{i}.png"
        )
    lines = "\n".join(f'{{"mask_file_name": "{i}.png"}}' for i in range(3))
    (tmp_path / "metadata.jsonl").write_text(lines)
    assert len(load_masks(str(tmp_path))) == 3


def folder_of(masks, folder):
    for i, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / f"{i}.png")
    names = (f'{{"mask_file_name": "{i}.png"}}' for i in range(len(masks)))
    (folder / "metadata.jsonl").write_text("\n".join(names))
    return str(folder)


def test_masks_that_cannot_be_used_are_counted_out(tmp_path, bar, caplog):
    empty, ones, clear = np.zeros(bar.shape, np.uint8), bar.astype(np.uint8), np.zeros((9, 9, 4))
    clear[2:5, 2:5, 3] = 255  # black on clear
    logged = load_masks(folder_of([empty, ones, clear.astype(np.uint8), empty + 255], tmp_path))
    assert len(logged) == 2
    assert np.array_equal(logged.read(0), bar)
    assert logged.read(1).sum() == 9
    assert "2 of the 4 masks" in caplog.text


def test_a_dataset_without_any_hole_is_refused(tmp_path):
    nothing = np.zeros((20, 30), np.uint8)
    with pytest.raises(ValueError, match="none of the 2 masks of .* can be used: a mask is black"):
        load_masks(folder_of([nothing, nothing + 255], tmp_path))


def test_nothing_approved_is_said(tmp_path):
    store = Store.open(tmp_path / "data")
    with pytest.raises(ValueError, match="no approved mask \\(it is empty\\)"):
        load_masks(str(store.dataset_dir))
    store.save(make_submission(1))
    with pytest.raises(ValueError, match="no approved mask \\(1 pending\\)"):
        load_masks(str(store.dataset_dir))
    store.close()


def test_bad_datasets_are_said(tmp_path, rng):
    with pytest.raises(ValueError, match="does not exist"):
        load_masks(str(tmp_path / "nowhere"))
    Image.fromarray(rng.integers(0, 255, (8, 9, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="no column `mask`; it has image"):
        load_masks(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="cannot be read"):
        load_masks(str(tmp_path / "empty"))


def test_samples_mix_saved_and_generated_holes(tmp_path, bar, rng):
    Image.fromarray(rng.integers(0, 256, (80, 90, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    photos, logged = photos_in(tmp_path), LoggedMasks([png(bar)])

    def nothing(image, _rng):
        return np.zeros(image.shape[:2], bool)

    def holes(share):
        given = {"crop": 32, "seed": 3, "stop": 60, "logged": logged, "masks_share": share}
        samples = crops(photos, nothing, **given)
        return sum(bool(samples[i][1].any()) for i in range(60))

    assert holes(0) == 0
    assert holes(1) == 60
    assert 18 < holes(0.5) < 42
    assert holes(0.5) == holes(0.5)
    with pytest.raises(ValueError, match="share from 0 to 1"):
        holes(1.5)


def test_without_saved_masks_samples_are_what_they_were(tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (80, 90, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    photos, strategy = photos_in(tmp_path), masks.get("training")
    plain = crops(photos, strategy, crop=32, stop=4)[3]
    other = crops(photos, strategy, crop=32, stop=4, masks_share=0.9)[3]
    assert all((a == b).all() for a, b in zip(plain[:2], other[:2], strict=True))
