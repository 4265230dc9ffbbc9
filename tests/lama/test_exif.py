import io

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from lama.exif import descriptive, has_parts, orientation, upright


def test_what_tells_about_the_photo_stays():
    exif = Image.Exif()
    exif[0x010F], exif[0x0100], exif[0x0111] = "Camera", 640, 8
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    read = Image.Exif()
    read.load(exif.tobytes())
    kept = descriptive(read)
    assert set(kept) == {0x010F, 0x8769}
    assert has_parts(kept)


def test_without_directories_there_are_no_parts():
    exif = Image.Exif()
    exif[0x013B] = "Somebody"
    assert not has_parts(descriptive(exif))


def encoded(pixels, format, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return Image.open(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_turns_a_picture_as_every_viewer_does(rng, format, value):
    pixels = rng.integers(0, 256, (11, 17, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = value
    options = {"lossless": True} if format == "WEBP" else {}
    found = encoded(pixels, format, exif=exif, **options)
    expected = encoded(pixels, format, exif=exif, **options)
    turned = np.asarray(upright(found))
    assert np.array_equal(turned, np.asarray(ImageOps.exif_transpose(expected)))


def test_xmp_and_nonsense_turn_nothing(rng):
    pixels = rng.integers(0, 256, (11, 17, 3), dtype=np.uint8)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    for image in (
        encoded(pixels, "PNG", pnginfo=text),
        encoded(pixels, "JPEG", xmp=xmp),
        encoded(pixels, "PNG", exif=b"Exif\0\0nonsense"),
    ):
        assert orientation(image) == 1
        assert upright(image).size == (17, 11)
    exif = Image.Exif()
    exif[0x0112] = 77
    assert orientation(encoded(pixels, "PNG", exif=exif)) == 1
