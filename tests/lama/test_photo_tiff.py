"""TIFFs in and out: as many ways to keep pixels as there are programs, and the same pixels back."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from lama.photo import Photo, PhotoError, inpaint_photo, open_photo
from lama.photo_write import encode_photo
from tests.lama.test_photo import encoded


def described() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x0132] = "Camera", "Somebody", "2024:05:06 07:08:09"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def tiffs(picture: np.ndarray) -> dict[str, bytes]:
    """TIFF files whose own structure differs from what is written."""
    image, exif = Image.fromarray(picture), described()
    plain = exif.tobytes()  # as an object Pillow would lose what lies below
    exif[0x0112] = 6
    planes = io.BytesIO()
    tifffile.imwrite(
        planes, picture.transpose(2, 0, 1).copy(), photometric="rgb", planarconfig="separate"
    )
    tiles = io.BytesIO()
    tifffile.imwrite(tiles, picture, photometric="rgb", tile=(32, 48), compression="deflate")
    return {
        "plain": encoded(image, "TIFF", exif=plain),
        "turned": encoded(image, "TIFF", exif=exif.tobytes()),
        "cmyk": encoded(image.convert("CMYK"), "TIFF", exif=plain),
        "palette": encoded(image.quantize(16), "TIFF", exif=plain),
        "bits": encoded(image.convert("1"), "TIFF", compression="group4"),
        "lab": encoded(image.convert("LAB"), "TIFF", exif=plain),
        "lzw": encoded(image, "TIFF", compression="tiff_lzw"),
        "planes": planes.getvalue(),
        "tiles": tiles.getvalue(),
    }


@pytest.mark.parametrize(
    "name", ["plain", "turned", "cmyk", "palette", "bits", "lab", "lzw", "planes", "tiles"]
)
@pytest.mark.parametrize("format", ["TIFF", "PNG", "JPEG"])
def test_a_tiff_comes_back_whole_and_described(picture, hole, name, format):
    photo = open_photo(tiffs(picture)[name])
    mask = np.rot90(hole, -1) if name == "turned" else hole
    result = inpaint_photo(lambda rgb, _: 255 - rgb, photo, mask)
    data = encode_photo(result, format)
    again = open_photo(data)
    assert again.original.shape == photo.original.shape
    if format != "JPEG":
        assert np.array_equal(again.original, result.original)
    if format == "TIFF":  # another reader than Pillow
        read = tifffile.imread(io.BytesIO(data)).reshape(result.original.shape)
        assert np.array_equal(read, result.original)
    if name in ("plain", "turned", "cmyk", "palette", "lab"):
        kept = Image.open(io.BytesIO(data)).getexif()
        assert kept[0x010F] == "Camera"
        assert kept[0x013B] == "Somebody"
        assert kept.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
        assert kept.get_ifd(0x8825)[1] == "N"
        if format != "TIFF":
            assert not {0x0100, 0x0101, 0x0111, 0x0103, 0x0106} & set(kept)


def test_structure_in_the_exif_of_another_format_stays_out_of_a_tiff(picture):
    exif = described()
    exif[0x0100], exif[0x0101], exif[0x0106] = 7, 9, 3
    photo = open_photo(encoded(Image.fromarray(picture), "PNG", exif=exif))
    data = encode_photo(photo, "TIFF")
    assert np.array_equal(open_photo(data).original, picture)
    kept = Image.open(io.BytesIO(data)).getexif()
    assert kept[0x010F] == "Camera"
    assert kept.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"


def test_fractions_and_long_numbers_are_refused(picture):
    for image in (
        Image.fromarray(picture[..., 0].astype(np.float32)),
        Image.fromarray(picture[..., 0].astype(np.int32)),
    ):
        with pytest.raises(PhotoError, match="more than 16 bits, or fractions"):
            open_photo(encoded(image, "TIFF"))


def test_a_16_bit_tiff_where_0_is_white(picture):
    deep, buffer = picture[..., 0].astype(np.uint16) * 257, io.BytesIO()
    tifffile.imwrite(buffer, 65535 - deep, photometric="miniswhite")
    assert np.array_equal(open_photo(buffer.getvalue()).original[..., 0], deep)


@pytest.mark.parametrize(
    "how",
    [{}, {"compression": "zlib"}, {"rowsperstrip": 7}, {"tile": (16, 16)}],
    ids=["strips", "zlib", "several strips", "tiles"],
)
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_16_bit_tiff_of_planes_keeps_its_pixels_and_words(rng, how, orientation):
    deep, buffer = rng.integers(0, 65536, (31, 45, 3), dtype=np.uint16), io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.moveaxis(deep, -1, 0),
        photometric="rgb",
        planarconfig="separate",
        description="hello",
        software="abc",
        extratags=[(0x013B, "s", 0, "Somebody", True), (0x0112, "H", 1, orientation, True)],
        metadata=None,
        **how,
    )
    photo = open_photo(buffer.getvalue())
    upright = np.rot90(deep, {1: 0, 3: 2, 6: -1}[orientation])
    assert np.array_equal(photo.original, upright)
    again = open_photo(encode_photo(photo, "TIFF"))
    assert np.array_equal(again.original, upright)
    kept = Image.Exif()
    kept.load(again.exif)
    assert dict(kept) == {0x010E: "hello", 0x0131: "abc", 0x013B: "Somebody"}


@pytest.mark.parametrize("shape", [(41, 29), (30, 30)])
def test_of_one_channel_the_word_of_planes_says_nothing(rng, shape):
    pixels = rng.integers(0, 65536, shape, dtype=np.uint16)
    file = io.BytesIO()
    # tifffile does not write this itself: another tag takes its number afterwards.
    tifffile.imwrite(
        file, pixels, photometric="minisblack", extratags=[(286, "H", 1, 2, True)], metadata=None
    )
    data = file.getvalue().replace(struct.pack("<HHL", 286, 3, 1), struct.pack("<HHL", 284, 3, 1))
    assert Image.open(io.BytesIO(data)).tag_v2[284] == 2
    assert np.array_equal(open_photo(data).original[..., 0], pixels)


@pytest.mark.parametrize("planes", [False, True])
def test_of_a_16_bit_tiffs_extra_channels_only_alpha_is_alpha(rng, planes):
    pixels = rng.integers(1, 65536, (13, 17, 4), dtype=np.uint16)

    def opened(extra, colours=pixels, photometric="rgb"):
        buffer = io.BytesIO()
        tifffile.imwrite(
            buffer,
            colours.transpose(2, 0, 1).copy() if planes else colours,
            photometric=photometric,
            planarconfig="separate" if planes else "contig",
            extrasamples=extra,
        )
        return open_photo(buffer.getvalue())

    assert np.array_equal(opened(["unassalpha"]).original, pixels)
    assert np.array_equal(opened(["unspecified"]).original, pixels[..., :3])
    half = pixels.copy()
    half[..., :3] = pixels[..., :3] // 2
    half[..., 3] = 32768
    straight = opened(["assocalpha"], half).original
    assert np.array_equal(straight[..., 3], half[..., 3])
    assert np.abs(straight[..., :3].astype(int) - pixels[..., :3]).max() <= 3
    with pytest.raises(PhotoError, match="CMYK"):
        opened(None, photometric="separated")


@pytest.mark.parametrize("when", ["2024-01-01T10:00:00Z", "yesterday", "2024:01:01 10:00:00"])
def test_any_date_can_be_saved_with_16_bits(when):
    exif = Image.Exif()
    exif[0x0132] = when
    photo = Photo(np.zeros((5, 6, 3), np.uint16), "TIFF", exif=exif.tobytes())
    again = open_photo(encode_photo(photo, "TIFF"))
    assert again.original.dtype == np.uint16
