"""The page: what a user sees and does, on top of ``Runs``."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from vidstyle.clip.reader import open_reader
from vidstyle.clip.unfinished import finish_video
from vidstyle.config import VideoConfig
from vidstyle.config.setting import FILES
from vidstyle.config.toml_file import SAMPLES, named_painting
from vidstyle.errors import ConfigError, InputError, VidstyleError
from vidstyle.images import fit_long_side, read_picture, resize_frame
from vidstyle.measure.stills import is_picture
from vidstyle.networks.published import cache_directory
from vidstyle.ui import UiConfig
from vidstyle.ui.runs import SETTINGS, Progress, Run, Runs
from vidstyle.video.sheet import pick_frames
from vidstyle.video.work_dir import FrameStore

LOCAL: Final = "127.0.0.1"
TICK_S = 1.0  # between two looks at the runs
THUMB_SIDE = 480  # pixels, of the pictures that show what was chosen
OWN = "my own"
SCENE: Final = {"More paint": "0.03", "Balanced": "", "More scene": "0.15"}
"""How much of the scene: content weights, as the README has them."""
QUALITY: Final = {"Draft": "draft", "Standard": "standard", "Fine": "fine"}
MORE: Final = [
    setting
    for key, setting in SETTINGS.items()
    if setting.is_common
    and setting.panel != FILES
    and key not in {"content-weight", "style-scale", "batch"}
]
"""The rest, folded; none is the name of a file."""
STATES: Final = {
    "": "<p>Nothing painted yet. Drop a clip or a picture, choose a painting, and "
    "press Preview: it shows three frames, and tells how long all would take.</p>",
    "waiting": "It is painted as soon as those before it are done.",
    "stopped": "Go on paints the rest; nothing is lost.",
}


def show_source(file: str | None) -> tuple[Any, str]:
    """Show what was dropped, or say why it cannot be painted."""
    return _shown(None if file is None else Path(file), may_be_clip=True)


def show_painting(file: str | None, choice: str) -> tuple[Any, Any, str]:
    """Show the painting, or say why it cannot be used; and where to drop one's own."""
    own = None if file is None else Path(file)
    shown, text = _shown(own if choice == OWN else named_painting(Path(choice)))
    return shown, gr.update(visible=choice == OWN), text


def _shown(path: Path | None, *, may_be_clip: bool = False) -> tuple[Any, str]:
    if path is None:
        return gr.update(value=None, visible=False), ""
    try:
        if may_be_clip and not is_picture(path):
            info = open_reader(path, VideoConfig()).info
            shape = {"height": info.height, "width": info.width}
            (frame, *_) = pick_frames(info, [0], **shape).values()
        else:
            frame = read_picture(path)
    except VidstyleError as err:
        text = str(err).replace(f"{path.parent}{os.sep}", "")
        return gr.update(value=None, visible=False), text
    height, width = frame.shape[:2]
    height, width = fit_long_side(height=height, width=width, long_side=THUMB_SIDE)
    frame = resize_frame(frame, height=height, width=width)
    return gr.update(value=frame, visible=True), ""


def options(scene: str, strokes: float, *more: str | None) -> dict[str, str]:
    """Turn what the controls say into settings; what is left empty is the default."""
    given = {"content-weight": SCENE[scene]}
    given["style-scale"] = "" if strokes == 1 else f"{strokes:g}"
    for setting, text in zip(MORE, more, strict=True):
        given[setting.key] = (text or "").strip()
    return {key: text for key, text in given.items() if text}


def status(run: Run | None, progress: Progress | None) -> str:
    """Tell how a run goes, as HTML."""
    if run is None:
        return STATES[""]
    words, bar, notes = escape(run.error) or STATES.get(run.state, ""), "", run.notes
    if progress is not None:
        words = ", ".join(filter(None, (progress.line, progress.time_left)))
        done = "" if progress.share is None else f" value={progress.share:.3f}"
        bar, notes = f"<progress aria-label=progress{done}></progress>", progress.notes
    shown = "".join(f"<li>{escape(note)}</li>" for note in notes[-6:])
    text = f"{bar}<p class={run.state} role=status>{words}</p><ul>{shown}</ul>"
    return f"<h3>{escape(run.label)}</h3>{text}"


