"""What every part of the page asks of the server: one JSON answer a question, never a traceback.

Every answer has `ok`; if it is false, `message` says in the reader's words what to do. Where asking
again may help without the reader, it says why as well: `busy`, or `lost` for a photo that the app
no longer has.
"""

import logging
from collections.abc import Callable
from typing import Any

from space.photos import LostPhotoError
from space.turns import BusyError, CancelledError

log = logging.getLogger(__name__)
Answer = dict[str, Any]
Question = Callable[[Any, dict], Answer]


def answered(words: Callable[[str], str] = str) -> Callable[[Question], Question]:
    """Turn expected failures into a message, and unexpected ones into a logged apology.

    Args:
        words: Puts the text of a ValueError into the reader's words.
    """

    def wrap(question: Question) -> Question:
        def answer(server: Any, data: dict) -> Answer:  # noqa: ANN401
            try:
                return {"ok": True} | question(server, data if isinstance(data, dict) else {})
            except CancelledError:
                return {"ok": False, "cancelled": True}
            except BusyError as error:
                return {"ok": False, "busy": True, "message": words(str(error))}
            except LostPhotoError as error:
                return {"ok": False, "lost": True, "message": words(str(error))}
            except ValueError as error:
                return {"ok": False, "message": words(str(error))}
            except MemoryError:
                return {"ok": False, "message": "This is too much for the memory of this machine."}
            except OSError as error:
                log.exception("the page's question failed")
                reason = error.strerror or "the disk did not answer"
                return {"ok": False, "message": f"The server's disk says: {reason}. Try once more."}
            except Exception:
                log.exception("the page's question failed")
                return {"ok": False, "message": "That went wrong on the server. Try once more."}

        return answer

    return wrap


def named(name: str, method: Callable[[dict], Answer]) -> Callable[[dict], Answer]:
    """A method as the plain, named function that gr.HTML's `server_functions` take."""

    def question(data: dict) -> Answer:
        return method(data)

    question.__name__ = name
    return question
