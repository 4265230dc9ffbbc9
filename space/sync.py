"""The dataset's way to the Hub while the app runs: on a timer, by button, and again after trouble.

One thread of one process pushes for a data directory; whoever else has it open waits for the lock
and takes over when that process dies. A push that fails is tried again after a pause that doubles
each time, with some jitter so that many apps do not come back at once, or after what the Hub asked
for. What is pushed, and why nothing travels twice, is in `space.store.hub`.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
from huggingface_hub import HfApi

from space.store import Store, StoreError, health
from space.store.errors import HubError, NoRepositoryError
from space.store.files import try_lock
from space.store.hub import Pushed, push
from space.store.index import set_meta
from space.store.restoring import is_empty, restore
from space.words import waiting_time

FIRST_PAUSE = 30.0  # seconds after the first failure
LONGEST_PAUSE = 3600.0
_LOCK_SECONDS = 5.0  # between two looks at whether another process still pushes
_log = logging.getLogger(__name__)


class Sync:
    """Pushes a store's records to a dataset on the Hub, in the background."""

    def __init__(
        self,
        store: Store,
        hub: HfApi,
        repository: str,
        minutes: float = 5.0,
    ) -> None:
        """Prepare; nothing happens before `start` or `push_now`.

        Args:
            store: Whose records.
            hub: From `space.store.connection.connect`.
            repository: `USER/NAME`.
            minutes: Between two looks at whether there is something to push.
        """
        self.repository = repository
        self._store, self._hub = store, hub
        self._seconds = minutes * 60
        self._rng = np.random.default_rng()  # for the jitter
        self._failures = 0
        self._looked = False  # for something to restore
        self._announced = ""  # when the next look is
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._turn = threading.Lock()  # the button and the timer do not push at once
        self._thread: threading.Thread | None = None

    @property
    def statuses(self) -> tuple[str, ...]:
        """Records of these go up: as the last time, so that what was sent by hand stays there."""
        return tuple(self._store.core.index.meta("hub_statuses").split()) or ("approved",)

    def pause_left(self) -> float:
        """Seconds that the Hub still wants to be left alone."""
        until = int(self._store.core.index.meta("hub_pause_until") or 0)
        return max(0.0, until / 1e6 - time.time())

    def start(self) -> None:
        """Begin; the first look is at once."""
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._thread.start()

    def stop(self, last_push: bool = True, patience: float = 30.0) -> None:
        """End, after one last push if something waits.

        Args:
            last_push: Whether to try that.
            patience: Seconds to wait for a push that is under way; without its end none follows.
        """
        deadline = time.monotonic() + patience
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(patience)
        try:
            if last_push and health.due(self._store.core, self.statuses):
                self._push_in_turn(max(0.0, deadline - time.monotonic()))
        except (StoreError, ValueError, OSError) as error:
            _log.warning("What was not pushed stays in the data directory: %s", error)
        try:
            self._take_back()
        except StoreError as error:
            _log.warning("The time of the next push could not be taken back: %s", error)

    def push_now(self) -> Pushed:
        """Restore if that is still to be done, then push.

        Raises:
            SubmissionError: The data directory belongs to another repository.
            HubError: It did not go through, or the Hub's pause is not over.
        """
        return self._push_in_turn()

    def _push_in_turn(self, patience: float = -1) -> Pushed:
        """As `push_now`, which waits however long; HubError where another push does not end."""
        if not self._turn.acquire(timeout=patience):
            reason = "another push is still under way."
            raise HubError(f"Nothing was pushed: {reason}", reason)
        try:
            if (left := self.pause_left()) > 0:
                reason = f"the Hub asked for a pause of another {waiting_time(left)}."
                raise HubError(f"Nothing was pushed: {reason}", reason, left)
            try:
                return self._push()
            except HubError as error:
                if error.pause:
                    until = str(round((time.time() + error.pause) * 1e6))
                    with contextlib.suppress(StoreError):
                        self._store.core.index.remember(hub_pause_until=until)
                raise
        finally:
            self._turn.release()

    def _push(self) -> Pushed:
        core = self._store.core
        if is_empty(core):
            count = self._restore()
            said = f"Restored {count} records" if count else "There is nothing to restore"
            if count or not self._looked:
                _log.info("The data directory is empty. %s from %s.", said, self.repository)
            self._looked = True
        return push(core, self._hub, self.repository, self.statuses)

    def _restore(self) -> int:
        """Take in what is on the Hub; how many records came."""
        try:
            return restore(self._store.core, self._hub, self.repository, self._said)
        except NoRepositoryError:
            # The first push makes it. Or the token is missing or wrong: the Hub answers alike, so
            # that push fails, and the repository is looked for again before the next one.
            return 0

    def _said(self, done: int, total: int) -> None:
        _log.info("Restoring from %s: %d of %d shards.", self.repository, done, total)

    def _run(self) -> None:
        path = self._store.core.data_dir / "sync.lock"
        while not self._stopped.is_set():
            with try_lock(path) as mine:
                if mine:
                    self._push_until_stopped()
            self._stopped.wait(_LOCK_SECONDS)

    def _push_until_stopped(self) -> None:
        while not self._stopped.is_set():
            pause = self._attempt()
            self._announce(pause)
            self._wake.wait(pause)
            self._wake.clear()

    def _attempt(self) -> float:
        """Push if there is something to push; returns the seconds until the next look."""
        core = self._store.core
        try:
            if is_empty(core) or health.due(core, self.statuses):
                done = self.push_now()
                if done.records or done.withdrawn:
                    _log.info(
                        "%d records pushed to %s, %d shards withdrawn.",
                        done.records, self.repository, done.withdrawn,
                    )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - the thread's last line: the next look comes
            if not isinstance(error, StoreError | ValueError | OSError):
                _log.exception("The push failed in a way that was not foreseen.")
            self._failures += 1
            pause = self._pause(getattr(error, "pause", None))
            _log.warning("%s Next attempt in %.0f s.", error, pause)
            return pause
        self._failures = 0
        return self._seconds

    def _pause(self, wished: float | None) -> float:
        """How long to leave the Hub alone after a failure.

        Args:
            wished: What it asked for, if it did; never come back earlier than that.
        """
        doubled = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
        jitter = float(self._rng.uniform(0.5, 1.5))
        return max(doubled * jitter, 0.0 if wished is None else wished * (1 + 0.1 * jitter))

    def _announce(self, pause: float) -> None:
        """Write down when the next look is, and who will do it."""
        when = str(int((time.time() + pause) * 1e6))
        try:
            self._store.core.index.remember(next_push=when, syncer=str(os.getpid()))
            self._announced = when
        except StoreError as error:
            _log.warning("The time of the next push could not be written down: %s", error)

    def _take_back(self) -> None:
        """Nobody pushes at the time that was written down, unless another process wrote its own."""
        index = self._store.core.index
        with index.transaction() as run:
            mine = (self._announced, str(os.getpid()))
            if self._announced and (index.meta("next_push"), index.meta("syncer")) == mine:
                set_meta(run, "next_push", "")
                set_meta(run, "syncer", "")


@contextlib.contextmanager
def running(sync: Sync | None) -> Iterator[None]:
    """Sync as long as the block lasts, with a last push at its end, also on a polite kill.

    Args:
        sync: What to run; None does nothing.
    """
    if sync is None:
        yield
        return
    if threading.current_thread() is threading.main_thread():
        # What a container sends before it is taken away; without this, nothing is said or done.
        signal.signal(signal.SIGTERM, _interrupt)
    sync.start()
    try:
        yield
    finally:
        sync.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
