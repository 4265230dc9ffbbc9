"""What EXIF says of a photo: it is turned once, and all other words of it survive."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from lama.photo import open_photo
from lama.photo_write import encode_photo
from tests.lama.test_photo import encoded


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once(picture, orientation, format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
    options |= {"lossless": True} if format == "WEBP" else {}
    photo = open_photo(encoded(Image.fromarray(picture), format, exif=exif, **options))
    turned = orientation >= 5
    assert photo.size == ((67, 101) if turned else (101, 67))
    corners = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    corners |= {5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert np.abs(photo.rgb[corners[orientation]].astype(int) - picture[0, 0]).max() < 25
    again = open_photo(encode_photo(photo, "PNG"))
    assert np.array_equal(again.rgb, photo.rgb), "turned twice"
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept[0x010F] == "Camera"
    assert 0x0112 not in kept


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_words_of_exif_keep_their_letters(picture, format, depth, orientation):
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x8298] = (
        orientation,
        "José".encode(),
        "\xa9 Zo\xeb".encode("latin-1"),
    )
    photo = open_photo(encoded(Image.fromarray(picture), "JPEG", exif=exif))
    photo = replace(photo, original=photo.original.astype(depth))
    again = open_photo(encode_photo(open_photo(encode_photo(photo, format)), format))
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept[0x013B].encode("latin-1").decode() == "José"
    assert kept[0x8298] == "© Zoë"


def test_exif_that_is_too_long_for_a_jpeg_is_said_and_kept_elsewhere(picture):
    exif = Image.Exif()
    exif[0x010E] = "x" * 90_000
    block, data = (
        exif.tobytes().removeprefix(b"Exif\0\0"),
        encoded(Image.fromarray(picture), "JPEG"),
    )
    # In several segments, which readers join.
    segments = b""
    for part in (b"Exif\0\0" + block[:60_000], b"Exif\0\0" + block[60_000:]):
        segments += b"\xff\xe1" + (len(part) + 2).to_bytes(2, "big") + part
    data = data[:2] + segments + data[2:]
    photo = open_photo(data)
    assert len(photo.exif) > 65_533
    assert any("longer than a JPEG" in note for note in photo.notes)
    kept = Image.Exif()
    kept.load(open_photo(encode_photo(photo, "PNG")).exif)
    assert kept[0x010E] == "x" * 90_000
    again = open_photo(encode_photo(photo, "JPEG"))
    assert again.size == photo.size
    assert again.exif is None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_photo_whose_exif_cannot_be_written_is_opened_upright_without_it(
    picture, format, unwritable_exif
):
    photo = open_photo(encoded(Image.fromarray(picture), format, exif=unwritable_exif))
    assert photo.size == picture.shape[:2]
    assert photo.exif is None
    assert photo.notes == ("Its EXIF is damaged and was left out.",)
    assert open_photo(encode_photo(photo, format)).size == photo.size


def test_what_exif_turned_is_not_turned_again_by_xmp(picture, tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6" by="Ann"/>')
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = open_photo(encoded(Image.fromarray(picture), pnginfo=text, exif=exif))
    assert photo.text["XML:com.adobe.xmp"] == '<x tiff:Orientation="1" by="Ann"/>'
    again = open_photo(encode_photo(photo, "PNG"))
    assert np.array_equal(again.rgb, photo.rgb)
    assert np.array_equal(photo.rgb, np.rot90(picture, -1))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("written", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("read", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_xmp_survives_upright_and_without_small_pictures(picture, read, written, depth):
    words = (
        '<x:xmpmeta tiff:Orientation="6" GPano:ProjectionType="equirectangular">Zoë{}</x:xmpmeta>'
    )
    packet = words.format("<xmp:Thumbnails><rdf:Alt>how it was</rdf:Alt></xmp:Thumbnails>")
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif, "xmp": packet.encode()}
    if read == "TIFF":
        exif[700] = options.pop("xmp")
    elif read == "PNG":
        options.pop("xmp")
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet)
    photo = open_photo(encoded(Image.fromarray(picture), read, **options))
    assert photo.notes == ()
    photo = replace(photo, original=photo.original.astype(depth))
    again = open_photo(encode_photo(photo, written))
    assert again.text["XML:com.adobe.xmp"] == words.format("").replace('"6"', '"1"')
    assert again.size == photo.size


def test_xmp_that_cannot_be_kept_is_said(picture):
    damaged = open_photo(encoded(Image.fromarray(picture), "JPEG", xmp=b"\xff\xfe\x00<"))
    assert damaged.notes == ("Its XMP is damaged and was left out.",)
    assert not damaged.text
    long = replace(damaged, text={"XML:com.adobe.xmp": "x" * 65_505}, notes=())
    assert not open_photo(encode_photo(long, "JPEG")).text
    assert open_photo(encode_photo(long, "WEBP")).text == long.text
    assert not open_photo(encode_photo(long, "BMP")).text
