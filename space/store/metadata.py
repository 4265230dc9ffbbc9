"""Camera, place and editing data cut out of picture files, without touching one pixel.

A photo says where and when it was taken, with which camera and often by whom; nothing of that is
needed to learn to fill holes. JPEG, PNG and WebP are containers of labelled parts, so the parts
that carry pixels and colour are copied as they are and all others are left out: what is kept is
listed here, not what is dropped, so that a part nobody thought of goes too. That includes
whatever follows the end of the picture (the video of a "live" photo has its own position).

The orientation is the one fact that has to stay: the stored bytes must show the same way up as
what the mask was drawn on. Where it is not 1, a metadata block is written that says only that.
"""

import re
import struct
import zlib
from collections.abc import Iterator

# A marker inside of entropy-coded JPEG data: FF followed by neither stuffing, restart nor fill.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_SOI, _JPEG_EOI, _JPEG_SOS, _JPEG_COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_JPEG_APP0, _JPEG_APP15 = 0xE0, 0xEF

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sBIT", b"bKGD", b"hIST", b"pHYs"),
    *(b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI"),
}

_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}
_WEBP_EXIF_FLAG, _WEBP_XMP_FLAG = 0x08, 0x04


def orientation_block(orientation: int) -> bytes:
    """A TIFF structure, as Exif uses it, with the orientation (1 to 8) as its only entry."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"II*\x00" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)


def strip_jpeg(data: bytes, orientation: int) -> bytes:
    """Copy a JPEG without metadata.

    Kept: tables, frames and scans, the JFIF header (without its thumbnail), the colour profile,
    and Adobe's marker, which says how the colours are coded.

    Args:
        data: The file.
        orientation: 1 to 8; written back when it is not 1.

    Raises:
        ValueError: The file is not a JPEG, or ends too early.
    """
    if data[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG")
    parts = [b"\xff\xd8"]
    if orientation != 1:
        body = b"Exif\x00\x00" + orientation_block(orientation)
        parts.append(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body)
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker == _JPEG_EOI:
            parts.append(b"\xff\xd9")
            return b"".join(parts)
        if 0xD0 <= marker <= 0xD7 or marker == 0x01:  # restart and TEM carry no length
            parts.append(bytes((0xFF, marker)))
            continue
        body, end = _jpeg_body(data, position)
        kept = _jpeg_kept(marker, body)
        if kept is not None:
            parts.append(bytes((0xFF, marker)) + struct.pack(">H", len(kept) + 2) + kept)
        position = end
        if marker == _JPEG_SOS:
            found = _MARKER.search(data, position)
            if found is None:
                raise ValueError("the JPEG ends too early")
            parts.append(data[position : found.start()])
            position = found.start()


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Read a marker, skipping fill bytes; returns it and the position behind it."""
    if position >= len(data) or data[position] != 0xFF:
        raise ValueError("the JPEG is damaged")
    while position < len(data) and data[position] == 0xFF:
        position += 1
    if position >= len(data):
        raise ValueError("the JPEG ends too early")
    return data[position], position + 1


def _jpeg_body(data: bytes, position: int) -> tuple[bytes, int]:
    """The payload of the segment whose length field is at `position`, and where it ends."""
    if position + 2 > len(data):
        raise ValueError("the JPEG ends too early")
    (length,) = struct.unpack_from(">H", data, position)
    end = position + length
    if length < 2 or end > len(data):
        raise ValueError("the JPEG ends too early")
    return data[position + 2 : end], end


def _jpeg_kept(marker: int, body: bytes) -> bytes | None:
    """What of a segment stays: all of it, a part, or None."""
    if marker == _JPEG_COMMENT:
        return None
    if not _JPEG_APP0 <= marker <= _JPEG_APP15:
        return body
    if marker == _JPEG_APP0 and body.startswith(b"JFIF\x00") and len(body) >= 14:
        return body[:12] + b"\x00\x00"  # a thumbnail of 0x0: it may show what was edited away
    if (marker == 0xE2 and body.startswith(b"ICC_PROFILE\x00")) or (
        marker == 0xEE and body.startswith(b"Adobe")
    ):
        return body
    return None


def strip_png(data: bytes, orientation: int) -> bytes:
    """Copy a PNG without metadata: pixels, palette, transparency and colour description stay.

    Args:
        data: The file; of an animated one only the still picture stays.
        orientation: 1 to 8; written back when it is not 1.

    Raises:
        ValueError: The file is not a PNG, or ends too early.
    """
    if not data.startswith(_PNG_SIGNATURE):
        raise ValueError("not a PNG")
    parts = [_PNG_SIGNATURE]
    position = len(_PNG_SIGNATURE)
    while True:
        if position + 12 > len(data):
            raise ValueError("the PNG ends too early")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise ValueError("the PNG ends too early")
        if kind in _PNG_KEPT:
            parts.append(data[position:end])
        if kind == b"IHDR" and orientation != 1:
            body = b"eXIf" + orientation_block(orientation)
            parts.append(struct.pack(">I", len(body) - 4) + body)
            parts.append(struct.pack(">I", zlib.crc32(body)))
        if kind == b"IEND":
            return b"".join(parts)
        position = end


def strip_webp(data: bytes, orientation: int) -> bytes:
    """Copy a still WebP without metadata: pixels, transparency and colour profile stay.

    Args:
        data: The file.
        orientation: 1 to 8; written back when it is not 1. Only a file that had an Exif block
            can have one, so the header that announces it is there already.

    Raises:
        ValueError: The file is not a still WebP, or ends too early.
    """
    kept: list[tuple[bytes, bytes]] = []
    for kind, body in _webp_chunks(data):
        if kind == b"VP8X":
            if len(body) < 10:
                raise ValueError("the WebP is damaged")
            flags = body[0] & ~(_WEBP_EXIF_FLAG | _WEBP_XMP_FLAG)
            body = bytes((flags | (_WEBP_EXIF_FLAG if orientation != 1 else 0),)) + body[1:]
        if kind in _WEBP_KEPT:
            kept.append((kind, body))
    if orientation != 1:
        if not any(kind == b"VP8X" for kind, _ in kept):
            raise ValueError("the WebP has an orientation but no header for it")
        kept.append((b"EXIF", orientation_block(orientation)))
    chunks = b"".join(
        kind + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)
        for kind, body in kept
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of every chunk inside the RIFF container; what follows it is left out."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("not a WebP")
    limit = 8 + struct.unpack_from("<I", data, 4)[0]
    if limit > len(data):
        raise ValueError("the WebP ends too early")
    position = 12
    while position + 8 <= limit:
        kind, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length
        if end > limit:
            raise ValueError("the WebP ends too early")
        yield kind, data[position + 8 : end]
        position = end + length % 2
