"""The runs of the page: each a folder that outlives the server, painted in turn.

runs/OWNER/RUN/run.json         what was asked for, and how far it has come
runs/OWNER/RUN/content/NAME     the clip or picture, under the name it came with
runs/OWNER/RUN/style/NAME       the painting, unless it is one that comes along
runs/OWNER/RUN/NAME.*           the results, and the work directory meanwhile
"""

import json
import logging
import os
import re
import secrets
import shlex
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from vidstyle.clip.pipeline import stylize_video
from vidstyle.clip.preview import preview_video
from vidstyle.clip.reader import expected_span, open_reader
from vidstyle.config import StyleConfig, VideoConfig
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import (
    SAMPLES,
    named_painting,
    read_preset,
    read_text,
    sample,
)
from vidstyle.errors import ConfigError, InputError, VidstyleError
from vidstyle.images import read_picture, resize_frame, write_whole
from vidstyle.measure.stills import is_picture
from vidstyle.pace import Pace, duration
from vidstyle.records import (
    Download,
    Event,
    Frame,
    FrameReport,
    Notice,
    Plan,
    StepReport,
)
from vidstyle.stylize.image import stylize_image
from vidstyle.video.files import name_beside

SETTINGS: Final = {each.key: each for each in settings_of(StyleConfig, VideoConfig)}
FACTS = "run.json"
OWNER: Final = re.compile("[0-9a-f]{32}")
"""What a browser is called: nobody can guess it."""
HOUR_S = 3600
OURS: Final = "something went wrong in vidstyle itself; its terminal says what."


class Stopped(Exception):  # noqa: N818 - it is none
    """The user, or the end of the server, has stopped a run."""


@dataclass(slots=True, kw_only=True)
class Run:
    """What was asked for on the page, and what became of it."""

    folder: Path
    content: str
    style: str  # a file of the run's, or the name of a painting that comes along
    preset: str = "standard"
    options: dict[str, str] = field(default_factory=dict)
    """Over those of the preset: texts by keys, as in a file of settings."""
    is_preview: bool = False
    state: Literal["waiting", "painting", "done", "stopped", "failed"] = "waiting"
    queued_s: float = 0.0  # since 1970
    notes: list[str] = field(default_factory=list)
    error: str = ""
    frames: int = 0  # how many the result has, if it is a clip

    @property
    def source(self) -> Path:
        """The clip or picture."""
        return self.folder / "content" / self.content

    @property
    def painting(self) -> Path:
        """The file of the painting."""
        own = self.folder / "style" / self.style
        return own if own.is_file() else named_painting(Path(self.style))

    @property
    def label(self) -> str:
        """What to call it in a list."""
        preview = ", preview" if self.is_preview else ""
        return f"{self.content} after {Path(self.style).stem}{preview}: {self.state}"

    @property
    def output(self) -> Path:
        """The result: an MP4, for browsers play that, or a PNG."""
        ending = ".mp4"
        if self.is_preview or is_picture(self.source):
            ending = ".preview.png" if self.is_preview else ".png"
        return self.folder / name_beside(self.source, [self.painting], ending).name

    @property
    def evolution(self) -> Path | None:
        """The GIF of the learning; of a preview there is none."""
        return None if self.is_preview else self.output.with_suffix(".gif")

    @property
    def compare(self) -> Path:
        """The video of source and result side by side."""
        return self.output.with_suffix(".compare.mp4")

    @property
    def command(self) -> str:
        """The command line that does the same."""
        kind = "image" if is_picture(self.source) else "video"
        words = ["vidstyle", kind, self.content, "--style", self.style]
        if self.preset != "standard":
            words += ["--preset", self.preset]
        for key, text in self.options.items():
            switches = {"true": [f"--{key}"], "false": [f"--no-{key}"]}
            words += switches.get(text, [f"--{key}", text])
        if kind == "video":
            words += ["--preview"] if self.is_preview else ["--evolution", "--compare"]
        elif not self.is_preview:
            words += ["--evolution"]
        return shlex.join([*words, "--output", self.output.name])

    def config(self) -> VideoConfig:
        """Make the settings; ConfigError if one cannot be."""
        values = dict(read_preset(self.preset).settings)
        for key, text in self.options.items():
            try:
                value = read_text(SETTINGS[key], text)
            except ValueError as err:
                raise ConfigError(f"{err}.") from None
            values[SETTINGS[key].name] = value
        return VideoConfig.of(**values)

    def paint(self, listener: "Progress") -> None:
        """Paint, or go on with it."""
        config, given = self.config(), (self.source, self.painting, self.output)
        if is_picture(self.source):
            stylize_image(
                *given,
                config=config.style,
                evolution_output=self.evolution,
                overwrite=True,
                listener=listener,
            )
        elif self.is_preview:
            preview_video(*given, config=config, overwrite=True, listener=listener)
        else:
            result = stylize_video(
                *given,
                config=config,
                evolution_output=self.evolution,
                compare_output=self.compare,
                overwrite=True,
                listener=listener,
            )
            self.frames = result.frames

    def before_and_after(self, index: int) -> tuple[Frame, Frame]:
        """Read the source and the result, or a frame of each, in the result's size."""
        if is_picture(self.source):
            before, after = read_picture(self.source), read_picture(self.output)
            height, width = after.shape[:2]
            return resize_frame(before, height=height, width=width), after
        config = self.config()
        source, result = (
            open_reader(each, config) for each in (self.source, self.output)
        )
        shape = {"height": result.info.height, "width": result.info.width}
        start = expected_span(source.info, config)[0]
        (before,) = source.pick([start + index], **shape).values()
        (after,) = result.pick([index], **shape).values()
        return before, after

    @property
    def results(self) -> list[Path]:
        """Those that are there."""
        made = (self.output, self.evolution, self.compare)
        return [each for each in made if each is not None and each.is_file()]

    def without_paths(self, text: str) -> str:
        """Name files in a sentence as their owner knows them."""
        own = self.source.parent, self.folder / "style", self.folder
        for folder in (*own, sample(SAMPLES[0]).parent):
            text = text.replace(f"{folder}{os.sep}", "")
        return text

    def save(self) -> None:
        """Store what is known, whole or not at all."""
        facts = asdict(self)
        del facts["folder"]
        write_whole(self.folder / FACTS, json.dumps(facts, indent=1).encode())


