"""What the tabs are put together from: plain HTML components, status lines, pictures in text."""

import base64
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from space.canvas.pictures import plain_png
from space.store import StoreError
from space.turns import CancelledError

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For events of the page alone: no endpoint, no spinner."""
TROUBLE = (ValueError, StoreError, OSError, CancelledError)
"""What handlers answer with a line for the page; anything else is a mistake of ours."""
COPY = Path(__file__).parent / "copy.js"
"""The script for pieces with buttons that copy what they carry in `data-copy`."""
_COMMON = Path(__file__).parent / "common.js"
_QUALITY = 88
_log = logging.getLogger(__name__)


def html(elem_id: str, value: str = "", script: Path | None = None) -> gr.HTML:
    """A piece of HTML in the page's own style, without Gradio's.

    Args:
        elem_id: Of the component.
        value: What it shows first.
        script: Runs once when it comes onto the page; `element` is the component.
    """
    code = None if script is None else joined(script)
    return gr.HTML(value, elem_id=elem_id, js_on_load=code, apply_default_css=False)


def joined(*scripts: Path) -> str:
    """The functions of `common.js` and some more scripts, in this order."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (_COMMON, *scripts))


def status_html(kind: str, words: str) -> str:
    """A line that screen readers announce, of the kind `done` or `error`. `words` is HTML."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="rs" data-kind="{kind}" role="{role}"><p>{words}</p></div>'


def error_html(error: Exception | str) -> str:
    """A line of the kind `error` that says, in plain text, what went wrong."""
    return status_html("error", escape(str(error)))


def refused(error: Exception | str) -> gr.Error:
    """What to raise to answer with plain words; it was foreseen, so nothing is logged."""
    return gr.Error(str(error), print_exception=False)


@contextmanager
def plainly(words: Callable[[str], str] = str) -> Iterator[None]:
    """Answer an endpoint's failures in plain words; where things lie on the server stays there.

    Args:
        words: Puts the text of a ValueError into the reader's words.
    """
    try:
        yield
    except StoreError as error:
        raise refused(error) from error
    except ValueError as error:
        raise refused(words(str(error))) from error
    except OSError as error:
        _log.exception("an endpoint failed")
        reason = error.strerror or "it did not answer"
        raise refused(f"The server's disk says: {reason}. Try once more.") from error


def data_url(content: bytes, kind: str) -> str:
    """A picture file as part of the page; `kind` is png, jpeg or webp."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def jpeg_url(rgb: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), as a JPEG that is part of the page."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=_QUALITY)
    return data_url(stream.getvalue(), "jpeg")


def png_url(rgb: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), as a PNG without loss that is part of the page."""
    return data_url(plain_png(rgb), "png")
