"""Files in and out: what must survive does, and what cannot be used is refused in plain words."""

import io
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from lama import photo as photo_module
from lama.photo import Photo, PhotoError, inpaint_photo, merge, open_mask, open_photo
from lama.photo_write import encode_photo, format_of, save_photo
from masks.files import read_mask

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_known_pixels_survive_in_every_depth(tmp_path, hole, rng, channels, depth, format):
    pixels = rng.integers(0, np.iinfo(depth).max + 1, (*hole.shape, channels), dtype=depth)
    photo = Photo(pixels, format, icc_profile=PROFILE, dpi=(300.0, 300.0))
    path = tmp_path / f"a.{format.lower()}"
    save_photo(photo, path)
    opened = open_photo(path)
    grown = channels == 2 and depth == np.uint16  # written as RGB with alpha
    expected = pixels[..., [0, 0, 0, 1]] if grown else pixels
    assert opened.original.dtype == depth
    assert np.array_equal(opened.original, expected)
    assert opened.icc_profile == PROFILE
    assert opened.dpi == pytest.approx((300, 300), abs=0.1)
    result = inpaint_photo(lambda rgb, mask: 255 - rgb, opened, hole)
    save_photo(result, path)
    after = open_photo(path).original
    assert np.array_equal(after[~hole], expected[~hole])
    colours = slice(0, expected.shape[2] - (expected.shape[2] in (2, 4)))
    assert (after[hole][:, colours] != expected[hole][:, colours]).mean() > 0.9
    if expected.shape[2] in (2, 4):
        assert np.array_equal(after[..., -1], expected[..., -1]), "alpha changed"


def test_16_bit_with_orientation_is_upright(picture):
    deep = picture.astype(np.uint16) * 257
    photo = open_photo(encode_photo(Photo(deep, "PNG"), "PNG"))
    assert np.array_equal(photo.rgb, picture)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, deep, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    turned = open_photo(buffer.getvalue())
    assert turned.size == (67, 101)
    assert np.array_equal(turned.rgb, np.rot90(picture, -1))


def test_text_and_profile_of_a_png_survive(tmp_path, picture):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "Straße")
    data = encoded(Image.fromarray(picture), pnginfo=info, icc_profile=PROFILE)
    save_photo(open_photo(data), tmp_path / "a.png")
    again = open_photo(tmp_path / "a.png")
    assert again.text == {"Title": "Straße"}
    assert again.icc_profile == PROFILE


def test_palette_grey_and_cmyk(picture):
    palette = Image.fromarray(picture).quantize(16)
    photo = open_photo(encoded(palette))
    assert np.array_equal(photo.rgb, np.asarray(palette.convert("RGB")))
    assert open_photo(encoded(Image.fromarray(picture[..., 0]))).original.shape == (67, 101, 1)
    cmyk = open_photo(encoded(Image.fromarray(picture).convert("CMYK"), "JPEG"))
    assert cmyk.original.shape == (67, 101, 3)
    assert "CMYK" in cmyk.notes[0]
    assert np.abs(cmyk.rgb.astype(int) - picture).mean() < 12


