"""Photos of Hugging Face datasets: addresses, columns, broken rows, streams, what is held out."""

import dataclasses
import io
import shutil

import datasets
import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

import masks
from lama.training.data import collate
from lama.training.dataset_photos import (
    DatasetPhotos,
    DatasetTable,
    Streamed,
    _check_masks,
    open_photos,
    picture_of,
)
from lama.training.holdout import HoldOut
from space.store import Store
from tests.lama.training.toy import bomb, crops
from tests.space.store.approving import set_status
from tests.space.store.conftest import make_submission


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def encoded(i, size=(41, 67)):
    """A photo that tells its number: red is it."""
    pixels = np.full((*size, 3), (i * 10, 100, 200), np.uint8)
    pixels[:20] = 255 - pixels[:20]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Eleven rows in two files; row 4 is broken; the mask is the upper 20 rows, or absent."""
    hole = np.zeros((41, 67), np.uint8)
    hole[:20] = 255
    buffer = io.BytesIO()
    Image.fromarray(hole).save(buffer, "PNG")
    picture = datasets.Image()
    features = datasets.Features(
        {"note": datasets.Value("string"), "shot": picture, "hole": picture}
    )
    (tmp_path / "set" / "data").mkdir(parents=True)
    for part, rows in enumerate((range(6), range(6, 11))):
        table = datasets.Dataset.from_dict(
            {
                "note": [str(i) for i in rows],
                "shot": [{"bytes": b"no" if i == 4 else encoded(i), "path": None} for i in rows],
                "hole": [{"bytes": buffer.getvalue(), "path": None} for _ in rows],
            },
            features=features,
        )
        table.to_parquet(tmp_path / "set" / "data" / f"train-{part}.parquet")
    return tmp_path / "set"


def number(image):
    return round(float(image[-1, 0, 0]) / 10)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf:ann/photos", ("ann/photos", "train", "", "")),
        ("hf:ann/photos:test", ("ann/photos", "test", "", "")),
        ("hf:/a/b:train[:10%]:picture:hole", ("/a/b", "train[:10%]", "picture", "hole")),
        ("hf:ann/photos::picture", ("ann/photos", "train", "picture", "")),
    ],
)
def test_addresses(text, parts):
    found = DatasetPhotos.parse(text)
    assert (found.place, found.split, found.image, found.mask) == parts
    assert DatasetPhotos.parse(str(found)) == found


@pytest.mark.parametrize("text", ["hf:", "photos", "hf:a:b:c:d:e"])
def test_what_is_no_address_is_said(text):
    with pytest.raises(ValueError, match="hf:NAME_OR_PATH"):
        DatasetPhotos.parse(text)


def test_rows_are_read_and_some_held_out(folder):
    training, everything, taken = open_photos([f"hf:{folder}"], 3)
    assert taken == [0, 3, 7]
    assert [number(everything.read(i).image) for i in taken] == taken
    kept = [training.read(i) for i in range(len(training))]
    assert [None if p is None else number(p.image) for p in kept] == [1, 2, None, 5, 6, 8, 9, 10]
    assert kept[0].image.shape == (41, 67, 3)
    assert kept[0].mask is None
    assert training.name(2) == f"hf:{folder}:train:shot row 4"


def test_a_mask_that_is_far_too_large_is_no_mask(folder):
    address = DatasetPhotos.parse(f"hf:{folder}:train:shot:hole")
    row = {"shot": {"bytes": encoded(1)}, "hole": {"bytes": bomb()}}
    assert picture_of(row, address) is None
    assert picture_of({**row, "hole": row["shot"]}, address).mask.any()


def test_masks_of_ones_are_holes_and_a_column_without_any_is_refused(tmp_path):
    hole = np.zeros((41, 67), np.uint8)
    hole[9:20, 9:30] = 1
    for name, drawn in (("some", [hole, hole * 0, hole]), ("none", [hole * 0] * 3)):
        features = datasets.Features(image=datasets.Image(), mask=datasets.Image())
        photo = Image.fromarray(np.full((41, 67, 3), 9, np.uint8))
        table = {"image": [photo] * 3, "mask": [Image.fromarray(mask) for mask in drawn]}
        (tmp_path / name).mkdir()
        found = datasets.Dataset.from_dict(table, features=features)
        found.to_parquet(tmp_path / name / "train-0.parquet")
    training, _, _ = open_photos([f"hf:{tmp_path / 'some'}:train:image:mask"], 0)
    assert np.array_equal(training.read(0).mask, hole.astype(bool))
    with pytest.raises(ValueError, match="none of 3 masks of .* can be used: a mask is black"):
        open_photos([f"hf:{tmp_path / 'none'}:train:image:mask"], 0)
    assert open_photos([f"hf:{tmp_path / 'none'}"], 0)[0].read(0).mask is None


@pytest.mark.parametrize("total", [1, 3, 63, 64, 65, 127, 128, 129, 1000])
def test_masks_are_looked_at_evenly_before_a_run(total):
    looked = []

    class Rows:
        column_names = ()

        def __len__(self):
            return total

        def __getitem__(self, row):
            looked.append(row)
            return {"hole": {"bytes": buffer.getvalue()}}

    buffer = io.BytesIO()
    Image.fromarray(np.eye(9, dtype=np.uint8) * 255).save(buffer, "PNG")
    _check_masks(DatasetTable(DatasetPhotos("set", mask="hole"), Rows()))
    most = min(64, total)
    assert looked == [i * total // most for i in range(most)]


def test_columns_can_be_named_and_wrong_ones_are_said(folder):
    training, _, _ = open_photos([f"hf:{folder}:train:shot:hole"], 0)
    assert np.array_equal(np.flatnonzero(training.read(0).mask.all(1)), np.arange(20))
    with pytest.raises(
        ValueError, match="no column 'note' of images; those of images are shot, hole"
    ):
        open_photos([f"hf:{folder}:train:note"], 0)
    with pytest.raises(ValueError, match="cannot be read"):
        open_photos([f"hf:{folder}:test"], 0)
    with pytest.raises(ValueError, match="cannot be read"):
        open_photos([f"hf:{folder}/nowhere"], 0)


def test_folders_and_datasets_join(folder, tmp_path):
    (tmp_path / "files").mkdir()
    for i in (20, 21, 22):
        (tmp_path / "files" / f"{i}.png").write_bytes(encoded(i))
    training, everything, taken = open_photos([f"hf:{folder}", str(tmp_path / "files")], 2)
    assert (len(training), len(everything), taken) == (12, 14, [0, 7])
    numbers = [number(p.image) for i in range(12) if (p := training.read(i)) is not None]
    assert numbers == [21, 22, 0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert everything.read(7) is None
    assert number(everything.read(8).image) == 5


def test_what_is_held_out_stays_so_when_photos_have_come_and_moved(folder, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for i in (20, 21, 22):
        (files / f"{i}.png").write_bytes(encoded(i))
    first = HoldOut(3)
    training, _, taken = open_photos([str(files), f"hf:{folder}"], first)
    assert (len(training), taken) == (11, [0, 4, 9])
    assert first.chosen == ["files/20.png", "hf:set:train:shot row 1", "hf:set:train:shot row 6"]
    (tmp_path / "there").mkdir()
    files = files.rename(tmp_path / "there" / "files")
    for i in (18, 23):
        (files / f"{i}.png").write_bytes(encoded(i))
    again = HoldOut(3, {"asked": 3, "photos": first.chosen})
    training, everything, taken = open_photos([str(files), f"hf:{folder}"], again)
    assert [number(everything.read(i).image) for i in taken] == [20, 1, 6]
    assert len(training) == 13
    new = HoldOut(3, {"asked": 3, "photos": ["elsewhere/1.png"]})
    with pytest.raises(ValueError, match="none of the photos that the run holds out is there"):
        open_photos([str(files)], new)


def test_a_stream_that_goes_on_leaves_the_same_front(folder):
    again = HoldOut(2, {"asked": 2, "photos": None})
    training, _, taken = open_photos([f"hf:{folder}"], again, streaming=True)
    assert (training.skip, taken) == (2, [0, 1])
    with pytest.raises(ValueError, match="add --stream"):
        open_photos([f"hf:{folder}"], again)
    with pytest.raises(ValueError, match="leave --stream out"):
        open_photos([f"hf:{folder}"], HoldOut(2, {"asked": 2, "photos": ["a"]}), streaming=True)


def test_a_photos_own_mask_is_cut_with_it(folder):
    training, _, _ = open_photos([f"hf:{folder}:train:shot:hole"], 0)
    samples = crops(training, masks.get("training"), crop=31, seed=2, stop=30, masks_share=1.0)
    same = 0
    for image, mask, *_ in (samples[i] for i in range(30)):
        # The picture is inverted where the mask is: one edge, at the same row, in both.
        edge = np.flatnonzero(np.abs(np.diff(image[2, :, 0].numpy())) > 0.2)
        rows = np.flatnonzero(mask[0].numpy().all(1))
        if len(edge) and 0.002 < mask.mean() < 0.75:
            assert list(edge + 1) == [len(rows)]
            same += 1
    assert same > 10


def test_a_stream_gives_every_photo_once_an_epoch_whatever_the_workers(folder):
    def stream(workers, start=0):
        training, held, taken = open_photos([f"hf:{folder}"], 2, streaming=True)
        assert isinstance(training, Streamed)
        assert [number(held.read(i).image) for i in taken] == [0, 1]
        samples = crops(training, masks.get("box"), crop=16, seed=1, start=start, stop=18)
        batches = DataLoader(
            samples, 3, sampler=range(len(samples)), num_workers=workers, collate_fn=collate
        )
        return list(batches)

    alone, helped = stream(0), stream(2)
    assert len(alone) == 6
    assert all(
        (a.image == b.image).all() and a.broken == b.broken
        for a, b in zip(alone, helped, strict=True)
    )
    later = stream(0, start=9)
    assert all((a.image == b.image).all() for a, b in zip(alone[3:], later, strict=True))
    assert sum(len(b.broken) for b in alone) == 2  # the same broken photo in both epochs


def test_a_stream_shows_all_photos_in_another_order_each_epoch(folder):
    training, _, _ = open_photos([f"hf:{folder}"], 0, streaming=True)
    rng = np.random.default_rng(0)
    read = [training.read(next(training.candidates(i, 3, rng))) for i in range(22)]
    numbers = [None if p is None else number(p.image) for p in read]
    first, second = numbers[:11], numbers[11:]
    assert set(first) == set(second) == {None, *range(11)} - {4}
    assert first != second


@pytest.mark.parametrize("streaming", [False, True])
def test_of_saved_records_only_approved_ones_are_taken(tmp_path, streaming):
    store = Store.open(tmp_path / "data")
    ids = [store.save(make_submission(i)).record_id for i in range(4)]
    for record, status in zip(ids, ("approved", "rejected", "approved"), strict=False):
        set_status(store, record, status)
    address = f"hf:{store.dataset_dir}:train:image:mask"
    training, _, _ = open_photos([address], 0, streaming=streaming)
    rng = np.random.default_rng(0)
    epoch = [training.read(next(training.candidates(i, 3, rng))) for i in range(2)]
    wanted = {make_submission(i).mask.tobytes() for i in (0, 2)}
    assert {picture.mask.tobytes() for picture in epoch} == wanted
    assert not list(datasets.config.HF_DATASETS_CACHE.rglob("*.arrow"))
    store.close()


def test_a_photo_that_is_there_twice_is_on_one_side_and_watched_once(tmp_path):
    for i in range(6):
        Image.fromarray(np.full((9, 11, 3), 40 * i, np.uint8)).save(tmp_path / f"{i}.png")
        shutil.copy(tmp_path / f"{i}.png", tmp_path / f"copy of {i}.png")
    training, everything, taken = open_photos([str(tmp_path)], 3)
    held = [everything.read(i).image[0, 0, 0] for i in taken]
    kept = {training.read(i).image[0, 0, 0] for i in range(len(training))}
    assert len(held) == len(set(held)) == 3
    assert len(training) == 6
    assert kept == {40 * i for i in range(6)} - set(held)


def test_a_photo_at_the_front_of_a_stream_does_not_come_again(tmp_path):
    store = Store.open(tmp_path / "data")
    files = [make_submission(i).image_bytes for i in range(2)]
    for i in range(6):  # three masks on each of two photos
        submission = dataclasses.replace(make_submission(i), image_bytes=files[i % 2])
        set_status(store, store.save(submission).record_id, "approved")
    address = f"hf:{store.dataset_dir}:train:image:mask"
    training, held, taken = open_photos([address], 1, streaming=True)
    shown = [training.read(next(training.candidates(i, 3, None))).image for i in range(9)]
    [watched] = [held.read(i).image for i in taken]
    assert not any(np.array_equal(image, watched) for image in shown)
    store.close()


def test_streaming_wants_one_dataset(folder):
    with pytest.raises(ValueError, match="exactly one dataset"):
        open_photos([f"hf:{folder}", f"hf:{folder}"], 0, streaming=True)
    with pytest.raises(ValueError, match="exactly one dataset"):
        open_photos(["photos"], 0, streaming=True)


def test_a_part_of_a_split_is_taken_and_a_stream_says_that_it_cannot(folder):
    table, address = DatasetPhotos.parse(f"hf:{folder}:train[:40%]:shot").load(streaming=False)
    assert len(table) == 4
    assert address.image == "shot"
    with pytest.raises(ValueError, match="leave --stream out"):
        DatasetPhotos.parse(f"hf:{folder}:train[:40%]:shot").load(streaming=True)
