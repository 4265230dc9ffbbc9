"""Writing a photo back with everything that came with it."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, PngImagePlugin

from lama.exif import XMP, as_it_was, descriptive, exact, has_parts
from lama.files import write_atomic
from lama.photo import MOST_JPEG_EXIF, MOST_JPEG_XMP, Photo, eight_bits

SUFFIX = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
# Words of EXIF that have no argument of their own in tifffile's writer.
_DESCRIBED = {
    *(ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Artist, ExifTags.Base.Copyright),
    ExifTags.Base.HostComputer,
}
_EXIF_TIME = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")  # tifffile takes no other
_FORMATS = {".jpeg": "JPEG", ".tiff": "TIFF"} | {v: k for k, v in SUFFIX.items()}


def save_photo(photo: Photo, path: Path | str, format: str | None = None) -> None:  # noqa: A002
    """Write a photo atomically.

    PNG, TIFF and BMP keep every pixel; JPEG (quality 95, no chroma subsampling) and WebP are lossy
    (WebP is written lossless). 16 bits survive in PNG and TIFF and become 8 elsewhere. BMP has no
    EXIF or XMP, and JPEG none above 65,533 or 65,504 bytes.

    Args:
        photo: what to write.
        path: the file to make or replace.
        format: "PNG", "JPEG", "WEBP", "TIFF" or "BMP"; told by the path's suffix otherwise.

    Raises:
        ValueError: The format is not one of these.
    """
    write_atomic(Path(path), encode_photo(photo, format or format_of(path)))


def format_of(path: Path | str) -> str:
    """The format that a file name asks for."""
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise ValueError(
            f"{Path(path).name!r} does not end in a known picture suffix: "
            f"{' '.join(sorted(_FORMATS))}"
        )
    return _FORMATS[suffix]


def encode_photo(photo: Photo, format: str) -> bytes:  # noqa: A002
    """The bytes of a file; see `save_photo`."""
    if format not in SUFFIX:
        raise ValueError(f"cannot write {format!r}; {', '.join(SUFFIX)} can be written")
    if photo.original.dtype == np.uint16:
        if format == "PNG":
            return _deep_png(photo)
        if format == "TIFF":
            return _deep_tiff(photo)
    return _with_pillow(photo, format)


def _with_pillow(photo: Photo, format: str) -> bytes:  # noqa: A002
    pixels = photo.original
    if pixels.dtype == np.uint16:
        pixels = eight_bits(pixels)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if format in ("JPEG", "BMP") and image.mode in ("RGBA", "LA"):
        image = _on_white(image)
    options: dict[str, Any] = {}
    if photo.dpi and format != "WEBP":
        options["dpi"] = photo.dpi
    if photo.icc_profile and format != "BMP":
        options["icc_profile"] = photo.icc_profile
    longest = {"BMP": 0, "JPEG": MOST_JPEG_EXIF}.get(format)
    if photo.exif and (longest is None or len(photo.exif) <= longest):
        options["exif"] = photo.exif
    xmp = photo.text.get(XMP, "").encode()
    if xmp and (format == "WEBP" or (format == "JPEG" and len(xmp) <= MOST_JPEG_XMP)):
        options["xmp"] = xmp
    if format == "PNG":
        options |= {"pnginfo": _png_text(photo), "compress_level": 4}
    elif format == "JPEG":
        options |= {"quality": 95, "subsampling": 0, "optimize": True}
    elif format == "WEBP":
        options |= {"lossless": True, "exact": True, "method": 3}
    elif format == "TIFF":
        exif = Image.Exif()
        exif.load(photo.exif or b"")
        options["exif"] = as_it_was(descriptive(exif))
        if xmp:
            options["exif"][ExifTags.Base.XMLPacket] = xmp
        if not has_parts(exif):  # Pillow cannot write these beside compressed pixels
            options["compression"] = "tiff_adobe_deflate"
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, **options)
    except OSError:
        # Pillow's buffer for optimised JPEGs is too small for pictures that are nearly noise.
        if not options.pop("optimize", False):
            raise
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
    return buffer.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    """JPEG and BMP have no transparency."""
    background = Image.new("RGBA", image.size, "white")
    background.alpha_composite(image.convert("RGBA"))
    return background.convert("L" if image.mode == "LA" else "RGB")


def _png_text(photo: Photo) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in photo.text.items():
        info.add_itxt(key, value)
    return info


def _deep_png(photo: Photo) -> bytes:
    """16-bit PNG: OpenCV writes the pixels, the other chunks go in behind the header."""
    pixels = _spread(photo.original)
    if pixels.shape[2] >= 3:
        pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    ok, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not ok:
        raise ValueError("this photo cannot be written as a 16-bit PNG")
    data = encoded.tobytes()
    end_of_header = 8 + 25  # signature, IHDR chunk
    chunks = b""
    if photo.icc_profile:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc_profile))
    if photo.dpi:
        per_metre = [round(d / 0.0254) for d in photo.dpi]
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    if photo.exif:
        chunks += _chunk(b"eXIf", photo.exif.removeprefix(b"Exif\0\0"))
    for key, value in photo.text.items():
        chunks += _chunk(b"iTXt", key.encode("latin-1", "replace") + b"\0\0\0\0\0" + value.encode())
    return data[:end_of_header] + chunks + data[end_of_header:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _deep_tiff(photo: Photo) -> bytes:
    pixels = _spread(photo.original)
    grey = pixels.shape[2] == 1
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        pixels[..., 0] if grey else pixels,
        photometric="minisblack" if grey else "rgb",
        planarconfig=None if grey else "contig",
        extrasamples=["unassalpha"] if pixels.shape[2] == 4 else None,
        iccprofile=photo.icc_profile,
        resolution=photo.dpi,
        resolutionunit="INCH" if photo.dpi else None,
        metadata=None,
        **_tiff_words(photo),
    )
    return buffer.getvalue()


def _tiff_words(photo: Photo) -> dict[str, Any]:
    """What EXIF says of the photo in words, as the arguments of tifffile's writer."""
    exif = Image.Exif()
    exif.load(photo.exif or b"")
    words = {tag: exact(value) for tag, value in exif.items() if isinstance(value, str)}
    others = set(words) & _DESCRIBED
    taken = words.get(ExifTags.Base.DateTime, "")
    xmp = photo.text.get(XMP, "").encode()
    packet = [(ExifTags.Base.XMLPacket, "B", len(xmp), xmp, True)] if xmp else []
    well_formed = isinstance(taken, str) and _EXIF_TIME.fullmatch(taken)
    return {
        "description": words.get(ExifTags.Base.ImageDescription),
        "software": words.get(ExifTags.Base.Software, False),  # its own name otherwise
        "datetime": taken if well_formed else None,
        "extratags": [(tag, "s", 0, words[tag], True) for tag in sorted(others)] + packet,
    }


def _spread(pixels: np.ndarray) -> np.ndarray:
    """Grey with alpha as RGB with alpha: few programs read 16-bit files of the first kind."""
    return pixels[..., [0, 0, 0, 1]] if pixels.shape[2] == 2 else pixels