def _bomb(width: int, height: int) -> bytes:
    """A 1-bit PNG header of a huge picture with hardly any data behind it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + crc

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"\0" * 9999)) + chunk(b"IEND", b"")


FRAMES = [Image.new("RGB", (20, 30), c) for c in ("red", "green", "blue")]
BAD = {
    "text": (b"hello", "not a picture"),
    "empty": (b"", "not a picture"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(90), "damaged"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "bomb": (_bomb(60_000, 60_000), "megapixels|far too large"),
    "large": (_bomb(9000, 9000), r"81 megapixels \(9000 x 9000\); up to 64"),
    "gif": (encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "3 frames"),
    "webp": (encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "3 frames"),
    "pages": (encoded(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]), "3 frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_unusable_files_are_refused_in_plain_words(name):
    data, words = BAD[name]
    with pytest.raises(PhotoError, match=words):
        open_photo(data)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_files_cut_off_anywhere(format, share, rng):
    data = encoded(Image.fromarray(rng.integers(0, 256, (90, 71, 3), dtype=np.uint8)), format)
    with pytest.raises(PhotoError, match="damaged|not a picture"):
        open_photo(data[: int(len(data) * share)])


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(PhotoError, match="cannot be opened"):
        open_photo(tmp_path / "none.png")
    with pytest.raises(PhotoError, match="cannot be opened"):
        open_photo(tmp_path)


@pytest.mark.parametrize("deep", [False, True])
def test_a_transparent_grey_stays_transparent(rng, deep):
    pixels = rng.integers(0, 4, (31, 45)).astype(np.uint16 if deep else np.uint8) * 60
    photo = open_photo(encoded(Image.fromarray(pixels), "PNG", transparency=120))
    assert photo.original.dtype == pixels.dtype
    assert np.array_equal(photo.original[..., 0], pixels)
    assert np.array_equal(photo.original[..., 1] == 0, pixels == 120)
    assert photo.original[..., 1].max() == (65535 if deep else 255)


def test_one_pixel_opens():
    assert open_photo(encoded(Image.new("RGB", (1, 1)))).size == (1, 1)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "I;16"])
def test_masks_of_every_mode(hole, mode):
    if mode == "I;16":
        image = Image.fromarray(hole.astype(np.uint16) * 65535)
    elif mode == "RGBA":  # drawn in one colour on a clear layer
        image = Image.fromarray(
            np.dstack([np.zeros((*hole.shape, 3), np.uint8), hole * np.uint8(90)])
        )
    else:
        image = Image.fromarray(hole.astype(np.uint8) * 255).convert(mode)
    assert np.array_equal(open_mask(encoded(image), (101, 67)), hole)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("colour", [(255, 255, 255), (255, 0, 0)], ids=["white", "red"])
def test_noise_of_lossy_files_is_no_hole(kind, colour, tmp_path):
    canvas = np.zeros((123, 181, 3), np.uint8)
    cv2.line(canvas, (20, 30), (150, 90), colour, 17)
    drawn = canvas.any(axis=2)
    data = encoded(Image.fromarray(canvas), kind, quality=80)
    found = open_mask(data, (181, 123))
    assert (found != drawn).mean() < 0.01
    far = cv2.distanceTransform((~drawn).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) > 2
    assert not found[far].any()
    assert open_photo(data).original[far].any(), "there is noise"
    (tmp_path / "mask").write_bytes(data)
    assert (read_mask(tmp_path / "mask") != found).mean() < 0.002, "decoders differ by rounding"


def test_dark_masks_of_lossless_files_keep_every_pixel(hole):
    dark = Image.fromarray(hole.astype(np.uint8))
    for kind, how in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("BMP", {})):
        image = dark.convert("RGB") if kind == "WEBP" else dark
        assert np.array_equal(open_mask(encoded(image, kind, **how), (101, 67)), hole), kind


def test_a_mask_of_any_size(hole):
    assert np.array_equal(open_mask(encoded(Image.fromarray(hole))), hole)


def test_one_clear_pixel_lets_alpha_alone_decide(hole):
    layers = np.dstack([np.zeros((*hole.shape, 3), np.uint8), np.full(hole.shape, 255, np.uint8)])
    layers[hole, 0] = 255
    assert np.array_equal(open_mask(encoded(Image.fromarray(layers))), hole)
    layers[0, 0, 3] = 0
    everything = np.ones_like(hole)
    everything[0, 0] = False
    assert np.array_equal(open_mask(encoded(Image.fromarray(layers))), everything)


def test_a_mask_of_another_size(hole):
    with pytest.raises(PhotoError, match="mask is 101 x 67 pixels, the photo is 67 x 101"):
        open_mask(encoded(Image.fromarray(hole)), (67, 101))


def test_a_mask_of_another_size_is_refused_by_its_header(monkeypatch):
    def decoded(*_):
        raise AssertionError("it was decoded")

    monkeypatch.setattr(photo_module, "_shallow", decoded)
    with pytest.raises(PhotoError, match="mask is 6000 x 5000 pixels, the photo is 20 x 30"):
        open_mask(_bomb(6000, 5000), (20, 30))


def test_a_mask_may_be_as_large_as_the_app_allows(hole):
    with pytest.raises(PhotoError, match=r"81 megapixels \(9000 x 9000\); up to 64"):
        open_mask(_bomb(9000, 9000), (9000, 9000))
    with pytest.raises(PhotoError, match="damaged"):  # let through, and there is nothing behind it
        open_mask(_bomb(9000, 9000), (9000, 9000), max_pixels=100_000_000)
    with pytest.raises(PhotoError, match="0 megapixels"):
        open_mask(encoded(Image.fromarray(hole)), (101, 67), max_pixels=6_000)


def test_a_mask_that_lies_on_its_side_is_turned(hole):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(hole.astype(np.uint8) * 255), exif=exif)
    assert np.array_equal(open_mask(data, (67, 101)), np.rot90(hole, -1))
    with pytest.raises(PhotoError, match="mask is 67 x 101 pixels, the photo is 101 x 67"):
        open_mask(data, (101, 67))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_are_rounded_once_and_kept(channels, rng):
    pixels = rng.integers(0, 65536, (201, 35, channels), dtype=np.uint16)
    pixels[:, 0] = 65535
    pixels[:, 1, -1] = 128
    photo = Photo(pixels, "PNG")
    exact = ((pixels.astype(np.int64) + 128) // 257).astype(np.uint8)
    assert np.array_equal(photo.rgb, exact[..., [0, 0, 0] if channels < 3 else [0, 1, 2]])
    assert photo.rgb is photo.rgb, "converted anew on each call"
    assert merge(photo, photo.rgb + 1, np.ones((201, 35), bool)).rgb is not photo.rgb


def test_converting_16_bits_takes_little_memory():
    photo = Photo(np.zeros((1000, 2000, 4), np.uint16), "PNG")
    tracemalloc.start()
    size = photo.rgb.nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 6_000_000
    assert peak < 2 * size


def test_merge_takes_the_hole_and_nothing_else(picture, hole):
    photo = Photo(picture, "PNG")
    merged = merge(photo, np.full_like(picture, 7), hole)
    assert (merged.original[hole] == 7).all()
    assert np.array_equal(merged.original[~hole], picture[~hole])
    assert np.array_equal(photo.original, picture)


def test_unknown_suffix():
    with pytest.raises(ValueError, match="known picture suffix"):
        format_of("a.psd")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("largest", [200, 255, 1023, 65535])
@pytest.mark.parametrize("text", [False, True])
def test_portable_pixmaps_of_every_depth(rng, channels, largest, text):
    numbers = rng.integers(0, largest + 1, (13, 7, channels))
    numbers[0, 0] = largest
    magic = {(1, True): 2, (3, True): 3, (1, False): 5, (3, False): 6}[channels, text]
    header = f"P{magic}\n# a note of 1 2 3\n7 13 # wide, high\n{largest}\n".encode()
    binary = numbers.astype(">u2" if largest > 255 else "u1").tobytes()
    photo = open_photo(header + (b" ".join(b"%d" % n for n in numbers.flat) if text else binary))
    white = 255 if largest <= 255 else 65535
    assert photo.original.dtype == (np.uint8 if largest <= 255 else np.uint16)
    assert np.abs(photo.original - numbers / largest * white).max() <= 0.5


def check_spoilt(file: bytes, times: int, rng: np.random.Generator) -> None:
    """With a few other bytes, a file is a photo or refused in words."""
    whole, outcomes = np.frombuffer(file, np.uint8), set()
    for _ in range(times):
        data = whole.copy()
        places = rng.integers(0, len(data), rng.integers(1, 7))
        data[places] = rng.choice([0, 1, 255, rng.integers(256)], len(places))
        try:
            outcomes.add(open_photo(data.tobytes()).rgb.dtype)
        except PhotoError:
            outcomes.add(PhotoError)
    assert outcomes <= {np.dtype(np.uint8), PhotoError}
    assert PhotoError in outcomes


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says what it finds
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF", "BMP", "PPM"])
def test_whatever_the_bytes_are_the_answer_is_a_photo_or_a_sentence(kind, rng):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "hello"
    pixels = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    extra = {"exif": exif} if kind in ("PNG", "TIFF", "JPEG", "WEBP") else {}
    check_spoilt(encoded(Image.fromarray(pixels), kind, **extra), 250, rng)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_a_resolution_that_is_none_is_left_out(picture, format):
    data = bytearray(encoded(Image.fromarray(picture), "TIFF", dpi=(300, 300)))
    at = data.index(struct.pack("<II", 300, 1))
    data[at : at + 8] = bytes(8)  # 0 / 0
    photo = open_photo(bytes(data))
    assert photo.dpi is None
    assert np.array_equal(open_photo(encode_photo(photo, format)).size, photo.size)
    odd = Photo(np.zeros((4, 5, 3), np.uint16), "PNG", dpi=(300.0, 300.0))
    assert open_photo(encode_photo(odd, "PNG")).dpi == pytest.approx((300, 300), rel=1e-3)


def test_noise_can_be_saved_as_a_jpeg(rng):
    noise = rng.integers(0, 256, (800, 800, 3), dtype=np.uint8)
    assert open_photo(encode_photo(Photo(noise, "JPEG"), "JPEG")).size == (800, 800)


@pytest.mark.parametrize("text", [True, False])
def test_masks_of_single_bits_open(hole, text):
    height, width = hole.shape
    if text:
        rows = "\n".join(" ".join("1" if x else "0" for x in row) for row in hole)
        data = f"P1\n{width} {height}\n{rows}\n".encode()
    else:
        data = f"P4\n{width} {height}\n".encode() + np.packbits(hole, axis=1).tobytes()
    assert np.array_equal(open_mask(data, (width, height)), ~hole)  # 1 is black there


def test_names_as_long_as_file_systems_take(tmp_path, picture):
    path = tmp_path / ("ä" * 122 + ".png")
    save_photo(Photo(picture, "PNG"), path)
    assert np.array_equal(open_photo(path).rgb, picture)
