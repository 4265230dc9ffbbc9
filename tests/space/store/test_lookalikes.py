"""Photos that look alike are told of, others are not, and private ones stay unmentioned."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from space.store import Store
from space.store.looks import bands, look_of
from tests.space.store.conftest import make_mask, make_submission


def scene(seed: int, height: int = 171, width: int = 233) -> Image.Image:
    """A picture with shapes at every scale, as a photo has them."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        coarse = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        blown = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(blown) / cells
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def save(store: Store, picture: Image.Image, kind: str = "PNG", **changes) -> int:
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=60)
    mask = make_mask(1, picture.height, picture.width)
    submission = make_submission(0, image_bytes=buffer.getvalue(), mask=mask, **changes)
    return store.save(submission).lookalikes


def test_copies_are_told_of_and_others_are_not(store: Store) -> None:
    assert [save(store, scene(seed)) for seed in range(6)] == [0] * 6
    first = scene(0)
    assert save(store, first) == 0  # the same file: one photo with two masks
    assert save(store, first, "JPEG") == 1
    assert save(store, first.resize((117, 86))) >= 1
    assert save(store, ImageEnhance.Brightness(first).enhance(0.8)) >= 1
    assert save(store, scene(77)) == 0


def test_a_photo_on_its_side_looks_like_itself_upright(store: Store) -> None:
    picture = scene(3)
    save(store, picture)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.save(buffer, "JPEG", exif=exif, quality=90)
    mask = make_mask(1, picture.height, picture.width)
    submission = make_submission(0, image_bytes=buffer.getvalue(), mask=mask)
    assert store.save(submission).lookalikes == 1


def test_private_photos_are_not_told_of(store: Store) -> None:
    save(store, scene(5), licence="private")
    assert save(store, scene(5), "JPEG") == 0


def test_a_deleted_photo_is_forgotten(store: Store) -> None:
    buffer = io.BytesIO()
    scene(6).save(buffer, "PNG")
    mask = make_mask(1, 171, 233)
    receipt = store.save(make_submission(0, image_bytes=buffer.getvalue(), mask=mask))
    store.delete(receipt.record_id, receipt.token)
    assert store.core.index.all("SELECT * FROM looks") == []
    assert save(store, scene(6), "JPEG") == 0


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
def test_every_stored_mode_has_a_look(store: Store, mode: str) -> None:
    picture = scene(8).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    save(store, picture)
    [row] = store.core.index.all("SELECT * FROM looks")
    reference = look_of(scene(8).convert("L"))
    look = sum(row[f"band{n}"] << 16 * n for n in range(4))
    assert (look ^ reference).bit_count() <= (64 if mode == "1" else 8)


def test_every_hash_within_seven_bits_shares_a_nearly_equal_band() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        look = int(rng.integers(0, 2**63))
        other = look
        for bit in rng.choice(64, 7, replace=False):
            other ^= 1 << int(bit)
        pairs = zip(bands(look), bands(other), strict=True)
        assert min((a ^ b).bit_count() for a, b in pairs) <= 1
