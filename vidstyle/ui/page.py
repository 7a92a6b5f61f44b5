"""The page (the request form, the list of runs, a run's results) and its server."""

import os
import secrets
import time
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from shutil import copy2
from tempfile import TemporaryDirectory
from typing import Any, Final

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from vidstyle.clip.unfinished import finish_video
from vidstyle.errors import ConfigError, VidstyleError, WorkDirError
from vidstyle.networks.weights import cache_directory
from vidstyle.pace import duration
from vidstyle.ui import UiConfig
from vidstyle.ui.request import QUIET, add_run, before_and_after, build_form, command
from vidstyle.ui.runs import Run, Runs
from vidstyle.video.work_dir import FrameStore

LOCAL: Final = "127.0.0.1"
TICK_S = 1.0  # interval at which the page polls the runs
STATES: Final = {
    "": "<p>Nothing painted yet. Drop a clip or a picture, choose a painting and press "
    "Preview: you see three frames and an estimate of the total time.</p>",
    "waiting": "Waiting for the runs before it.",
    "stopped": "Press Resume to paint the rest; nothing is lost.",
}
VIEWS = 10  # number of components that _view updates


def serve(config: UiConfig, *, password: str, announce: Callable[[str], None]) -> None:
    """Serve the page until the program is interrupted, after announcing its URL.

    Raises:
        ConfigError: If other machines could connect without a password, or the address
            is not available.
        WorkDirError: If another server uses the folder, or it cannot be made.
    """
    if config.host != LOCAL and not password:
        raise ConfigError(
            f"other machines can reach {config.host}: set a password in "
            "VIDSTYLE_UI_PASSWORD."
        )
    root = (config.work_dir or cache_directory() / "ui").resolve()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as err:
        raise WorkDirError(f"cannot make the folder {root}: {err.strerror}.") from err
    with (
        FrameStore(root / "server").claimed(),
        TemporaryDirectory(prefix="vidstyle-") as folder,
    ):
        # Gradio's copies of files: their paths occur in URLs, which must not expose the
        # path of the root.
        os.environ["GRADIO_TEMP_DIR"] = folder
        runs = Runs(root, keep_days=config.keep_days)
        page = build(runs)
        announce(_launch(page, config, password, runs.root))
        runs.start()
        try:
            while True:
                runs.delete_old()
                time.sleep(10)  # at most, since a signal may reach another thread
        finally:
            runs.close()
            page.close(verbose=False)


def _launch(page: gr.Blocks, config: UiConfig, password: str, runs: Path) -> str:
    """Start the server, which may serve the files in ``runs``; return its URL.

    ConfigError: the address is not available.
    """

    def authenticate(_: str, attempt: str) -> bool:
        return secrets.compare_digest(attempt.encode(), password.encode())

    names = [LOCAL, "localhost"] if config.host == LOCAL else ["*"]
    try:
        _, address, _ = page.launch(
            server_name=config.host,
            server_port=config.port,
            auth=authenticate if password else None,
            auth_message="Enter any name.",
            prevent_thread_lock=True,
            inbrowser=not config.no_browser,
            quiet=True,
            share=False,
            ssr_mode=False,
            run_history=False,
            footer_links=[],
            allowed_paths=[str(runs)],  # a run's path contains its owner's secret token
            max_file_size=config.max_mb * 1_000_000,
            app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, names)]},
            theme=gr.themes.Base(
                primary_hue="orange", font="system-ui", font_mono="monospace"
            ),
            css_paths=Path(__file__).with_name("page.css"),
        )
    except OSError as err:
        raise ConfigError(
            f"cannot listen on {config.host}:{config.port}; try another --port."
        ) from err
    return str(address)


