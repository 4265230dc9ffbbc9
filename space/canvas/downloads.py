"""Fetching a model while the page looks on: one download at a time, with progress and a stop."""

import logging
import threading
from typing import Any

from space.engine import Engine
from space.turns import CancelledError

_log = logging.getLogger(__name__)


class Downloads:
    """At most one download for everybody; pages ask for its state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._state: dict[str, Any] = {"model": "", "state": "idle", "fraction": 0.0}

    def act(self, action: str, model: str) -> dict[str, Any]:
        """Do `start`, `cancel` (if that model is being fetched) or just tell the `state`."""
        if action == "start":
            self._start(model)
        with self._lock:
            if action == "cancel" and self._state["model"] == model:
                self._stop.set()
            return dict(self._state)

    def _start(self, model: str) -> None:
        with self._lock:
            if self._state["state"] == "running":
                return
            if model not in {known.name for known in self._engine.models()}:
                raise ValueError(f"There is no model named {model!r}.")
            self._stop = threading.Event()
            self._state = {"model": model, "state": "running", "fraction": 0.0}
        threading.Thread(target=self._fetch, args=(model, self._stop), daemon=True).start()

    def _fetch(self, model: str, stop: threading.Event) -> None:
        try:
            self._engine.download(model, lambda share: self._note(fraction=share), stop.is_set)
        except CancelledError:
            self._note(state="cancelled")
        except (ValueError, OSError) as error:
            self._note(state="failed", message=str(error))
        except Exception:  # noqa: BLE001 - the thread's last line: nothing runs for ever
            _log.exception("the download of %s failed", model)
            self._note(state="failed", message="The download failed. Try again in a moment.")
        else:
            self._note(state="done", fraction=1.0)

    def _note(self, **changes: object) -> None:
        with self._lock:
            self._state |= changes
