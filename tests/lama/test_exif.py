from PIL import Image

from lama.exif import descriptive, has_parts


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
