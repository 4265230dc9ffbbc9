"""Fine-tuning as a process of its own: started, watched and stopped through files alone.

The app may be busy, restarted or reloaded meanwhile: what runs is found again by `current.json`
(process id and when it had that id, since ids come round again), and how far it is by what the run
itself writes into its folder (`lama.training.finetune`).
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from lama import extras
from lama.files import names_in, write_atomic
from space.folders import Folders
from space.processes import at_work
from space.store.files import try_lock

ROOT = Path(__file__).parents[2]
LAUNCH = "launch.json"  # in a run's folder: what it was asked for, and when
STATUS = "status.json"  # there as well: how far it is, as it says itself
_BUSY = "A model is being trained already. Wait for it, or cancel it."
_LOG_LINES = 40
_WORKING = ("preparing", "training", "evaluating")
_UNFINISHED = ("stopped", "failed")
_LOG_BYTES = 20_000
_LOSSES = 400  # points of a curve that are shown


@dataclass(frozen=True)
class RunState:
    """What is known of a run."""

    name: str = ""
    running: bool = False
    phase: str = "none"
    """none, preparing, training, evaluating, promoted, refused, stopped or failed."""
    message: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Since it was started or resumed; of a run that is over, until its last sign of life."""
    resumed_at: int = 0
    """The step that these seconds began with."""
    resumable: bool = False
    """It ended before it was done, and what it had learned is on disk."""
    model: str = ""
    """Name of the promoted model, or empty."""
    losses: tuple[tuple[int, float], ...] = ()
    val_lpips: tuple[tuple[int, float], ...] = ()
    """LPIPS on held-out photos and masks, from step 0 on, which is the base model."""
    log: str = ""
    report: str = ""
    """Markdown."""
    sheet: Path | None = None
    """Before and after, a PNG."""


@dataclass
class TrainingRuns:
    """The runs of one data directory; at most one goes on at a time.

    Attributes:
        data_dir: of the app.
        children: processes that this app started itself, to take note of their end.
    """

    data_dir: Path
    children: dict[int, subprocess.Popen] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the runs are."""
        return Folders(self.data_dir).runs

    @property
    def models_dir(self) -> Path:
        """Where promoted models are."""
        return Folders(self.data_dir).models

    def start(self, arguments: Sequence[str]) -> str:
        """Begin a run.

        Args:
            arguments: Flags of `python -m lama finetune` beyond the folders.

        Returns:
            Its name.

        Raises:
            ValueError: One goes on already, or what training needs is not installed.
        """
        _check_needed()
        self.folder.mkdir(parents=True, exist_ok=True)
        with try_lock(self.folder / "start.lock") as mine:
            if not mine or self.current() is not None:
                raise ValueError(_BUSY)
            name = time.strftime("%Y%m%d-%H%M%S")
            try:
                (self.folder / name).mkdir()
            except FileExistsError as error:  # a run of this very second, which has ended already
                raise ValueError("A run was begun a moment ago. Try once more.") from error
            self._launch(name, arguments)
        return name

    def resume(self) -> str:
        """Go on with the last run, as it was asked for, from where it was saved; its name.

        Raises:
            ValueError: One goes on, the last one is done or left nothing to go on from, or what
                training needs is not installed.
        """
        _check_needed()
        self.folder.mkdir(parents=True, exist_ok=True)
        with try_lock(self.folder / "start.lock") as mine:
            if not mine or self.current() is not None:
                raise ValueError(_BUSY)
            state = self.state()
            if not state.resumable:
                raise ValueError("There is no stopped run to go on with. Start a new one.")
            launch = _json(self.folder / state.name / LAUNCH)
            self._launch(state.name, launch["arguments"])
        return state.name

    def _launch(self, name: str, arguments: Sequence[str]) -> None:
        run_dir = self.folder / name
        launch = {"arguments": list(arguments), "time": time.time()}
        write_atomic(run_dir / LAUNCH, json.dumps(launch).encode())
        (run_dir / STATUS).unlink(missing_ok=True)  # how it ended the last time
        command = [
            *(["nice", "-n", "10"] if shutil.which("nice") else []),
            *(sys.executable, "-m", "lama", "finetune"),
            *("--masks-from", str(self.data_dir.resolve() / "dataset")),
            *("--run-dir", str(run_dir.resolve())),
            *("--models-dir", str(self.models_dir.resolve())),
            "--resume",  # a new folder has nothing to go on from
            *arguments,
        ]
        threads = str(max(1, (os.cpu_count() or 2) - 1))  # one is left for the page
        with (run_dir / "log.txt").open("a") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl+C for the app is not meant for the run
                env={"OMP_NUM_THREADS": threads, **os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.children[process.pid] = process
        note = {"run": name, "pid": process.pid, "time": time.time()}
        write_atomic(self.folder / "current.json", json.dumps(note).encode())

    def cancel(self) -> bool:
        """Ask the run that goes on to save and stop; whether there was one.

        Raises:
            ValueError: It was started by another user of this machine.
        """
        note = self.current()
        if note is None:
            return False
        try:
            psutil.Process(note["pid"]).terminate()
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied as error:
            words = "Another user of this machine started this run: it is theirs to stop."
            raise ValueError(words) from error
        return True

    def current(self) -> dict[str, Any] | None:
        """The run that goes on: its name and process id; None if there is none.

        It may have been started on the command line, in the folder of the app's own runs.
        """
        for child in tuple(self.children.values()):
            child.poll()  # one that ended would stay a zombie
        note = _json(self.folder / "current.json")
        if at_work(note):
            return note
        for name in self._newest_first():  # the one at work need not be the last that was begun
            status = _json(self.folder / name / STATUS)
            if status.get("phase") in _WORKING and at_work(status):
                return {"run": name, "pid": status["pid"]}
        return None

    def state(self) -> RunState:
        """How the run that goes on, or else the last one, stands."""
        note = self.current()
        name = note["run"] if note else next(iter(self._newest_first()), "")
        if not name:
            return RunState()
        return read_state(self.folder / name, note is not None)

    def _newest_first(self) -> list[str]:
        """The runs' names, which may be any, by when each was last heard of."""
        heard = ((_heard_of(path), path.name) for path in names_in(self.folder))
        return [name for moment, name in sorted(heard, reverse=True) if moment]