class Progress:
    """Listen to the run that is being painted: how far it is, and its newest frame."""

    def __init__(self, run: Run) -> None:
        """Begin before it says anything."""
        self.run, self.is_stopped, self.newest = run, False, Path()
        self.notes, self.line = run.notes, "getting ready"
        self.pace: Pace | None = None
        self._began = 0.0, 0.0

    def __call__(self, event: Event) -> None:
        """Take in what the run tells; Stopped if it is to stop."""
        match event:
            case Notice():
                self.notes.append(self.run.without_paths(event.text))
            case Download():
                self.line = f"fetching {event.name}: {event.done / 1e6:.0f} MB"
            case Plan():
                self.pace, self.newest = Pace(event), event.newest or Path()
                self._began = time.monotonic(), self.pace.steps
            case StepReport() if self.pace is not None:
                self.pace.step(event)
                self.line = self.pace.count
                if self.pace.frames == 1:
                    self.line = f"step {event.step} of {event.steps}"
            case FrameReport() if self.pace is not None:
                self.pace.frame(event)
                self.line = self.pace.count
        # Not at others: they may come from another thread.
        if self.is_stopped and isinstance(event, StepReport | FrameReport):
            raise Stopped

    @property
    def share(self) -> float | None:
        """How much of the work is done, in [0, 1]. None: not known."""
        if self.pace is None or (left := self.pace.steps_left) is None:
            return None
        return self.pace.steps / max(1.0, self.pace.steps + left)

    @property
    def time_left(self) -> str:
        """How long it will probably take, in words; empty: not known."""
        began_s, steps = self._began
        left = None if self.pace is None else self.pace.steps_left
        if self.pace is None or left is None or self.pace.steps <= steps:
            return ""
        step_s = (time.monotonic() - began_s) / (self.pace.steps - steps)
        return f"about {duration(left * step_s)} left"


