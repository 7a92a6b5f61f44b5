"""All runs of all users, in runs/OWNER/RUN, and the thread that paints them in turn."""

import json
import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from vidstyle.errors import InputError, VidstyleError
from vidstyle.ui.run import FACTS, Run, Stopped

OWNER: Final = re.compile("[0-9a-f]{32}")
"""What a browser is called: nobody can guess it."""
HOUR_S = 3600
OURS: Final = "internal error in vidstyle; see its terminal for details."


class Runs:
    """They are painted one at a time."""

    def __init__(self, root: Path, *, keep_days: float = 7) -> None:
        """Take the folder; what was being painted when the server ended waits again."""
        self.root, self._keep_s = root / "runs", keep_days * 24 * HOUR_S
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._runs = [
            Run(folder=path.parent, **json.loads(path.read_text(encoding="utf-8")))
            for path in self.root.glob(f"*/*/{FACTS}")
        ]
        for run in self._runs:
            if run.state == "painting":
                self._set(run, "waiting")

    def start(self) -> None:
        """Begin to paint."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what is being painted goes on when the server is started again."""
        with self._changed:
            self._is_closed = True
            for run in self._runs:
                run.is_stopped = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def of(self, owner: str) -> list[Run]:
        """List the runs of a user, the newest first."""
        own = [run for run in [*self._runs] if run.folder.parent.name == owner]
        return sorted(own, key=lambda run: run.folder.name, reverse=True)

    def find(self, owner: str, name: str | None) -> list[Run]:
        """Find a user's run by its name; none, if it is not theirs."""
        return [run for run in self.of(owner) if run.folder.name == name]

    def add(
        self,
        owner: str,
        content: Path,
        style: Path | str,
        *,
        more: Iterable[Path] = (),
        **asked: Any,
    ) -> Run:
        """Queue a run with copies of its files; ConfigError if a setting cannot be."""
        if not OWNER.fullmatch(owner):
            raise InputError("Please reload the page: its runs are unknown.")
        run = Run(
            folder=self.root / owner / f"{time.time_ns():020}-{secrets.token_hex(4)}",
            content=content.name,
            style=style if isinstance(style, str) else style.name,
            **asked,
        )
        run.config()
        for kind, files in ("content", [content]), ("style", [style]), ("more", more):
            for file in files:
                if isinstance(file, Path):
                    _copy(file, run.folder / kind)
        self._runs.append(run)
        self.go_on(run)
        return run

    def stop(self, run: Run) -> None:
        """Stop a run; what is painted of it stays for when it goes on."""
        with self._changed:
            run.is_stopped, run.line = True, "stopping"
            if run.state == "waiting":
                self._set(run, "stopped")

    def go_on(self, run: Run) -> None:
        """Queue a run that is new, was stopped or has failed."""
        with self._changed:
            if run.state != "painting":
                run.queued_s, run.error = time.time(), ""
                self._set(run, "waiting")
                self._changed.notify()

    def delete(self, run: Run) -> None:
        """Delete a run and its files, unless it is being painted."""
        with self._changed:
            if run.state != "painting" and run in self._runs:
                self._runs.remove(run)
                shutil.rmtree(run.folder, ignore_errors=True)

    def _set(self, run: Run, state: Any) -> None:
        run.state = state
        run.save()

    def _work(self) -> None:
        while (run := self._next()) is not None:
            state = "done"
            try:
                run.paint()
            except Stopped:
                state = "painting" if self._is_closed else "stopped"
            except VidstyleError as err:
                state, run.error = "failed", run.without_paths(str(err))
            except Exception:  # the other runs must go on
                logging.getLogger(__name__).exception("%s", run.folder)
                state, run.error = "failed", OURS
            with self._changed:
                self._set(run, state)

    def _next(self) -> Run | None:
        """Wait for a run and take it. None: the server ends."""
        with self._changed:
            while not self._is_closed:
                waiting = [run for run in self._runs if run.state == "waiting"]
                if waiting:
                    run = min(waiting, key=lambda run: run.queued_s)
                    run.line, run.is_stopped, run.pace = "preparing", False, None
                    run.notes = []
                    self._set(run, "painting")
                    return run
                self._delete_old()
                self._changed.wait(HOUR_S)
        return None

    def _delete_old(self) -> None:
        for run in [*self._runs]:
            with suppress(OSError):
                age_s = time.time() - (run.folder / FACTS).stat().st_mtime
                if age_s > self._keep_s and run.state != "waiting":
                    self.delete(run)


def _copy(file: Path, folder: Path) -> None:
    """Link a file into a folder, or copy it where that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        (folder / file.name).hardlink_to(file)
        return
    shutil.copy2(file, folder / file.name)
