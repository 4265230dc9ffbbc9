"""A result that was gone on from is a photo, and still a result: it can be had as a file."""

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from lama.exif import XMP
from lama.photo import Photo, open_photo
from lama.photo_write import SUFFIX, save_photo
from space.canvas.server import CanvasServer
from tests.space.canvas.test_server import question


def gone_on(server: CanvasServer, path: Path) -> tuple[str, str]:
    """Ids of a result and of the photo that it was made into."""
    result = server.run(question(server, path))["result"]
    return result, server.adopt({"result": result})["photo"]


def exported(server: CanvasServer, **asked: str) -> tuple[str, Photo]:
    answer = server.export(asked)
    return answer["name"], open_photo(Path(answer["url"].removeprefix("gradio_api/file=")))


def exif_of(maker: str) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = maker
    return exif.tobytes()


def test_it_is_exported_like_its_result(server: CanvasServer, tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    pixels = np.random.default_rng(3).integers(0, 65536, (43, 61, 4), dtype=np.uint16)
    save_photo(Photo(pixels, "TIFF", exif=exif_of("Canon"), text={XMP: "<x:xmpmeta/>"}), path)
    result, photo = gone_on(server, path)
    for wanted in ("TIFF", "PNG"):
        name, now = exported(server, photo=photo, name="../night.tif", format=wanted)
        _, before = exported(server, result=result, format=wanted)
        assert name == "night-inpainted" + SUFFIX[wanted]
        assert now.format == wanted
        assert now.original.dtype == np.uint16
        assert np.array_equal(now.original, before.original)
        assert (now.exif, now.text) == (before.exif, before.text)
        assert b"Canon" in (now.exif or b"")
        assert XMP in now.text


def test_its_format_is_the_one_that_the_page_says(server: CanvasServer, tmp_path: Path) -> None:
    path = tmp_path / "street.jpg"
    Image.new("RGB", (61, 43), (90, 120, 150)).save(path)
    _, photo = gone_on(server, path)
    assert exported(server, photo=photo)[0] == "street-inpainted.jpg"
    server.services.photos.put(server.services.photos.get(photo).path, "opened again.png")
    name, file = exported(server, photo=photo, name="street.jpg", format="JPEG")
    assert (name, file.format) == ("street-inpainted.jpg", "JPEG")


def test_whether_a_photo_is_one_is_known(server: CanvasServer, picture: Path) -> None:
    first = server.services.photos.put(picture).id
    _, photo = gone_on(server, picture)
    assert server.has_photo({"photo": photo})["made"] is True
    assert server.has_photo({"photo": first})["made"] is False


def test_one_that_is_gone_is_told_apart(server: CanvasServer) -> None:
    answer = server.export({"photo": "0" * 64, "format": "PNG"})
    assert (answer["ok"], answer["lost"]) == (False, True)