class Runs:
    """All runs of all users, and the thread that paints them, one at a time."""

    def __init__(self, root: Path, *, keep_days: float = 7) -> None:
        """Take the folder; what was being painted when the server ended waits again."""
        self.root, self._keep_s = root / "runs", keep_days * 24 * HOUR_S
        self.progress: Progress | None = None
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True)
        for run in self._all():
            if run.state == "painting":
                run.state = "waiting"
                run.save()

    def start(self) -> None:
        """Begin to paint."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what is being painted goes on when the server is started again."""
        with self._changed:
            self._is_closed = True
            if self.progress is not None:
                self.progress.is_stopped = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def of(self, owner: str) -> list[Run]:
        """List the runs of a user, the newest first."""
        if not OWNER.fullmatch(owner):
            return []
        return sorted(self._all(owner), key=lambda run: run.folder.name, reverse=True)

    def progress_of(self, run: Run | None) -> Progress | None:
        """Return how far a run is, if it is the one that is being painted."""
        now = self.progress
        return now if now and run and now.run.folder == run.folder else None

    def add(self, owner: str, content: Path, style: Path | str, **asked: Any) -> Run:
        """Queue a run with copies of its files; ConfigError if a setting cannot be."""
        if not OWNER.fullmatch(owner):
            raise InputError("Load the page again: it does not know its runs.")
        name = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        run = Run(
            folder=self.root / owner / name,
            content=content.name,
            style=style if isinstance(style, str) else style.name,
            queued_s=time.time(),
            **asked,
        )
        run.config()
        for file, kind in ((content, "content"), (style, "style")):
            if isinstance(file, Path):
                (run.folder / kind).mkdir(parents=True)
                _copy(file, run.folder / kind / file.name)
        self._save(run)
        return run

    def stop(self, run: Run) -> None:
        """Stop a run; what is painted of it stays for when it goes on."""
        with self._changed:
            if (progress := self.progress_of(run)) is not None:
                progress.is_stopped = True
                progress.line = "stopping"
            elif run.state == "waiting":
                run.state = "stopped"
                run.save()

    def go_on(self, run: Run) -> None:
        """Queue a run that was stopped or has failed again."""
        run.state, run.queued_s, run.error = "waiting", time.time(), ""
        self._save(run)

    def delete(self, run: Run) -> None:
        """Delete a run and its files, unless it is being painted."""
        with self._changed:
            if self.progress_of(run) is None:
                shutil.rmtree(run.folder, ignore_errors=True)

    def _save(self, run: Run) -> None:
        with self._changed:
            run.save()
            self._changed.notify()

    def _all(self, owner: str = "*") -> list[Run]:
        found = []
        for path in self.root.glob(f"{owner}/*/{FACTS}"):
            with suppress(OSError):  # deleted meanwhile
                facts = json.loads(path.read_text(encoding="utf-8"))
                found.append(Run(folder=path.parent, **facts))
        return found

    def _work(self) -> None:
        while (progress := self._next()) is not None:
            run = progress.run
            try:
                run.paint(progress)
                run.state = "done"
            except Stopped:
                run.state = "painting" if self._is_closed else "stopped"
            except VidstyleError as err:
                run.state, run.error = "failed", run.without_paths(str(err))
            except Exception:  # the other runs must go on
                logging.getLogger(__name__).exception("%s", run.folder)
                run.state, run.error = "failed", OURS
            with self._changed:
                run.save()
                self.progress = None

    def _next(self) -> Progress | None:
        """Wait for a run and take it. None: the server ends."""
        with self._changed:
            while not self._is_closed:
                waiting = [run for run in self._all() if run.state == "waiting"]
                if waiting:
                    run = min(waiting, key=lambda run: run.queued_s)
                    run.state, run.notes = "painting", []
                    run.save()
                    self.progress = Progress(run)
                    return self.progress
                self._delete_old()
                self._changed.wait(HOUR_S)
        return None

    def _delete_old(self) -> None:
        for run in self._all():
            age_s = time.time() - (run.folder / FACTS).stat().st_mtime
            if age_s > self._keep_s and run.state not in {"waiting", "painting"}:
                shutil.rmtree(run.folder, ignore_errors=True)


def _copy(file: Path, to: Path) -> None:
    """Link a file, or copy it where that cannot be."""
    try:
        to.hardlink_to(file)
    except OSError:
        shutil.copy2(file, to)