class Page:
    """The components, and what happens when they are used."""

    def __init__(self, runs: Runs) -> None:
        """Lay the page out."""
        self.runs = runs
        with gr.Blocks(
            title="vidstyle",
            analytics_enabled=False,
            delete_cache=(3600, 24 * 3600),
        ) as self.blocks:
            self.token = gr.BrowserState("", storage_key="vidstyle", secret="vidstyle")  # noqa: S106
            self.seen = gr.State({})
            gr.Markdown(
                "# vidstyle\nTurn a clip or a picture into a painting. It happens on "
                "the machine that this page comes from; nothing is sent elsewhere."
            )
            with gr.Row():
                with gr.Column(min_width=280):
                    self._lay_out_request()
                with gr.Column(min_width=280):
                    self._lay_out_run()
            self._connect()

    def _lay_out_request(self) -> None:
        thumb: dict[str, Any] = {"interactive": False, "height": 200, "buttons": []}
        gr.Markdown("## Paint")
        self.content = gr.File(label="A clip or a picture", height=120)
        self.content_seen = gr.Image(label="What is painted", visible=False, **thumb)
        self.choice = gr.Radio([*SAMPLES, OWN], value=SAMPLES[0], label="The painting")
        self.style = gr.File(label="My own painting", height=120, visible=False)
        first = str(named_painting(Path(SAMPLES[0])))
        self.style_seen = gr.Image(first, label="The painting", **thumb)
        words = "Draft is small and quick; Fine is large and takes long."
        self.controls = [
            gr.Radio([*QUALITY], value="Standard", label="Quality", info=words),
            gr.Radio([*SCENE], value="Balanced", label="How much of the scene"),
            gr.Slider(0.4, 2.5, value=1, step=0.1, label="Size of the strokes"),
        ]
        with gr.Accordion("More settings", open=False):
            gr.Markdown("Those of the command line. What is empty is as usual.")
            self.controls += [_field(setting) for setting in MORE]
        self.alert = gr.Markdown(elem_id="alert")
        with gr.Row():
            self.preview = gr.Button("Preview", min_width=120)
            self.paint = gr.Button("Paint", variant="primary", min_width=120)

    def _lay_out_run(self) -> None:
        out: dict[str, Any] = {"interactive": False, "visible": False}
        act: dict[str, Any] = {"visible": False, "size": "sm", "min_width": 100}
        full = {**out, "buttons": ["fullscreen"]}
        line = "Before and after: drag the line"
        gr.Markdown("## Your runs")
        self.chosen = gr.Radio([], show_label=False, elem_id="runs", visible=False)
        # A page may name a run from before the server was started again.
        self.chosen.preprocess = lambda payload: payload  # type: ignore[method-assign]
        self.status = gr.HTML(elem_id="status")
        with gr.Row():
            self.stop = gr.Button("Stop", **act)
            self.go_on = gr.Button("Go on", **act)
            self.keep = gr.Button("Keep what is there", **act)
            self.delete = gr.Button("Delete", **act)
        self.newest = gr.Image(**full)
        self.video = gr.Video(label="Before and after", loop=True, buttons=[], **out)
        self.slider = gr.ImageSlider(label=line, elem_id="slider", **full)
        under = "Frame under the line"
        self.frame = gr.Slider(0, 1, step=1, label=under, visible=False)
        self.evolution = gr.Image(label="How it was learned", **full)
        self.files = gr.File(label="Download", elem_id="files", **out)
        self.command = gr.Code(
            label="The same as a command",
            language="shell",
            lines=1,
            wrap_lines=True,
            show_line_numbers=False,
            buttons=["copy"],
            **out,
        )

    def _connect(self) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        which = [self.token, self.chosen]
        view = [
            *(self.seen, self.chosen, self.status),
            *(self.stop, self.go_on, self.keep, self.delete),
            *(self.newest, self.video, self.slider, self.frame, self.evolution),
            *(self.files, self.command),
        ]
        looks: tuple[Any, ...] = self.look, [*which, self.seen], view
        self.blocks.load(enter, self.token, self.token, **quiet).then(*looks, **quiet)
        gr.Timer(TICK_S).tick(*looks, **quiet)
        self.chosen.input(*looks, **quiet)
        content = [self.content], [self.content_seen, self.alert]
        self.content.change(show_source, *content, **quiet)
        own = [self.style, self.choice], [self.style_seen, self.style, self.alert]
        gr.on([self.style.upload, self.choice.change], show_painting, *own, **quiet)
        asked = [self.token, self.content, self.style, self.choice, *self.controls]
        for button, ask in ((self.preview, self.ask_preview), (self.paint, self.ask)):
            clicked = button.click(ask, asked, [self.chosen, self.alert], **quiet)
            clicked.then(*looks, **quiet)
        for button, act in (
            (self.stop, self.runs.stop),
            (self.go_on, self.runs.go_on),
            (self.keep, keep),
            (self.delete, self.runs.delete),
        ):
            button.click(self._on(act), which, **quiet).then(*looks, **quiet)
        self.frame.release(self.compare, [*which, self.frame], self.slider, **quiet)

    def ask(
        self,
        token: str,
        content: str | None,
        style: str | None,
        choice: str,
        quality: str,
        *controls: Any,
        is_preview: bool = False,
    ) -> tuple[Any, str]:
        """Queue a run, which is the one that is shown then; or say what is missing."""
        try:
            if content is None:
                raise InputError("Drop a clip or a picture first.")
            if choice == OWN and style is None:
                raise InputError("Drop a painting first, or choose one of the others.")
            source, preset = Path(content), QUALITY[quality]
            run = self.runs.add(
                token,
                source,
                Path(str(style)) if choice == OWN else choice,
                preset="draft" if is_preview and is_picture(source) else preset,
                options=options(*controls),
                is_preview=is_preview,
            )
        except VidstyleError as err:
            return gr.skip(), str(err)
        name = run.folder.name
        return gr.update(choices=[(run.label, name)], value=name), ""

    def ask_preview(self, *given: Any) -> tuple[Any, str]:
        """Queue three frames of a clip, or a small draft of a picture."""
        return self.ask(*given, is_preview=True)

    def _on(self, act: Callable[[Run], None]) -> Callable[[str, str | None], None]:
        def handle(token: str, chosen: str | None) -> None:
            for run in self.runs.of(token):
                if run.folder.name == chosen:
                    act(run)

        return handle

    def look(
        self, token: str, chosen: str | None, seen: dict[str, Any]
    ) -> dict[Any, Any]:
        """Show how the runs are: only what differs from what was ``seen``."""
        runs = self.runs.of(token)
        named = [run for run in runs if run.folder.name == chosen]
        run = next(iter(named or runs), None)
        name, state = (run.folder.name, run.state) if run else (None, "")
        progress = self.runs.progress_of(run)
        newest = progress.newest if progress and progress.newest.is_file() else None
        made = run.output if run and run.output.is_file() else None
        now: dict[str, Any] = {
            "runs": [(each.label, each.folder.name) for each in runs],
            "status": status(run, progress),
            "view": [name, state]
            + [each and each.stat().st_mtime_ns for each in (newest, made)],
        }
        changes: dict[Any, Any] = {}
        if now["runs"] != seen.get("runs") or name != chosen:
            changes[self.chosen] = _show(name, choices=now["runs"])
        if now["status"] != seen.get("status"):
            changes[self.status] = now["status"]
        if now["view"] != seen.get("view"):
            changes |= self._view(run, newest)
        return {**changes, self.seen: now if changes else gr.skip()}

    def _view(self, run: Run | None, newest: Path | None) -> dict[Any, Any]:
        """Show what there is of a run, and the buttons that it needs."""
        state = "" if run is None else run.state
        is_left = state in {"stopped", "failed"}
        begun = run and Path(f"{run.output}.vidstyle")
        parts = self.video, self.slider, self.frame, self.evolution, self.files
        views = {part: _show(None) for part in parts} | {
            self.stop: gr.update(visible=state in {"waiting", "painting"}),
            self.go_on: gr.update(visible=is_left),
            self.keep: gr.update(visible=bool(is_left and begun and begun.is_dir())),
            self.delete: gr.update(visible=state not in {"", "painting"}),
            self.newest: _show(newest, label="The newest frame"),
            self.command: _show(run and run.command),
        }
        if run is None or state in {"waiting", "painting"}:
            return views
        views[self.files] = _show([str(file) for file in run.results] or None)
        if is_left:
            return views
        if run.is_preview and not is_picture(run.source):
            return views | {self.newest: _show(run.output, label="Before, and after")}
        views[self.slider] = _show(run.before_and_after(0))
        views[self.evolution] = _show(run.evolution)
        if run.frames:
            views[self.video] = _show(run.compare)
            views[self.frame] = _show(0, maximum=max(1, run.frames - 1))
        return views

    def compare(self, token: str, chosen: str | None, index: int) -> Any:
        """Put a frame of the clip under the line."""
        runs = self.runs.of(token)
        found = [run for run in runs if run.folder.name == chosen and run.frames]
        return found[0].before_and_after(int(index)) if found else gr.skip()


