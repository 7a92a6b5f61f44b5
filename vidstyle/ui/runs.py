"""Runs started from the page, each in a folder OWNER/RUN, and their queue.

run.json        the request and its state
content/NAME    the uploaded clip or picture
style/NAME      the uploaded painting, unless it is a bundled one
more/NAME       key frames painted by the user; a trained painting network
newest.png      the picture, or a clip's first frame, while it is optimized
NAME.*          the results, and the work directory until then
"""

import json
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Literal

from vidstyle.clip.pipeline import stylize_video
from vidstyle.clip.preview import preview_video
from vidstyle.config import StyleConfig, VideoConfig
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import named_painting, read_preset, read_text
from vidstyle.errors import ConfigError, InputError, VidstyleError
from vidstyle.images import is_picture, write_picture, write_whole
from vidstyle.pace import Pace
from vidstyle.records import Download, Event, FrameReport, Notice, Plan, StepReport
from vidstyle.stylize.image import stylize_image
from vidstyle.video.mux import name_beside
from vidstyle.video.work_dir import NEWEST
from vidstyle.video.write import Outputs

SETTINGS: Final = {s.key: s for s in settings_of(StyleConfig, VideoConfig)}
FACTS = "run.json"
SHOW_EVERY_S = 3.0
INTERNAL: Final = "internal error in vidstyle; see its terminal for details."


class Stopped(Exception):  # noqa: N818 - not an error
    """The user or the server's shutdown has stopped a run."""


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """A request and its state; as a listener, it tracks its own progress."""

    folder: Path
    content: str
    style: str  # file name of an upload, or name of a bundled painting
    keys: dict[str, str] = field(default_factory=dict)  # files by time in seconds
    preset: str = "standard"
    options: dict[str, str] = field(default_factory=dict)  # override the preset's
    is_preview: bool = False  # three frames of a clip
    state: Literal["waiting", "painting", "done", "stopped", "failed"] = "waiting"
    queued_s: float = 0.0  # Unix time
    notes: list[str] = field(default_factory=list)
    error: str = ""
    frames: int = 0  # of the result, if it is a clip
    # The fields below describe work in progress and are not stored.
    line: str = field(default="", init=False)
    is_stopped: bool = field(default=False, init=False)
    pace: Pace | None = field(default=None, init=False)
    began: tuple[float, float] = field(default=(0.0, 0.0), init=False)  # time, steps
    shown_s: float = field(default=0.0, init=False)

    @property
    def source(self) -> Path:
        return self.folder / "content" / self.content

    @property
    def is_still(self) -> bool:
        return is_picture(self.source)

    @property
    def painting(self) -> Path:
        own = self.folder / "style" / self.style
        return own if own.is_file() else named_painting(Path(self.style))

    @property
    def outputs(self) -> Outputs:
        """The paths of the results; clips are MP4s, which browsers can play."""
        stem = name_beside(self.folder / self.content, [self.painting], "")
        if self.is_preview:
            return Outputs(Path(f"{stem}.preview.png"), evolution=None, sheet=None)
        gif = Path(f"{stem}.gif")
        if self.is_still:
            return Outputs(Path(f"{stem}.png"), evolution=gif, sheet=None)
        return Outputs(Path(f"{stem}.mp4"), gif, None, Path(f"{stem}.compare.mp4"))

    @property
    def output(self) -> Path:
        return self.outputs.video

    @property
    def results(self) -> list[Path]:
        return [path for path in self.outputs if path is not None and path.is_file()]

    @property
    def newest(self) -> Path:
        """The latest finished frame or, until there is one, the first in progress."""
        stored = Path(f"{self.output}.vidstyle") / NEWEST
        return stored if stored.is_file() else self.folder / NEWEST

    def config(self) -> VideoConfig:
        """Create the configuration, or raise ConfigError for an invalid setting."""
        values = dict(read_preset(self.preset).settings)
        for key, text in self.options.items():
            try:
                value = read_text(SETTINGS[key], text)
            except ValueError as err:
                raise ConfigError(f"{err}.") from None
            if isinstance(value, Path):
                value = self.folder / "more" / value
            values[SETTINGS[key].name] = value
        return VideoConfig.of(**values)

    def paint(self) -> None:
        config, outputs = self.config(), self.outputs
        paths = self.source, self.painting, outputs.video
        given: dict[str, Any] = {"overwrite": True, "listener": self}
        if self.is_preview:
            preview_video(*paths, config=config, **given)
            return
        given["evolution_output"] = outputs.evolution
        if self.is_still:
            stylize_image(*paths, config=config.style, **given)
            return
        more, given["compare_output"] = self.folder / "more", outputs.compare
        keys = {float(second): more / name for second, name in self.keys.items()}
        self.frames = stylize_video(*paths, config=config, keys=keys, **given).frames

    def __call__(self, event: Event) -> None:
        """Track progress; raises Stopped to abort the work."""
        match event:
            case Notice():
                self.notes.append(self.without_paths(event.text))
            case Download():
                self.line = f"downloading {event.name}: {event.done / 1e6:.0f} MB"
            case Plan():
                self.pace = Pace(event)
                self.began = time.monotonic(), self.pace.steps
            case StepReport() if self.pace is not None:
                self.pace.step(event)
                self.line = self.pace.count
                if self.pace.frames == 1:
                    self.line = f"step {event.step} of {event.steps}"
                self._show(event)
            case FrameReport() if self.pace is not None:
                self.pace.frame(event)
                self.line = self.pace.count
        # Not at other events, which may come from another thread.
        if self.is_stopped and isinstance(event, StepReport | FrameReport):
            raise Stopped

    def _show(self, report: StepReport) -> None:
        """Store the picture, or a clip's first frame, in progress every few seconds."""
        own, now_s = self.folder / NEWEST, time.monotonic()
        is_due = self.is_stopped or now_s > self.shown_s + SHOW_EVERY_S
        if is_due and report.picture is not None and self.newest == own:
            write_picture(own, report.picture())
            self.shown_s = now_s

    def without_paths(self, text: str) -> str:
        """Replace paths in a message by the file names that the user knows."""
        inside = self.source.parent, self.painting.parent, self.folder / "more"
        for folder in (*inside, self.folder):
            text = text.replace(f"{folder}{os.sep}", "")
        return text

    def enter(self, state: Any) -> None:
        """Change the state, and store the request with it atomically."""
        self.state = state
        stored = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        del stored["folder"]
        write_whole(self.folder / FACTS, json.dumps(stored, indent=1).encode())


