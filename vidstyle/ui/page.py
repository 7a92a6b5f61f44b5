"""The page: the request form, the list of runs, and the results of the selected one."""

import secrets
import time
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from shutil import copy2
from typing import Any, Final

import gradio as gr

from vidstyle.clip.unfinished import finish_video
from vidstyle.errors import VidstyleError
from vidstyle.pace import duration
from vidstyle.ui.request import (
    QUIET,
    add_run,
    before_and_after,
    build_form,
    command,
    picture,
    thumbnail,
)
from vidstyle.ui.runs import Run, Runs

TICK_S = 1.0  # interval at which the page polls the runs
STATES: Final = {
    "": "<p>Nothing painted yet. Drop a clip or a picture, choose a painting and press "
    "Preview: you see three frames and an estimate of the total time.</p>",
    "waiting": "Waiting for the runs before it.",
    "stopped": "Press Resume to paint the rest; nothing is lost.",
}
TO_STATUS: Final = """() => {
    const status = document.querySelector('#status');
    const is_below = status.getBoundingClientRect().bottom > innerHeight;
    if (is_below && !document.querySelector('#alert p'))
        status.scrollIntoView({block: 'center'});
}"""
CONFIRM: Final = (
    "(token, name) => [confirm('Delete this run and its files?') ? token : '', name]"
)
VIEWS = 11  # number of components that _view updates


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
                alert, inputs, buttons = build_form()
            with gr.Column(min_width=280):
                selected, refresh = _build_runs(runs, token)
        # A new browser gets an unguessable token, which identifies its user.
        identified = page.load(
            lambda token: token or secrets.token_hex(16), token, token, **QUIET
        )
        identified.then(*refresh, **QUIET)
        for button, is_preview in zip(buttons, (True, False), strict=True):
            submit = partial(add_run, runs, is_preview)
            click = button.click(submit, [token, *inputs], [selected, alert], **QUIET)
            click.then(*refresh, **QUIET).then(None, js=TO_STATUS, **QUIET)
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
        "Resume": runs.enqueue,
        "Save partial result": keep,
        "Delete": runs.delete,
    }
    with gr.Row():
        small: dict[str, Any] = {"size": "sm", "scale": 0, "min_width": 140}
        buttons = {name: gr.Button(name, visible=False, **small) for name in actions}
    newest = picture("Newest frame", "newest")
    sheet = gr.Image(label="Before and after", **full)
    video = gr.Video(label="Before and after", loop=True, buttons=[], **out)
    label = "Before and after: drag the line"
    slider = gr.ImageSlider(label=label, elem_id="slider", **full)
    frame = gr.Slider(0, 1, step=1, label="Frame to compare", visible=False)
    evolution = gr.Image(label="How it was painted", **full)
    files = gr.File(label="Download", elem_id="files", **out)
    line = gr.Textbox(label="As a command", elem_id="command", buttons=["copy"], **out)
    views = [sheet, video, slider, frame, evolution, files, line]
    run_id = [token, selected]
    outputs = [choice, status_html, newest, shown, selected, *buttons.values(), *views]
    refresh = partial(update_page, runs), [*run_id, shown], outputs
    for name, button in buttons.items():
        action = partial(_on_run, runs, actions[name])
        ask = CONFIRM if name == "Delete" else None
        button.click(action, run_id, js=ask, **QUIET).then(*refresh, **QUIET)
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
    run = runs.find(token, name)
    return gr.skip() if run is None else action(run, *args)


def update_page(
    runs: Runs, token: str, selected: str | None, shown: dict[str, Any]
) -> list[Any]:
    """Update the components whose state differs from what is ``shown``."""
    own = runs.of(token)
    choices = [(f"{queued(r)} {label_of(r)}", r.folder.name) for r in own]
    run = runs.find(token, selected)
    if run is None and own:
        run = own[0]
    name = state = results = newest = newest_version = None
    if run is not None:
        name, state = run.folder.name, run.state
        results = [(path.name, path.stat().st_mtime_ns) for path in run.results]
        if state != "done" and run.newest.is_file():
            newest = run.newest
            newest_version = [name, newest.stat().st_mtime_ns]
    current = {
        "runs": [choices, name],
        "status": status(run),
        "newest": newest_version,
        "view": [name, state, results, newest is not None],
    }
    changed = {key for key in current if current[key] != shown.get(key)}
    return [
        _show(name, choices=choices) if "runs" in changed else gr.skip(),
        current["status"] if "status" in changed else gr.skip(),
        thumbnail(newest)[0] if "newest" in changed else gr.skip(),
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
    sheet = both = compare = evolution = files = None
    frames = 0
    line = None if run is None else command(run)
    if run is not None and not is_busy:
        files = [str(file) for file in run.results] or None
        if state == "done" and run.is_preview:
            sheet = run.output
        elif state == "done":
            evolution, compare = run.outputs.evolution, run.outputs.compare
            both, frames = before_and_after(run), run.frames
    return [
        *(gr.update(visible=is_shown) for is_shown in buttons),
        *map(_show, (sheet, compare, both)),
        _show(0 if frames else None, maximum=max(1, frames - 1)),
        *map(_show, (evolution, files, line)),
    ]


def _show(value: Any, **others: Any) -> Any:
    """Set a component's value, and hide it if there is none, or no such file."""
    exists = value is not None and (not isinstance(value, Path) or value.is_file())
    return gr.update(value=value if exists else None, visible=exists, **others)


def status(run: Run | None) -> str:
    """Format a run's progress as HTML."""
    if run is None:
        return STATES[""]
    text = escape(run.error) or STATES.get(run.state, "")
    bar = ""
    if run.is_still and run.state == "stopped":
        text = "Resume starts it over; Save partial result keeps what is painted."
    notes = run.notes[-6:]
    if run.state == "done" and run.is_preview and notes:
        text = escape(notes.pop())  # the estimate for the whole clip
    if run.state == "painting":
        share, text = progress(run)
        done = "" if share is None else f" value={share:.3f}"
        bar = f"<progress aria-label=progress{done}></progress>"
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    body = f"{bar}<p class={run.state} role=status>{text}</p><ul>{items}</ul>"
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


def queued(run: Run) -> str:
    """Format the day and time of a run, which tell runs of the same files apart."""
    return time.strftime("%a %H:%M", time.localtime(run.queued_s))


def label_of(run: Run) -> str:
    kind = "preview" if run.is_preview else run.preset
    kind = "" if kind == "standard" else f", {kind}"
    return f"{run.content} with {Path(run.style).stem}{kind}: {run.state}"


def progress(run: Run) -> tuple[float | None, str]:
    """Return the fraction of the work done (None: unknown), and a status text."""
    left = None if run.pace is None else run.pace.steps_left
    if run.pace is None or left is None:
        return None, run.line
    text = run.line
    steps = run.pace.steps
    began_s, first_steps = run.began
    if steps > first_steps:
        left_s = left * (time.monotonic() - began_s) / (steps - first_steps)
        text += f", about {duration(left_s)} left"
    return steps / max(1.0, steps + left), text
