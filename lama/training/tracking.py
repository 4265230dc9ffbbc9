"""Metrics, options and sample sheets in trackio (a local dashboard), for whoever asks for it.

Nothing leaves the machine unless trackio's own environment variables say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Tracker:
    """One run in a trackio project.

    Args:
        project: what the dashboard calls the project.
        name: what it calls the run; a run of that name is gone on with.
        options: to stand beside the metrics.

    Raises:
        ValueError: trackio is not installed.
    """

    def __init__(self, project: str, name: str, options: Mapping[str, Any]) -> None:
        try:
            import trackio  # noqa: PLC0415 - only when it is asked for
        except ImportError as error:
            raise ValueError(
                "--track wants trackio, which is not installed: "
                "pip install -r requirements-track.txt"
            ) from error
        self._trackio = trackio
        self._run = trackio.init(
            project=project, name=name, config=dict(options), resume="allow", embed=False
        )

    def log(self, line: Mapping[str, float], sheet: Path | None = None) -> None:
        """A line of the log, with its sample sheet if there is one.

        Args:
            line: numbers by name; `step` says where they belong.
            sheet: a picture.
        """
        values: dict[str, Any] = {k: v for k, v in line.items() if k != "step"}
        if sheet is not None and sheet.exists():
            values["samples"] = self._trackio.Image(str(sheet))
        self._run.log(values, step=int(line["step"]))

    def close(self) -> None:
        """Send what has not been sent yet, and end the run."""
        self._run.finish()
