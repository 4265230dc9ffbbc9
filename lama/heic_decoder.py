"""A program of its own that decodes one HEIC, from standard input to standard output.

The library that does it is written in C++, and a file that somebody made up can take the process
down that reads it. So it is not the app's: see `lama.photo_heic`. Imports nothing of this package.

Out come a line of JSON, {"mode", "size", "exif", "icc_profile", "xmp", "bit_depth"} with bytes in
base64 or null, then the pixels of the picture that phones show, upright. A picture of more pixels
than the one argument allows is not decoded: its line has the size alone.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from typing import BinaryIO

from pi_heif import HeifImageFile


def decode(source: BinaryIO, target: BinaryIO, max_pixels: int) -> None:
    """See above.

    Raises:
        SyntaxError, ValueError, RuntimeError, EOFError: The file is damaged.
    """
    image = HeifImageFile(io.BytesIO(source.read()))
    head: dict[str, object] = {"size": image.size}
    if image.width * image.height > max_pixels:
        target.write(json.dumps(head).encode() + b"\n")
        return
    image.load()
    for name in ("exif", "icc_profile", "xmp"):
        block = image.info.get(name)
        head[name] = base64.b64encode(block).decode() if block else None
    head |= {"mode": image.mode, "size": image.size, "bit_depth": image.info.get("bit_depth", 8)}
    target.write(json.dumps(head).encode() + b"\n")
    target.write(image.tobytes())


if __name__ == "__main__":
    decode(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