def keep(run: Run) -> None:
    """Make a clip of what a stopped run has painted; it can still go on."""
    gr.Info("Making a clip of what is painted.", duration=3)
    try:
        finish_video(run.output, overwrite=True)
    except VidstyleError as err:
        text = run.without_paths(str(err))
        raise gr.Error(text, print_exception=False) from None


def _show(value: Any, **others: Any) -> Any:
    is_there = value is not None and (not isinstance(value, Path) or value.is_file())
    return gr.update(value=value if is_there else None, visible=is_there, **others)


def _field(setting: Any) -> Any:
    """Make the control of a setting, empty for its default."""
    usual = setting.default_text or setting.text(setting.default)
    words = {"label": setting.key, "info": f"{setting.help} [{usual}]"}
    words["elem_id"] = f"set-{setting.key}"
    choices = (
        ["true", "false"] if isinstance(setting.default, bool) else setting.choices
    )
    if choices:
        return gr.Dropdown(["", *choices], value="", **words)
    return gr.Textbox(placeholder=setting.metavar or "", max_lines=1, **words)


def enter(token: str) -> str:
    """Give a browser that comes for the first time a name that nobody can guess."""
    return token or secrets.token_hex(16)


@contextmanager
def launched(config: UiConfig, *, password: str) -> Iterator[str]:
    """Serve the page during the block, from a folder of its own; yield its address.

    Raises:
        ConfigError: If other machines could come without a password, or the address
            cannot be taken.
        WorkDirError: If another server has the folder.
    """
    if config.host != LOCAL and not password:
        raise ConfigError(
            f"other machines reach {config.host}: set VIDSTYLE_UI_PASSWORD to a "
            "password."
        )
    root = (config.work_dir or cache_directory() / "ui").resolve()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        FrameStore(root / "server").claimed(),
        TemporaryDirectory(prefix="vidstyle-") as folder,
    ):
        # Gradio's copies: their names are in addresses, which must not tell the root's.
        os.environ["GRADIO_TEMP_DIR"] = folder
        runs = Runs(root, keep_days=config.keep_days)
        page = Page(runs).blocks
        address = _serve(page, config, password)
        runs.start()
        try:
            yield address
        finally:
            runs.close()
            page.close(verbose=False)


def _serve(page: gr.Blocks, config: UiConfig, password: str) -> str:
    """Serve a page, and return its address, or raise ConfigError."""
    names = [LOCAL, "localhost"] if config.host == LOCAL else ["*"]
    try:
        _, address, _ = page.launch(
            server_name=config.host,
            server_port=config.port,
            auth=partial(_is_right, password) if password else None,
            auth_message="Any name will do.",
            prevent_thread_lock=True,
            inbrowser=not config.no_browser,
            quiet=True,
            share=False,
            ssr_mode=False,
            run_history=False,
            footer_links=[],
            max_file_size=config.max_mb * 1_000_000,
            app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, names)]},
            theme=gr.themes.Base(
                primary_hue="orange", font="system-ui", font_mono="monospace"
            ),
            css_paths=Path(__file__).with_name("page.css"),
        )
    except OSError as err:
        raise ConfigError(
            f"cannot listen on {config.host}:{config.port}; try --port."
        ) from err
    return str(address)


def _is_right(password: str, _name: str, given: str) -> bool:
    return secrets.compare_digest(given.encode(), password.encode())