def _heard_of(run_dir: Path) -> float:
    """When a run last said something or was asked for; 0 for a folder that is none."""
    moments = [0.0]
    for name in (STATUS, LAUNCH):
        with contextlib.suppress(OSError):
            moments.append((run_dir / name).stat().st_mtime)
    return max(moments)


def read_state(run_dir: Path, running: bool) -> RunState:
    """What a run's folder says."""
    status, plan = _json(run_dir / STATUS), _json(run_dir / "plan.json")
    launch = _json(run_dir / LAUNCH)
    lines = _stats(run_dir / "stats.jsonl")
    phase, message = status.get("phase", "preparing"), str(status.get("message", ""))
    if not running and phase in _WORKING:
        # It could not say so itself: killed, or the machine went down.
        phase = "stopped"
        message = "The process ended before it was done; its log is below."
    last = status.get("time", 0.0) if not running else time.time()
    report = run_dir / "report.md"
    sheet = run_dir / "before-after.png"
    return RunState(
        name=run_dir.name,
        running=running,
        phase=phase,
        message=message,
        step=max((int(line["step"]) for line in lines), default=0),
        steps=int(plan.get("steps") or 0),
        seconds=max(0.0, last - (launch.get("time") or _started(run_dir))),
        resumed_at=int(status.get("since") or 0),
        resumable=bool(launch)
        and phase in _UNFINISHED
        and status.get("resumable", True)
        and (run_dir / "state.pt").is_file(),
        model=Path(str(status.get("model", ""))).stem,
        losses=_curve(lines, "loss"),
        val_lpips=_curve(lines, "val_lpips"),
        log=_tail(run_dir / "log.txt"),
        report=report.read_text(encoding="utf-8") if report.is_file() else "",
        sheet=sheet if sheet.is_file() else None,
    )


def _check_needed() -> None:
    lacking = extras.missing()
    if lacking:
        names = ", ".join(lacking)
        raise ValueError(f"Training needs what is not installed here ({names}): {extras.INSTALL}")


def _started(run_dir: Path) -> float:
    with contextlib.suppress(ValueError):
        return time.mktime(time.strptime(run_dir.name, "%Y%m%d-%H%M%S"))
    with contextlib.suppress(OSError):  # a name of somebody's own
        return (run_dir / "plan.json").stat().st_mtime
    return time.time()


def _json(path: Path) -> dict[str, Any]:
    """A small JSON file; empty where it is not there or half written."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _stats(path: Path) -> list[dict[str, float]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):  # the last one may be being written
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict) and "step" in line]


def _curve(lines: Sequence[dict[str, float]], name: str) -> tuple[tuple[int, float], ...]:
    points = [(int(line["step"]), float(line[name])) for line in lines if name in line]
    return tuple(points[:: max(1, len(points) // _LOSSES)])


def _tail(path: Path) -> str:
    """The last lines of a log, progress bars as they stand."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join([line for line in lines if line.strip()][-_LOG_LINES:])