def build(runs: Runs) -> Any:
    with gr.Blocks(
        title="vidstyle", analytics_enabled=False, delete_cache=(3600, 24 * 3600)
    ) as page:
        token = gr.BrowserState("", storage_key="vidstyle", secret="vidstyle")  # noqa: S106
        gr.Markdown(
            "# vidstyle\nTurn a clip or a picture into a painting. Everything runs on "
            "the machine that serves this page; nothing is sent elsewhere."
        )
        with gr.Row():
            with gr.Column(min_width=280):
                alert, inputs = build_form()
                with gr.Row():
                    preview = gr.Button("Preview", min_width=120)
                    paint = gr.Button("Paint", variant="primary", min_width=120)
            with gr.Column(min_width=280):
                selected, refresh = _build_runs(runs, token)
        # A new browser gets an unguessable token, which identifies its user.
        identified = page.load(
            lambda token: token or secrets.token_hex(16), token, token, **QUIET
        )
        identified.then(*refresh, **QUIET)
        for button, is_preview in (preview, True), (paint, False):
            submit = partial(add_run, runs, is_preview)
            click = button.click(submit, [token, *inputs], [selected, alert], **QUIET)
            click.then(*refresh, **QUIET)
    return page


def _build_runs(runs: Runs, token: Any) -> tuple[Any, tuple[Any, ...]]:
    """Build the list of runs and the view of the selected one.

    Returns the selected one's name, and the arguments of the event that refreshes both.
    """
    out: dict[str, Any] = {"interactive": False, "visible": False}
    full = {**out, "buttons": ["fullscreen"]}
    gr.Markdown("## Your runs")
    choice = gr.Radio([], show_label=False, elem_id="runs", visible=False)
    # A state, since Gradio validates the choice, whose list may change meanwhile.
    selected, shown = gr.State(""), gr.State({})
    status_html = gr.HTML(elem_id="status")
    actions = {
        "Stop": runs.stop,
        "Resume": runs.go_on,
        "Save partial result": keep,
        "Delete": runs.delete,
    }
    with gr.Row():
        small: dict[str, Any] = {"size": "sm", "min_width": 100, "visible": False}
        buttons = {name: gr.Button(name, **small) for name in actions}
    newest = gr.Image(**full)
    views = [
        gr.Video(label="Before and after", loop=True, buttons=[], **out),
        slider := gr.ImageSlider(
            label="Before and after: drag the line", elem_id="slider", **full
        ),
        frame := gr.Slider(0, 1, step=1, label="Frame to compare", visible=False),
        gr.Image(label="Optimization", **full),
        gr.File(label="Download", elem_id="files", **out),
        gr.Textbox(label="As a command", elem_id="command", buttons=["copy"], **out),
    ]
    run_id = [token, selected]
    outputs = [choice, status_html, newest, shown, selected, *buttons.values(), *views]
    refresh = partial(update_page, runs), [*run_id, shown], outputs
    for name, button in buttons.items():
        action = partial(_on_run, runs, actions[name])
        button.click(action, run_id, **QUIET).then(*refresh, **QUIET)
    compare = partial(_on_run, runs, before_and_after)
    frame.release(compare, [*run_id, frame], slider, **QUIET)
    gr.Timer(TICK_S).tick(*refresh, **QUIET)
    chosen = choice.input(lambda name: name, choice, selected, **QUIET)
    chosen.then(*refresh, **QUIET)
    return selected, refresh


def _on_run(
    runs: Runs, action: Callable[..., Any], token: str, name: str | None, *args: Any
) -> Any:
    """Call an action on the selected run, if it is the user's."""
    for run in runs.find(token, name):
        return action(run, *args)
    return gr.skip()


