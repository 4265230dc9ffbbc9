"""Pictures and masks at the door: one meaning of a mask, pictures come back as they came."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from lama.arrays import as_mask, fill_pil
from lama.exif import ORIENTATION
from lama.photo import open_mask


def layer(hole: np.ndarray, inside: tuple[int, ...], outside: tuple[int, ...]) -> Image.Image:
    return Image.fromarray(np.where(hole[..., None], inside, outside).astype(np.uint8))


def black_of_a_palette(hole: np.ndarray) -> Image.Image:
    image = Image.fromarray(1 - hole.astype(np.uint8)).convert("P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    return image


MASKS = {
    "black on clear": lambda hole: layer(hole, (0, 0, 0, 255), (0, 0, 0, 0)),
    "white on clear white": lambda hole: layer(hole, (255,) * 4, (255, 255, 255, 0)),
    "half clear on clear": lambda hole: layer(hole, (9, 9, 9, 3), (0, 0, 0, 0)),
    "white on black, all there": lambda hole: layer(hole, (255,) * 4, (0, 0, 0, 255)),
    "grey and alpha": lambda hole: layer(hole, (0, 255), (0, 0)),
    "hardly blue": lambda hole: layer(hole, (0, 0, 3), (0, 0, 0)),
    "1 of 255": lambda hole: Image.fromarray(hole.astype(np.uint8)),
    "bits": Image.fromarray,
    "1 of 65535": lambda hole: Image.fromarray(hole.astype(np.uint16)),
    "palette": black_of_a_palette,
}


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_means_the_same_in_memory_and_in_a_file(hole, name):
    image, buffer = MASKS[name](hole), io.BytesIO()
    assert np.array_equal(as_mask(image), hole)
    image.save(buffer, "PNG")
    assert np.array_equal(open_mask(buffer.getvalue(), (101, 67)), hole)


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "WEBP"])
def test_a_mask_that_comes_from_a_lossy_file_is_read_as_the_file(hole, kind):
    canvas, buffer = Image.fromarray(hole.astype(np.uint8) * 255).convert("RGB"), io.BytesIO()
    canvas.save(buffer, kind, quality=75)
    image = Image.open(buffer)
    assert np.asarray(image)[~hole].any(), "there is noise"
    assert np.array_equal(as_mask(image), open_mask(buffer.getvalue(), (101, 67)))


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_any_number_but_zero_is_hole(hole, kind):
    assert np.array_equal(as_mask(Image.fromarray(hole.astype(kind) * kind(0.4 + 1))), hole)


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_16_bits_come_back_as_16_bits(rng, hole, order):
    pixels = rng.integers(0, 65536, hole.shape).astype(order)
    image, seen = Image.fromarray(pixels), []

    def fill(rgb: np.ndarray, _mask: np.ndarray) -> np.ndarray:
        seen.append(rgb)
        return np.full_like(rgb, 100)

    result = fill_pil(fill, image, hole)
    assert (result.mode, result.size) == (image.mode, image.size)
    expected = np.round(pixels.astype(float) / 257)
    assert np.array_equal(seen[0], np.repeat(expected[..., None], 3, axis=2))
    after = np.asarray(result)
    assert np.array_equal(after[~hole], pixels[~hole])
    assert (after[hole] == 100 * 257).all()


def test_a_16_bit_picture_keeps_what_belongs_to_it(hole):
    image = Image.fromarray(np.full(hole.shape, 500, np.uint16))
    image.info |= {"dpi": (300, 300), "icc_profile": b"profile"}
    result = fill_pil(lambda rgb, _: rgb, image, hole)
    assert result.info == image.info


@pytest.mark.parametrize("clear", [0, 500, 100 * 257])
def test_a_16_bit_fill_is_never_transparent_and_what_is_stays_so(hole, clear):
    pixels = np.full(hole.shape, 700, np.uint16)
    pixels[::3] = clear
    image = Image.fromarray(pixels)
    image.info["transparency"] = clear
    shade = 100 if clear else 0
    result = fill_pil(lambda rgb, _: np.full_like(rgb, shade), image, hole)
    after = np.asarray(result)
    assert result.info["transparency"] == clear
    assert np.array_equal(after == clear, pixels == clear)
    assert np.array_equal(after[~hole], pixels[~hole])
    assert np.abs(after[hole & (pixels != clear)].astype(int) - shade * 257).max() <= 1


@pytest.mark.parametrize("profile", [True, False])
def test_a_photo_for_print_is_converted_as_one_in_a_file(rng, hole, profile, monkeypatch):
    """Its profile speaks of ink, and goes; nothing else does."""
    inks = Image.fromarray(rng.integers(0, 256, (*hole.shape, 4), dtype=np.uint8), "CMYK")
    inks.info["dpi"] = (300, 300)
    if profile:
        inks.info["icc_profile"] = b"of ink"
        converted = Image.new("RGB", inks.size, (10, 20, 30))
        monkeypatch.setattr("lama.photo.ImageCms.ImageCmsProfile", lambda _: None)
        monkeypatch.setattr("lama.photo.ImageCms.profileToProfile", lambda *_, **__: converted)
    else:
        converted = inks.convert("RGB")
    result = fill_pil(lambda rgb, _: np.full_like(rgb, 7), inks, hole)
    expected = np.where(hole[..., None], 7, np.asarray(converted))
    assert np.array_equal(np.asarray(result), expected)
    assert result.mode == "RGB"
    assert result.info == {"dpi": (300, 300)}


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "LA", "La", "RGBa"])
def test_what_is_transparent_stays_so_and_a_fill_never_is(rng, hole, mode):
    """A filled pixel may have the colour that a file names as transparent."""
    clear = np.zeros(hole.shape, bool)
    clear[::2, ::3] = True
    grey = np.where(clear, 255, rng.integers(0, 255, hole.shape)).astype(np.uint8)
    if mode in ("RGB", "L", "P"):
        image = Image.fromarray(grey).convert(mode)
        image.info["transparency"] = (255, 255, 255) if mode == "RGB" else 255
    else:
        layers = np.stack([np.where(clear, 0, grey), np.where(clear, 0, 255)], 2).astype(np.uint8)
        image = Image.fromarray(layers).convert("RGBA" if mode == "RGBa" else "LA").convert(mode)
    result = fill_pil(lambda rgb, _: np.full_like(rgb, 255), image, hole)
    assert result.mode == ("LA" if mode in ("L", "LA", "La") else "RGBA")
    buffer = io.BytesIO()
    result.save(buffer, "PNG")
    pixels = np.asarray(Image.open(buffer).convert("RGBA"))
    assert np.array_equal(pixels[..., 3] == 0, clear)
    assert (pixels[hole & ~clear] == 255).all()


def test_a_photo_that_lies_on_its_side_is_turned_upright(rng):
    pixels = rng.integers(0, 256, (21, 34, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x0110] = 6, "a camera"  # 6: turn clockwise to see it upright
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    upright, hole = np.rot90(pixels, -1), np.zeros((34, 21), bool)
    hole[:5, :9] = True
    result = fill_pil(lambda rgb, _: np.full_like(rgb, 7), Image.open(file), hole)
    assert np.array_equal(np.asarray(result), np.where(hole[..., None], 7, upright))
    assert ImageOps.exif_transpose(result).size == result.size, "nobody turns it once more"
    assert result.getexif()[0x0110] == "a camera"


def test_a_mask_is_turned_as_its_photo_is(rng):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    hole = np.zeros((21, 34), np.uint8)
    hole[:5, :9] = 255
    files = []
    for pixels in (rng.integers(0, 256, (21, 34, 3), dtype=np.uint8), hole):
        files.append(io.BytesIO())
        Image.fromarray(pixels).save(files[-1], "PNG", exif=exif)
    photo, mask = map(Image.open, files)
    result = fill_pil(lambda rgb, _: np.full_like(rgb, 7), photo, as_mask(mask))
    assert ((np.asarray(result) == 7).all(-1) >= (np.rot90(hole, -1) > 0)).all()


def test_neither_xmp_nor_exif_that_cannot_be_written_turns_it_once_more(rng, unwritable_exif):
    image = Image.fromarray(rng.integers(0, 256, (21, 34, 3), dtype=np.uint8))
    packet = '<x tiff:Orientation="6"/>'
    image.info |= {"exif": unwritable_exif, "xmp": packet.encode(), "XML:com.adobe.xmp": packet}
    hole = np.zeros((34, 21), bool)
    hole[3:5] = True
    result = fill_pil(lambda rgb, _: rgb, image, hole)
    assert result.size == (21, 34)
    assert ImageOps.exif_transpose(result).size == result.size
    assert 'Orientation="1"' in result.info["XML:com.adobe.xmp"]


def test_a_picture_with_broken_exif_is_as_it_is(rng):
    image = Image.fromarray(rng.integers(0, 256, (21, 34, 3), dtype=np.uint8))
    image.info["exif"] = b"Exif\0\0nothing of the kind"
    hole = np.zeros((21, 34), bool)
    hole[3:5] = True
    assert fill_pil(lambda rgb, _: rgb, image, hole).size == image.size


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_pictures_without_a_known_white_are_refused(hole, kind):
    with pytest.raises(ValueError, match="does not say which number is white"):
        fill_pil(lambda rgb, _: rgb, Image.fromarray(hole.astype(kind)), hole)
