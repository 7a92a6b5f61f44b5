"""The page: what is asked for, the runs and what they have made; and its server."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from vidstyle.errors import ConfigError, VidstyleError
from vidstyle.networks.published import cache_directory
from vidstyle.ui import UiConfig
from vidstyle.ui.request import QUIET, add_run, lay_out_request
from vidstyle.ui.run import Run
from vidstyle.ui.runs import Runs
from vidstyle.video.work_dir import FrameStore

LOCAL: Final = "127.0.0.1"
TICK_S = 1.0  # between two looks at the runs
STATES: Final = {
    "": "<p>Nothing painted yet. Drop a clip or a picture, choose a painting and press "
    "Preview: you see three frames and an estimate of the total time.</p>",
    "waiting": "Waiting for the runs before it.",
    "stopped": "Press Resume to paint the rest; nothing is lost.",
}
VIEWS = 10  # that _view updates


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
            f"other machines can reach {config.host}: set a password in "
            "VIDSTYLE_UI_PASSWORD."
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
        page = build(runs)
        address = _serve(page, config, password, runs.root)
        runs.start()
        try:
            yield address
        finally:
            runs.close()
            page.close(verbose=False)


def _serve(page: gr.Blocks, config: UiConfig, password: str, runs: Path) -> str:
    """Serve a page that shows files of ``runs``; return its address.

    ConfigError: the address cannot be taken.
    """

    def is_right(_: str, given: str) -> bool:
        return secrets.compare_digest(given.encode(), password.encode())

    names = [LOCAL, "localhost"] if config.host == LOCAL else ["*"]
    try:
        _, address, _ = page.launch(
            server_name=config.host,
            server_port=config.port,
            auth=is_right if password else None,
            auth_message="Enter any name.",
            prevent_thread_lock=True,
            inbrowser=not config.no_browser,
            quiet=True,
            share=False,
            ssr_mode=False,
            run_history=False,
            footer_links=[],
            allowed_paths=[str(runs)],  # a run's path holds its owner's secret name
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
    """Lay the page out."""
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
                alert, asked = lay_out_request()
                with gr.Row():
                    preview = gr.Button("Preview", min_width=120)
                    paint = gr.Button("Paint", variant="primary", min_width=120)
            with gr.Column(min_width=280):
                chosen, looks = _lay_out_runs(runs, token)
        # A browser that comes for the first time gets a name that nobody can guess.
        named = page.load(
            lambda token: token or secrets.token_hex(16), token, token, **QUIET
        )
        named.then(*looks, **QUIET)
        for button, is_preview in (preview, True), (paint, False):
            ask = partial(add_run, runs, is_preview)
            click = button.click(ask, [token, *asked], [chosen, alert], **QUIET)
            click.then(*looks, **QUIET)
    return page


def _lay_out_runs(runs: Runs, token: Any) -> tuple[Any, tuple[Any, ...]]:
    """Lay out the runs, and the one that is chosen; return what looks at them."""
    out: dict[str, Any] = {"interactive": False, "visible": False}
    full = {**out, "buttons": ["fullscreen"]}
    gr.Markdown("## Your runs")
    chosen = gr.Radio([], show_label=False, elem_id="runs", visible=False)
    # A page may name a run from before the server was started again.
    chosen.preprocess = lambda payload: payload  # type: ignore[method-assign]
    told, seen = gr.HTML(elem_id="status"), gr.State({})
    acts = {
        "Stop": runs.stop,
        "Resume": runs.go_on,
        "Save partial result": keep,
        "Delete": runs.delete,
    }
    with gr.Row():
        small: dict[str, Any] = {"size": "sm", "min_width": 100, "visible": False}
        buttons = {name: gr.Button(name, **small) for name in acts}
    newest = gr.Image(**full)
    views = [
        gr.Video(label="Before and after", loop=True, buttons=[], **out),
        slider := gr.ImageSlider(
            label="Before and after: drag the line", elem_id="slider", **full
        ),
        frame := gr.Slider(0, 1, step=1, label="Frame to compare", visible=False),
        gr.Image(label="Optimization", **full),
        gr.File(label="Download", elem_id="files", **out),
        gr.Code(
            label="As a command",
            language="shell",
            lines=1,
            wrap_lines=True,
            show_line_numbers=False,
            buttons=["copy"],
            **out,
        ),
    ]
    which = [token, chosen]
    shown = [chosen, told, newest, seen, *buttons.values(), *views]
    looks = partial(look, runs), [*which, seen], shown
    for name, button in buttons.items():
        act = partial(_on_run, runs, acts[name])
        button.click(act, which, **QUIET).then(*looks, **QUIET)
    compare = partial(_on_run, runs, Run.before_and_after)
    frame.release(compare, [*which, frame], slider, **QUIET)
    gr.Timer(TICK_S).tick(*looks, **QUIET)
    chosen.input(*looks, **QUIET)
    return chosen, looks


def _on_run(
    runs: Runs, act: Callable[..., Any], token: str, chosen: str | None, *given: Any
) -> Any:
    """Do something to the run that is chosen, if it is the user's."""
    for run in runs.find(token, chosen):
        return act(run, *given)
    return gr.skip()


