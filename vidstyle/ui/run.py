"""One run started from the page, in a folder that survives a restart of the server.

run.json        the request and its state
content/NAME    the uploaded clip or picture
style/NAME      the uploaded painting, unless it is a bundled one
more/NAME       key frames painted by the user; a trained painting network
newest.png      the picture, or a clip's first frame, while it is optimized
NAME.*          the results, and the work directory until then
"""

import json
import os
import shlex
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from vidstyle.clip.pipeline import stylize_video
from vidstyle.clip.preview import preview_video
from vidstyle.clip.reader import expected_span
from vidstyle.config import StyleConfig, VideoConfig
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import (
    SAMPLES,
    named_painting,
    read_preset,
    read_text,
    sample,
)
from vidstyle.errors import ConfigError
from vidstyle.images import (
    is_picture,
    read_picture,
    resize_frame,
    write_picture,
    write_whole,
)
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
from vidstyle.video.files import Outputs, name_beside
from vidstyle.video.probe import probe
from vidstyle.video.sheet import pick_frames
from vidstyle.video.work_dir import NEWEST

SETTINGS: Final = {s.key: s for s in settings_of(StyleConfig, VideoConfig)}
FACTS = "run.json"
SHOW_EVERY_S = 3.0


class Stopped(Exception):  # noqa: N818 - not an error
    """The user or the server's shutdown has stopped a run."""


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """A request and its state; as a listener, it tracks its own progress."""

    folder: Path
    content: str
    style: str  # file name of an upload, or name of a bundled painting
    keys: dict[str, str] = field(default_factory=dict)
    """Files of key frames, by timestamp in seconds."""
    preset: str = "standard"
    options: dict[str, str] = field(default_factory=dict)
    """Settings by key, as text, which override the preset's."""
    is_preview: bool = False
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
    def label(self) -> str:
        preview = ", preview" if self.is_preview else ""
        return f"{self.content} with {Path(self.style).stem}{preview}: {self.state}"

    @property
    def outputs(self) -> Outputs:
        """The paths of the results; clips are MP4s, which browsers can play."""
        ending = ".png" if self.is_still else ".mp4"
        if self.is_preview:
            ending = ".preview.png"
        result = self.folder / name_beside(self.source, [self.painting], ending).name
        if self.is_preview:
            return Outputs(result, None, None)
        compare = None if self.is_still else result.with_suffix(".compare.mp4")
        return Outputs(result, result.with_suffix(".gif"), None, compare)

    @property
    def output(self) -> Path:
        return self.outputs.video

    @property
    def sheet(self) -> Path | None:
        """The contact sheet, if this is the preview of a clip."""
        return self.output if self.is_preview and not self.is_still else None

    @property
    def results(self) -> list[Path]:
        """The results that exist."""
        return [path for path in self.outputs if path is not None and path.is_file()]

    @property
    def newest(self) -> Path:
        """The latest finished frame or, until there is one, the first in progress."""
        stored = Path(f"{self.output}.vidstyle") / NEWEST
        return stored if stored.is_file() else self.folder / NEWEST

    @property
    def command(self) -> str:
        """The equivalent command line."""
        kind = "image" if self.is_still else "video"
        words = ["vidstyle", kind, self.content, "--style", self.style]
        if self.preset != "standard":
            words += ["--preset", self.preset]
        for key, text in self.options.items():
            switches = {"true": [f"--{key}"], "false": [f"--no-{key}"]}
            words += switches.get(text, [f"--{key}", text])
        for second, name in self.keys.items():
            words += ["--key", f"{second}:{name}"]
        if self.is_preview and not self.is_still:
            words += ["--preview"]
        words += ["--evolution"] if self.outputs.evolution else []
        words += ["--compare"] if self.outputs.compare else []
        return shlex.join([*words, "--output", self.output.name])

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
        """Do the work, or resume it."""
        config, outputs = self.config(), self.outputs
        paths = self.source, self.painting, outputs.video
        common: dict[str, Any] = {"overwrite": True, "listener": self}
        evolution, style = outputs.evolution, config.style
        if self.is_still:
            stylize_image(*paths, config=style, evolution_output=evolution, **common)
        elif self.is_preview:
            preview_video(*paths, config=config, **common)
        else:
            keys = {
                float(second): self.folder / "more" / name
                for second, name in self.keys.items()
            }
            self.frames = stylize_video(
                *paths,
                config=config,
                keys=keys,
                evolution_output=evolution,
                compare_output=outputs.compare,
                **common,
            ).frames

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

    def progress(self) -> tuple[float | None, str]:
        """Return the fraction of the work done (None: unknown), and a status text."""
        left = None if self.pace is None else self.pace.steps_left
        if self.pace is None or left is None:
            return None, self.line
        steps, (began_s, first_steps) = self.pace.steps, self.began
        share, text = steps / max(1.0, steps + left), self.line
        if steps > first_steps:
            left_s = left * (time.monotonic() - began_s) / (steps - first_steps)
            text += f", about {duration(left_s)} left"
        return share, text

    def before_and_after(self, index: int = 0) -> tuple[Frame, Frame]:
        """Read the source and the result, or a frame of both, in the result's size."""
        start = 0
        if not self.is_still:
            start, _ = expected_span(probe(self.source), self.config())
        before = read_frame(self.source, start + index)
        after = read_frame(self.output, index)
        height, width = after.shape[:2]
        return resize_frame(before, height=height, width=width), after

    def without_paths(self, text: str) -> str:
        """Replace paths in a message by the file names that the user knows."""
        own = (self.folder / kind for kind in ("content", "style", "more"))
        for folder in (*own, self.folder, sample(SAMPLES[0]).parent):
            text = text.replace(f"{folder}{os.sep}", "")
        return text

    def save(self) -> None:
        """Store the request and its state atomically."""
        stored = {f.name for f in fields(self) if f.init} - {"folder"}
        facts = {name: getattr(self, name) for name in stored}
        data = json.dumps(facts, indent=1, sort_keys=True).encode()
        write_whole(self.folder / FACTS, data)


def read_frame(path: Path, index: int = 0) -> Frame:
    """Read a picture, or a frame of a clip (past its end, the last one)."""
    if is_picture(path):
        return read_picture(path)
    info = probe(path)
    (frame,) = pick_frames(info, [index], height=info.height, width=info.width).values()
    return frame
