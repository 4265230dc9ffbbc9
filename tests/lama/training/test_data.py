from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import masks
from lama.exemplar import exemplar_fill
from lama.training.config import PRESETS
from lama.training.data import collate, crop_window, recolour
from lama.training.photos import Picture, find_photos
from tests.lama.training import toy


@pytest.fixture
def folder(tmp_path, rng):
    for i, size in enumerate([(80, 120), (200, 90), (40, 50)]):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(
            tmp_path / f"{i}.png"
        )
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no")
    (tmp_path / "notes.txt").write_text("not a photo")
    return tmp_path


def crops(folder, **options):
    given = {"crop": 64, "zoom": 2.0, "seed": 5, "stop": 40} | options
    return toy.crops(toy.photos_in(folder), masks.get("training"), **given)


def test_samples_have_the_right_form(folder):
    image, mask, _, copied = crops(folder)[0]
    assert copied is None
    assert image.shape == (3, 64, 64)
    assert mask.shape == (1, 64, 64)
    assert 0 <= image.min() < image.max() <= 1
    assert set(mask.unique().tolist()) == {0.0, 1.0}


def test_the_copied_fill_is_made_with_the_sample(folder):
    samples = crops(folder, copier=exemplar_fill)
    batch = collate([samples[0], samples[1]])
    assert torch.equal(batch.copied, exemplar_fill(batch.image, batch.mask))


def test_varied_samples_are_turned_and_change_their_colours(folder):
    plain, varied = crops(folder), crops(folder, varied=1.0)
    changed = 0
    for i in range(8):
        before, after = plain[i].image, varied[i].image
        assert after.shape == before.shape
        # The same numbers at other places: nothing is made up.
        assert torch.equal(after.flatten().sort().values, before.flatten().sort().values)
        changed += not torch.equal(after, before)
    assert changed >= 6
    assert all(torch.equal(crops(folder, varied=0.0)[i].image, plain[i].image) for i in range(8))


def test_a_share_of_the_samples_repeats(folder):
    plain, some = crops(folder), crops(folder, repeats=0.3)
    changed = [not torch.equal(plain[i].image, some[i].image) for i in range(40)]
    assert torch.equal(some[7].image, crops(folder, repeats=0.3, start=7)[0].image)
    assert torch.equal(plain[7].image, crops(folder, repeats=0.0)[7].image)
    walls = crops(folder, repeats=1.0)
    assert not any(torch.equal(plain[i].image, walls[i].image) for i in range(8))
    assert any(changed)


def test_a_sample_depends_on_seed_and_number_alone(folder):
    whole, later = crops(folder), crops(folder, start=30)
    assert len(later) == 10
    for i in range(10):
        for a, b in zip(whole[30 + i][:2], later[i][:2], strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(crops(folder, seed=6)[0][0], whole[0][0])


def test_workers_change_nothing(folder):
    from torch.utils.data import DataLoader

    alone = [b[0] for b in DataLoader(crops(folder, stop=8), batch_size=4, collate_fn=collate)]
    two = DataLoader(crops(folder, stop=8), batch_size=4, num_workers=2, collate_fn=collate)
    helped = [b[0] for b in two]
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_broken_files_are_named_and_another_photo_taken(folder):
    samples = crops(folder)
    broken = [samples[i].broken for i in range(40)]
    assert {Path(name).name for names in broken for name in names} == {"broken.jpg"}
    # One in four photos is broken, and one in four of those taken instead as well.
    assert 10 <= sum(map(len, broken)) <= 20


def test_nothing_but_broken_files_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no")
    with pytest.raises(ValueError, match="ten photos in a row could not be read"):
        crops(tmp_path)[0]


def test_every_photo_comes_once_an_epoch(folder, rng):
    photos = crops(folder).photos
    n = len(photos)
    for epoch in range(3):
        first = [next(photos.candidates(epoch * n + i, 5, rng)) for i in range(n)]
        assert sorted(first) == list(range(n))


@pytest.mark.parametrize("size", [(64, 64), (500, 90), (33, 40)])
@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_crops_are_square_whatever_the_photo(size, zoom, rng):
    for _ in range(20):
        top, left, side = crop_window((*size, 3), 48, zoom, rng)
        assert min(48, *size) <= side <= min(48 * zoom, *size)
        assert 0 <= top <= size[0] - side
        assert 0 <= left <= size[1] - side


@pytest.mark.parametrize("size", [(3000, 4001), (90, 700), (513, 511)])
def test_fine_tuning_looks_at_anything_up_to_the_whole_photo(size, rng):
    tuned = PRESETS["fine-tune"]
    sides = [crop_window((*size, 3), tuned.crop, tuned.zoom, rng)[2] for _ in range(400)]
    assert max(sides) > 0.95 * min(size)
    assert max(sides) <= min(size)
    middle = (min(size) * min(tuned.crop, *size)) ** 0.5
    assert np.median(sides) == pytest.approx(middle, rel=0.25)


def test_no_photos_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no photos below"):
        find_photos([tmp_path])


class Marked:
    """One photo, white in its own mask and black elsewhere."""

    def __init__(self, mask):
        self.mask = mask

    def __len__(self):
        return 1

    def candidates(self, number, seed, rng):
        return iter([0])

    def read(self, index):
        return Picture(np.where(self.mask[..., None], [255] * 3, 0).astype(np.uint8), self.mask)

    def name(self, index):
        return "marked"


@pytest.mark.parametrize("varied", [0.0, 1.0])
def test_a_photos_own_mask_is_mirrored_and_turned_with_it(rng, varied):
    mask = np.kron(rng.random((8, 12)) < 0.4, np.ones((9, 9), bool))
    given = {"crop": 48, "seed": 1, "stop": 24, "masks_share": 1.0, "varied": varied}
    samples = toy.crops(Marked(mask), masks.get("box"), **given)
    for i in range(24):
        assert torch.equal(samples[i].image[0] > 0.5, samples[i].mask[0] > 0)


def test_a_photos_own_mask_that_is_nearly_all_of_it_is_not_the_hole():
    white = Marked(np.ones((72, 96), bool))
    samples = toy.crops(white, masks.get("box"), crop=48, stop=8, masks_share=1.0)
    assert all(samples[i].mask.mean() < 1 for i in range(8))


def test_changed_colours_do_not_wrap_around(rng):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    changed = [recolour(ramp, rng)[0, :, 0].astype(int) for _ in range(40)]
    assert all((np.diff(one) >= 0).all() for one in changed)
    assert 10 < sum(not np.array_equal(one, ramp[0, :, 0]) for one in changed) < 30