def look(runs: Runs, token: str, chosen: str | None, seen: dict[str, Any]) -> list[Any]:
    """Show how the runs are: only what differs from what was ``seen``."""
    own = runs.of(token)
    run = next(iter(runs.find(token, chosen) or own), None)
    name, newest, label = (
        run and run.folder.name,
        run and run.newest,
        "Newest frame",
    )
    if run and run.state == "done":
        newest, label = run.sheet, "Before and after"
    newest = newest if newest and newest.is_file() else None
    choices = [(each.label, each.folder.name) for each in own]
    made = run and [(path.name, path.stat().st_mtime_ns) for path in run.results]
    now = {
        "runs": [choices, name],
        "status": status(run),
        "newest": newest and [name, newest.stat().st_mtime_ns],
        "view": [name, run and run.state, made, bool(newest)],
    }
    news = {key for key in now if now[key] != seen.get(key)}
    return [
        _show(name, choices=choices) if "runs" in news else gr.skip(),
        now["status"] if "status" in news else gr.skip(),
        _show(newest, label=label) if "newest" in news else gr.skip(),
        now if news else gr.skip(),
        *(_view(run) if "view" in news else [gr.skip()] * VIEWS),
    ]


def _view(run: Run | None) -> list[Any]:
    """Show the buttons that a run needs, and what there is of it."""
    state = run.state if run else ""
    is_busy, is_left = state in {"waiting", "painting"}, state in {"stopped", "failed"}
    can_keep = is_left and run is not None and run.newest.is_file()
    buttons = [is_busy, is_left, can_keep, state not in {"", "painting"}]
    both = compare = evolution = files = None
    frames = 0
    if run is not None and not is_busy:
        files = [str(file) for file in run.results] or None
    if run is not None and state == "done":
        both = None if run.sheet else run.before_and_after()
        compare, evolution, frames = (
            run.outputs.compare,
            run.outputs.evolution,
            run.frames,
        )
    return [
        *(gr.update(visible=is_shown) for is_shown in buttons),
        *map(_show, (compare, both)),
        _show(0 if frames else None, maximum=max(1, frames - 1)),
        *map(_show, (evolution, files, run and run.command)),
    ]


def _show(value: Any, **others: Any) -> Any:
    is_there = value is not None and (not isinstance(value, Path) or value.is_file())
    return gr.update(value=value if is_there else None, visible=is_there, **others)


def status(run: Run | None) -> str:
    """Tell how a run goes, as HTML."""
    if run is None:
        return STATES[""]
    words, bar = escape(run.error) or STATES.get(run.state, ""), ""
    if run.is_still and run.state == "stopped":
        words = "Resume starts it over; Save partial result keeps what is painted."
    if run.state == "painting":
        share, words = run.progress()
        done = "" if share is None else f" value={share:.3f}"
        bar = f"<progress aria-label=progress{done}></progress>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in run.notes[-6:])
    text = f"{bar}<p class={run.state} role=status>{words}</p><ul>{notes}</ul>"
    return f"<h3>{escape(run.label)}</h3>{text}"


def keep(run: Run) -> None:
    """Make a result of what a stopped run has painted; it can still go on."""
    try:
        if run.is_still:
            copy2(run.newest, run.output)
        else:
            gr.Info("Making a clip of the painted frames.", duration=3)
            finish_video(run.output, overwrite=True)
    except VidstyleError as err:
        text = run.without_paths(str(err))
        raise gr.Error(text, print_exception=False) from None
