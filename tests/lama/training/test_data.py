import numpy as np
import pytest
import torch
from PIL import Image

import masks
from lama.training.data import Crops, find_photos, random_crop


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
    return Crops(find_photos([folder]), masks.get("training"), **given)


def test_samples_have_the_right_form(folder):
    image, mask = crops(folder)[0]
    assert image.shape == (3, 64, 64)
    assert mask.shape == (1, 64, 64)
    assert 0 <= image.min() < image.max() <= 1
    assert set(mask.unique().tolist()) == {0.0, 1.0}


def test_a_sample_depends_on_seed_and_number_alone(folder):
    whole, later = crops(folder), crops(folder, start=30)
    assert len(later) == 10
    for i in range(10):
        for a, b in zip(whole[30 + i], later[i], strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(crops(folder, seed=6)[0][0], whole[0][0])


def test_workers_change_nothing(folder):
    from torch.utils.data import DataLoader

    alone = [b[0] for b in DataLoader(crops(folder, stop=8), batch_size=4)]
    helped = [b[0] for b in DataLoader(crops(folder, stop=8), batch_size=4, num_workers=2)]
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True))


def test_broken_files_are_counted_not_lost(folder, caplog):
    samples = crops(folder)
    for i in range(8):
        samples[i]
    assert [p.name for p in samples.broken] == ["broken.jpg"]
    assert caplog.text.count("broken.jpg") == 1


def test_every_photo_comes_once_an_epoch(folder):
    samples = crops(folder)
    n = len(samples.photos)
    for epoch in range(3):
        order = np.random.default_rng([5, epoch, 1]).permutation(n)
        assert sorted(order) == list(range(n))


@pytest.mark.parametrize("size", [(64, 64), (500, 90), (33, 40)])
@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_crops_are_square_whatever_the_photo(size, zoom, rng):
    photo = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    assert random_crop(photo, 48, zoom, rng).shape == (48, 48, 3)


def test_no_photos_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no photos below"):
        find_photos([tmp_path])