def update_page(
    runs: Runs, token: str, selected: str | None, shown: dict[str, Any]
) -> list[Any]:
    """Update the components whose state differs from what is ``shown``."""
    own = runs.of(token)
    run = next(iter(runs.find(token, selected) or own), None)
    name, newest, label = run and run.folder.name, run and run.newest, "Newest frame"
    if run and run.state == "done":
        newest, label = run.output if run.is_preview else None, "Before and after"
    newest = newest if newest and newest.is_file() else None
    choices = [(label_of(r), r.folder.name) for r in own]
    results = run and [(path.name, path.stat().st_mtime_ns) for path in run.results]
    current = {
        "runs": [choices, name],
        "status": status(run),
        "newest": newest and [name, newest.stat().st_mtime_ns],
        "view": [name, run and run.state, results, bool(newest)],
    }
    changed = {key for key in current if current[key] != shown.get(key)}
    return [
        _show(name, choices=choices) if "runs" in changed else gr.skip(),
        current["status"] if "status" in changed else gr.skip(),
        _show(newest, label=label) if "newest" in changed else gr.skip(),
        current if changed else gr.skip(),
        name if "runs" in changed else gr.skip(),
        *(_view(run) if "view" in changed else [gr.skip()] * VIEWS),
    ]


def _view(run: Run | None) -> list[Any]:
    """Update the buttons that apply to a run, and the views of its results."""
    state = run.state if run else ""
    is_busy = state in {"waiting", "painting"}
    can_resume = state in {"stopped", "failed"}
    can_keep = can_resume and run is not None and run.newest.is_file()
    buttons = [is_busy, can_resume, can_keep, state not in {"", "painting"}]
    both = compare = evolution = files = None
    frames = 0
    if run is not None and not is_busy:
        files = [str(file) for file in run.results] or None
        if state == "done" and not run.is_preview:
            evolution, compare = run.outputs.evolution, run.outputs.compare
            both, frames = before_and_after(run), run.frames
    return [
        *(gr.update(visible=is_shown) for is_shown in buttons),
        *map(_show, (compare, both)),
        _show(0 if frames else None, maximum=max(1, frames - 1)),
        *map(_show, (evolution, files, run and command(run))),
    ]


def _show(value: Any, **others: Any) -> Any:
    """Set a component's value, and hide it if there is none, or no such file."""
    exists = value is not None and (not isinstance(value, Path) or value.is_file())
    return gr.update(value=value if exists else None, visible=exists, **others)


def status(run: Run | None) -> str:
    """Format a run's progress as HTML."""
    if run is None:
        return STATES[""]
    text, bar = escape(run.error) or STATES.get(run.state, ""), ""
    if run.is_still and run.state == "stopped":
        text = "Resume starts it over; Save partial result keeps what is painted."
    if run.state == "painting":
        share, text = progress(run)
        done = "" if share is None else f" value={share:.3f}"
        bar = f"<progress aria-label=progress{done}></progress>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in run.notes[-6:])
    body = f"{bar}<p class={run.state} role=status>{text}</p><ul>{notes}</ul>"
    return f"<h3>{escape(label_of(run))}</h3>{body}"


def keep(run: Run) -> None:
    """Turn a stopped run's frames into a result; the run can still be resumed."""
    try:
        if run.is_still:
            copy2(run.newest, run.output)
        else:
            gr.Info("Making a clip of the painted frames.", duration=3)
            finish_video(run.output, overwrite=True)
    except VidstyleError as err:
        text = run.without_paths(str(err))
        raise gr.Error(text, print_exception=False) from None


def label_of(run: Run) -> str:
    kind = "preview" if run.is_preview else run.preset
    kind = "" if kind == "standard" else f", {kind}"
    return f"{run.content} with {Path(run.style).stem}{kind}: {run.state}"


def progress(run: Run) -> tuple[float | None, str]:
    """Return the fraction of the work done (None: unknown), and a status text."""
    left = None if run.pace is None else run.pace.steps_left
    if run.pace is None or left is None:
        return None, run.line
    steps, (began_s, first_steps) = run.pace.steps, run.began
    share, text = steps / max(1.0, steps + left), run.line
    if steps > first_steps:
        left_s = left * (time.monotonic() - began_s) / (steps - first_steps)
        text += f", about {duration(left_s)} left"
    return share, text
