"""Files that a page has sent: where they lie, and what the page calls them."""

import re
from pathlib import Path

from gradio.utils import get_upload_folder

FOLDER = re.compile(r"[0-9a-f]{64}")
"""Gradio puts each file into a folder of such a name; nothing else writes one."""


def sent(file: str | None, missing: str) -> Path:
    """The file of an endpoint's argument.

    Args:
        file: Where Gradio put it.
        missing: What to say if none was sent.

    Raises:
        ValueError: There is none, or it was thrown away meanwhile.
    """
    if not file:
        raise ValueError(missing)
    if not Path(file).is_file():
        raise ValueError("A file that was sent is no longer there. Send it once more.")
    return Path(file)


def arrived(data: dict) -> tuple[Path, str]:
    """The uploaded file of a question and its name.

    Args:
        data: `path` as the upload answered it, `name` for showing.

    Raises:
        ValueError: There is no such upload; in words for the reader.
    """
    path, uploads = Path(str(data.get("path", ""))).resolve(), Path(get_upload_folder()).resolve()
    # Where the operator has uploads put may be shared, and hold other programs' pictures.
    inside = path.relative_to(uploads).parts if path.is_relative_to(uploads) else ()
    if len(inside) != 2 or not FOLDER.fullmatch(inside[0]) or not path.is_file():
        raise ValueError("The photo did not arrive. Choose it once more.")
    return path, Path(str(data.get("name") or path.name)).name