class Runs:
    """The runs of all users, of which one at a time is painted."""

    def __init__(self, root: Path, *, keep_days: float = 7) -> None:
        """Load the stored runs; one that the last shutdown interrupted waits again."""
        self.root, self._keep_s = root / "runs", keep_days * 24 * 3600
        self._closed = threading.Event()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._queue = SimpleQueue[Run | None]()
        self._runs = [
            Run(folder=path.parent, **json.loads(path.read_text(encoding="utf-8")))
            for path in self.root.glob(f"*/*/{FACTS}")
        ]
        for run in sorted(self._runs, key=lambda run: run.queued_s):
            if run.state in {"painting", "waiting"}:
                run.enter("waiting")
                self._queue.put(run)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop the worker; the current run is resumed when the server starts again."""
        self._closed.set()
        for run in self._runs:
            run.is_stopped = True
        self._queue.put(None)
        self._thread.join(timeout=10)

    def of(self, owner: str) -> list[Run]:
        """List a user's runs, latest first."""
        own = [run for run in [*self._runs] if run.folder.parent.name == owner]
        return sorted(own, key=lambda run: run.folder.name, reverse=True)

    def find(self, owner: str, name: str | None) -> Run | None:
        """Return the user's run of that name, if there is one."""
        return next((run for run in self.of(owner) if run.folder.name == name), None)

    def add(
        self,
        owner: str,
        content: Path,
        style: Path | str,
        *,
        more: Iterable[Path] = (),
        **settings: Any,
    ) -> Run:
        """Copy the files of a run and queue it; ConfigError: a setting is invalid."""
        if not re.fullmatch("[0-9a-f]{32}", owner):  # a browser's random token
            raise InputError("Please reload the page: its runs are unknown.")
        folder = self.root / owner / f"{time.time_ns():020}-{secrets.token_hex(4)}"
        name = Path(style).name
        run = Run(folder=folder, content=content.name, style=name, **settings)
        run.config()
        files = {"content": [content], "style": [Path(style)], "more": more}
        for kind, paths in files.items():
            (folder / kind).mkdir(parents=True)
            for file in paths:
                if file.is_file():  # not the name of a bundled painting
                    shutil.copy2(file, folder / kind)
        self._runs.append(run)
        self.enqueue(run)
        return run

    def stop(self, run: Run) -> None:
        """Stop a run; its finished frames are kept, so that it can be resumed."""
        with self._lock:
            run.is_stopped, run.line = True, "stopping"
            if run.state == "waiting":
                run.enter("stopped")

    def enqueue(self, run: Run) -> None:
        """Queue a run that is new, stopped or failed."""
        with self._lock:
            if run.state != "painting":
                run.queued_s, run.error = time.time(), ""
                run.enter("waiting")
                self._queue.put(run)

    def delete(self, run: Run) -> None:
        """Delete a run and its files, unless it is being worked on."""
        with self._lock:
            if run.state != "painting" and run in self._runs:
                self._runs.remove(run)
                shutil.rmtree(run.folder, ignore_errors=True)

    def delete_old(self) -> None:
        for run in [*self._runs]:
            with suppress(OSError):
                age_s = time.time() - (run.folder / FACTS).stat().st_mtime
                if age_s > self._keep_s and run.state != "waiting":
                    self.delete(run)

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            with self._lock:
                # It may have been stopped or deleted, or be in the queue twice.
                is_waiting = run.state == "waiting" and run in self._runs
                if self._closed.is_set() or not is_waiting:
                    continue
                run.line, run.notes = "preparing", []
                run.is_stopped, run.pace = False, None
                run.enter("painting")
            state = "done"
            try:
                run.paint()
            except Stopped:
                state = "painting" if self._closed.is_set() else "stopped"
            except VidstyleError as err:
                state, run.error = "failed", run.without_paths(str(err))
            except Exception:  # the other runs must go on
                logging.getLogger(__name__).exception("%s", run.folder)
                state, run.error = "failed", INTERNAL
            with self._lock:
                run.enter(state)
