"""Metadata goes, pixels stay, and what cannot be read is refused in plain words."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, PngImagePlugin

from lama.photo import open_photo
from space.store.errors import SubmissionError
from space.store.pictures import encode_mask, prepare_photo

SECRET = b"Camera-of-Jane-Doe"


def scene(height: int = 37, width: int = 61, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, channels), dtype=np.uint8)


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = SECRET.decode()
    block.get_ifd(0x8825)[2] = (52.0, 31.0, 12.5)
    return block.tobytes()


def encoded(kind: str, orientation: int = 6, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, kind, exif=exif(orientation), **options)
    return buffer.getvalue()


def upright(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 90}),
        ("JPEG", {"quality": 90, "progressive": True, "comment": SECRET}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 80}),
        ("TIFF", {}),
    ],
)
def test_metadata_goes_and_every_pixel_stays(kind: str, options: dict, orientation: int) -> None:
    data = encoded(kind, orientation, **options)
    assert SECRET in data
    stored = prepare_photo(data)
    assert stored.metadata_removed
    assert SECRET not in stored.data
    np.testing.assert_array_equal(upright(stored.data), upright(data))
    assert (stored.height, stored.width) == upright(data).shape[:2]
    with Image.open(io.BytesIO(stored.data)) as picture:
        assert set(picture.getexif()) <= {0x0112}
        assert not picture.getexif().get_ifd(0x8825)


def test_a_clean_file_is_stored_byte_for_byte() -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, "JPEG", quality=91)
    stored = prepare_photo(buffer.getvalue())
    assert stored.data == buffer.getvalue()
    assert not stored.metadata_removed


def test_what_follows_the_picture_is_cut_off() -> None:
    data = encoded("JPEG", 1) + b"ftypmp42" + SECRET * 3
    assert SECRET not in prepare_photo(data).data


def test_colour_profile_and_adobe_marker_stay() -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert("CMYK").save(buffer, "JPEG", icc_profile=b"profile" * 40)
    stored = prepare_photo(buffer.getvalue())
    with Image.open(io.BytesIO(stored.data)) as picture:
        assert picture.mode == "CMYK"
        assert picture.info["icc_profile"] == b"profile" * 40
        np.testing.assert_array_equal(
            np.asarray(picture), np.asarray(Image.open(io.BytesIO(buffer.getvalue())))
        )


def test_png_text_and_unknown_chunks_go_and_sixteen_bits_stay() -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (19, 23), dtype=np.uint16)
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="1">' + SECRET.decode())
    buffer = io.BytesIO()
    Image.fromarray(deep).save(buffer, "PNG", pnginfo=text)
    data = buffer.getvalue()
    odd = b"prVt" + SECRET
    odd = struct.pack(">I", len(SECRET)) + odd + struct.pack(">I", zlib.crc32(odd))
    data = data[:-12] + odd + data[-12:]
    stored = prepare_photo(data)
    assert SECRET not in stored.data
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(stored.data))), deep)


def test_orientation_in_xmp_alone_counts_no_more_than_in_a_browser() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6" by="' + SECRET.decode() + '">')
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG", pnginfo=text)
    stored = prepare_photo(buffer.getvalue())
    assert SECRET not in stored.data
    np.testing.assert_array_equal(upright(stored.data), scene())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_other_formats_become_png_with_the_same_pixels(mode: str) -> None:
    grey = Image.fromarray(scene()[..., 0])
    source = (
        Image.fromarray(scene()[..., 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else (Image.merge("LA", (grey, grey)) if mode == "LA" else Image.fromarray(scene()))
    )
    source = source if source.mode == mode else source.convert(mode)
    buffer = io.BytesIO()
    source.save(buffer, "TIFF")
    stored = prepare_photo(buffer.getvalue())
    result = Image.open(io.BytesIO(stored.data))
    assert result.format == "PNG"
    wanted = source.convert("RGB") if mode == "P" else source
    result = result.convert("RGB") if mode == "P" else result
    np.testing.assert_array_equal(np.asarray(result), np.asarray(wanted))


def test_a_heic_is_stored_upright_without_its_words() -> None:
    data = (Path(__file__).parents[2] / "lama" / "pictures" / "turned.heic").read_bytes()
    stored = prepare_photo(data)
    assert (stored.width, stored.height, stored.metadata_removed) == (36, 52, True)
    with Image.open(io.BytesIO(stored.data)) as picture:
        assert (picture.format, picture.size, len(picture.getexif())) == ("PNG", (36, 52), 0)
        assert np.array_equal(np.asarray(picture), open_photo(data).rgb)
    with pytest.raises(SubmissionError, match="megapixels"):
        prepare_photo(data, max_pixels=1000)
    with pytest.raises(SubmissionError, match="damaged"):
        prepare_photo(data[:400])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_of_a_tiff_stay_whatever_their_order(order: str, channels: int) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (19, 23, channels), dtype=np.uint16)
    kind = {1: {}, 3: {"photometric": "rgb"}, 4: {"photometric": "rgb", "extrasamples": [2]}}
    buffer = io.BytesIO()
    pixels = deep[..., 0] if channels == 1 else deep
    tifffile.imwrite(buffer, pixels, byteorder=order, **kind[channels])
    stored = prepare_photo(buffer.getvalue())
    assert stored.data[:4] == b"\x89PNG"
    np.testing.assert_array_equal(open_photo(stored.data).original, deep)
    assert SECRET not in stored.data


def test_a_deep_tiff_on_its_side_is_stored_upright_without_its_words() -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (19, 23, 3), dtype=np.uint16)
    buffer = io.BytesIO()
    tags = [(0x0112, "H", 1, 6, True), (0x010F, "s", 0, SECRET.decode(), True)]
    tifffile.imwrite(buffer, deep, photometric="rgb", extratags=tags)
    stored = prepare_photo(buffer.getvalue())
    assert (stored.width, stored.height, stored.metadata_removed) == (19, 23, True)
    assert SECRET not in stored.data
    np.testing.assert_array_equal(open_photo(stored.data).original, np.rot90(deep, -1))


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_more_than_sixteen_bits_are_refused(kind: type) -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene()[..., 0].astype(kind)).save(buffer, "TIFF")
    with pytest.raises(SubmissionError, match="more than 16 bits"):
        prepare_photo(buffer.getvalue())


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.9])
def test_truncated_files_are_refused(kind: str, part: float) -> None:
    data = encoded(kind)
    with pytest.raises(SubmissionError, match="picture"):
        prepare_photo(data[: int(len(data) * part)])


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(SubmissionError, match="not a picture"):
        prepare_photo(b"%PDF-1.4 hello" * 50)


def test_animations_are_refused() -> None:
    frames = [Image.fromarray(scene()).quantize(8 + i) for i in range(3)]
    for kind in ("GIF", "WEBP", "PNG"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
        with pytest.raises(SubmissionError, match="Animated"):
            prepare_photo(buffer.getvalue())


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    bomb += struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(SubmissionError):
        prepare_photo(bomb)
    with pytest.raises(SubmissionError, match="megapixels"):
        prepare_photo(encoded("PNG"), max_pixels=1000)


def test_mask_round_trip_and_refusals() -> None:
    mask = np.random.default_rng(2).random((7, 13)) < 0.3
    data = encode_mask(mask, 13, 7)
    back = Image.open(io.BytesIO(data))
    assert back.mode == "L"
    np.testing.assert_array_equal(np.asarray(back), mask * np.uint8(255))
    with pytest.raises(SubmissionError, match="same size"):
        encode_mask(mask, 7, 13)
    with pytest.raises(SubmissionError, match="no hole"):
        encode_mask(np.zeros((7, 13), bool), 13, 7)
    with pytest.raises(SubmissionError, match="whole photo"):
        encode_mask(np.ones((7, 13), bool), 13, 7)
    with pytest.raises(SubmissionError, match="bool array"):
        encode_mask(mask.astype(np.uint8), 13, 7)
