"""The form that starts a run: its files, and the controls for its settings."""

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.image_utils import encode_image_array_to_base64

from vidstyle.clip.reader import expected_span
from vidstyle.config import StyleConfig
from vidstyle.config.setting import FILES, settings_of
from vidstyle.config.toml_file import SAMPLES, named_painting
from vidstyle.errors import ConfigError, InputError, VidstyleError
from vidstyle.images import (
    is_picture,
    read_picture,
    resize_frame,
    shrink_to,
    write_picture,
)
from vidstyle.records import Frame
from vidstyle.ui.runs import SETTINGS, Run, Runs
from vidstyle.video.figures import pick_frames
from vidstyle.video.probe import first_shown, probe

OWN = "my own"
SHOWN = 1024  # pixels of the long side of an embedded picture
SCENE: Final = {"More paint": "0.03", "Balanced": "", "More scene": "0.15"}
"""Content weights by label, as in the README."""
MORE: Final = [
    setting
    for key, setting in SETTINGS.items()
    if (setting.is_common or setting.key == "recolor")
    and setting.panel != FILES
    and key not in {"content-weight", "style-scale", "batch"}
]
"""The other common settings, without those of files."""
PICTURE: Final = {setting.key for setting in settings_of(StyleConfig)}
SECOND: Final = re.compile(r"@(\d+(?:\.\d+)?)s")  # timestamp in a key frame's name
KEYS: Final = (
    "A frame that you paint yourself is kept, and its neighbors take their paint from "
    "it. Choose a frame, download it, paint over it, and drop it here without renaming."
)
QUIET: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}


def build_form() -> tuple[Any, list[Any], list[Any]]:
    """Build the form; return its error display, inputs of ``add_run``, and buttons."""
    drop: dict[str, Any] = {"height": 140, "min_width": 200, "elem_classes": "drop"}
    gr.Markdown("## Paint")
    with gr.Row():
        content = gr.File(label="Clip or picture", **drop)
        content_thumb = picture("Source", "thumb")
    with gr.Accordion("Key frames", open=False, visible=False) as panel:
        gr.Markdown(KEYS)
        second = gr.Slider(0, 1, step=0.1, label="Frame at this second")
        frame = gr.DownloadButton("Download this frame", size="sm")
        label = "Painted frames"
        keys = gr.File(label=label, file_count="multiple", elem_id="keys", **drop)
    with gr.Row():
        with gr.Column(min_width=200):
            choice = gr.Radio([*SAMPLES, OWN], value=SAMPLES[0], label="Painting")
            style = gr.File(label="My own painting", visible=False, **drop)
        first = read_picture(named_painting(Path(SAMPLES[0])))
        style_thumb = picture("Painting", "thumb", first)
    info = "Draft is small and fast; Fine is large and slow."
    controls = [
        gr.Radio(
            ["Draft", "Standard", "Fine"], value="Standard", label="Quality", info=info
        ),
        gr.Radio([*SCENE], value="Balanced", label="Paint or scene"),
        gr.Slider(0.4, 2.5, value=1, step=0.1, label="Stroke size"),
    ]
    with gr.Accordion("More settings", open=False):
        gr.Markdown("As on the command line. Empty fields use the default.")
        controls += [_field(setting) for setting in MORE]
        types = [".safetensors"]
        painter = gr.File(label="painter: a network", file_types=types, **drop)
    with gr.Column(elem_id="go"):
        alert = gr.Markdown(elem_id="alert")
        with gr.Row():
            preview = gr.Button("Preview", min_width=120)
            paint = gr.Button("Paint", variant="primary", min_width=120)
    outputs = [content_thumb, alert, panel, second, frame]
    content.change(show_source, [content, second], outputs, **QUIET)
    second.release(show_source, [content, second], outputs, **QUIET)
    events = [style.upload, choice.change]
    outputs = [style_thumb, alert, style]
    gr.on(events, show_painting, [style, choice], outputs, **QUIET)
    inputs = [content, style, choice, keys, painter, *controls]
    return alert, inputs, [preview, paint]


def picture(name: str, kind: str, frame: Frame | None = None) -> Any:
    """Make a place for a picture, embedded: a file would stay in Gradio's cache."""
    return gr.HTML(
        embed(frame),
        html_template=f'<img src="${{value}}" alt="{name}">',
        elem_classes=kind,
        min_width=200,
        visible=frame is not None,
    )


def embed(frame: Frame | None) -> str | None:
    """Return a picture's data URI, reduced to at most SHOWN pixels."""
    if frame is None:
        return None
    return encode_image_array_to_base64(shrink_to(frame, SHOWN))


def _field(setting: Any) -> Any:
    """Build the input of a setting; empty means the default."""
    default = setting.default_text or setting.text(setting.default)
    labels = {"label": setting.key, "info": f"{setting.help} [{default}]"}
    labels["elem_id"] = f"set-{setting.key}"
    choices = (
        ["true", "false"] if isinstance(setting.default, bool) else setting.choices
    )
    if choices:
        return gr.Radio([("default", ""), *choices], value="", **labels)
    return gr.Textbox(placeholder=setting.metavar or "", max_lines=1, **labels)


def show_source(file: str | None, second: float) -> list[Any]:
    """Show the uploaded content, or an error message.

    A clip's frame at a time in seconds is shown and offered for download, to be painted
    over as a key frame.
    """
    thumb, error, frame = thumbnail(file, second)
    if file is None or frame is None or is_picture(Path(file)):
        return [thumb, error, gr.update(visible=False), gr.skip(), None]
    path = Path(file)
    for old in path.parent.glob("*@*s.png"):  # Gradio has copied it
        old.unlink(missing_ok=True)
    key = path.with_name(f"{path.stem}@{second:g}s.png")
    write_picture(key, frame)
    info = probe(path)
    last_s = (info.duration_s or 0) - float(1 / info.fps)
    slider = gr.update(maximum=max(0.1, math.floor(last_s * 10) / 10))
    return [thumb, error, gr.update(visible=True), slider, str(key)]


def show_painting(file: str | None, choice: str) -> tuple[Any, str, Any]:
    """Show the painting or an error message, and the upload field if it is needed."""
    is_own = choice == OWN
    thumb, error, _ = thumbnail(file if is_own else named_painting(Path(choice)))
    return thumb, error, gr.update(visible=is_own)


def thumbnail(
    file: str | Path | None, second: float = 0
) -> tuple[Any, str, Frame | None]:
    """Show a picture or a clip's frame; return that, an error message, the frame."""
    frame, error = None, ""
    if file is not None:
        try:
            frame = _read_upload(Path(file), second)
        except InputError as err:
            error = str(err)
    return gr.update(value=embed(frame), visible=frame is not None), error, frame


def _read_upload(path: Path, second: float = 0) -> Frame:
    """Read a picture or a clip's frame; the InputError names the file only."""
    try:
        index = 0 if is_picture(path) else first_shown(probe(path), second)
        return read_frame(path, index)
    except VidstyleError as err:
        raise InputError(str(err).replace(str(path), path.name)) from None


def read_frame(path: Path, index: int = 0) -> Frame:
    """Read a picture, or a frame of a clip (past its end, the last one)."""
    if is_picture(path):
        return read_picture(path)
    info = probe(path)
    (frame,) = pick_frames(info, [index], height=info.height, width=info.width).values()
    return frame


def add_run(runs: Runs, is_preview: bool, token: str, *inputs: Any) -> tuple[Any, str]:
    """Queue a run and select it, or return an error message.

    A preview is three frames of a clip, or a small draft of a picture.
    """
    content, style, choice, keys, painter, quality, *controls = inputs
    keys = keys or []
    more = [*keys, painter] if painter else keys
    try:
        if content is None:
            raise InputError("Drop a clip or a picture first.")
        if choice != OWN:
            style = choice
        elif style is None:
            raise InputError("Drop a painting first, or choose one of the others.")
        is_still = is_picture(Path(content))
        settings = options(*controls)
        if is_still:
            settings = {key: text for key, text in settings.items() if key in PICTURE}
        if painter is not None:
            settings["painter"] = Path(painter).name
        seconds = {} if is_still or is_preview else key_frames(keys)
        _read_upload(Path(content))
        if choice == OWN:
            _read_upload(Path(style))
        run = runs.add(
            token,
            Path(content),
            style,
            more=map(Path, more),
            keys=seconds,
            preset="draft" if is_preview and is_still else quality.lower(),
            options=settings,
            is_preview=is_preview and not is_still,
        )
    except VidstyleError as err:
        return gr.skip(), str(err)
    return run.folder.name, ""


def before_and_after(run: Run, index: int = 0) -> tuple[Frame, Frame]:
    """Read the source and the result, or a frame of both, in the result's size."""
    start = 0
    if not run.is_still:
        start, _ = expected_span(probe(run.source), run.config())
    before = read_frame(run.source, start + index)
    after = read_frame(run.output, index)
    height, width = after.shape[:2]
    return resize_frame(before, height=height, width=width), after


def command(run: Run) -> str:
    """Return the equivalent command line."""
    kind = "image" if run.is_still else "video"
    words = ["vidstyle", kind, run.content, "--style", run.style]
    if run.preset != "standard":
        words += ["--preset", run.preset]
    for key, text in run.options.items():
        if text in {"true", "false"}:
            words.append(f"--{key}" if text == "true" else f"--no-{key}")
        else:
            words += [f"--{key}", text]
    for second, name in run.keys.items():
        words += ["--key", f"{second}:{name}"]
    words += ["--preview"] if run.is_preview else []
    words += ["--evolution"] if run.outputs.evolution else []
    words += ["--compare"] if run.outputs.compare else []
    return shlex.join([*words, "--output", run.output.name])


def options(scene: str, strokes: float, *more: str | None) -> dict[str, str]:
    """Convert the values of the controls to settings; empty ones are left out."""
    texts = {"content-weight": SCENE[scene]}
    texts["style-scale"] = "" if strokes == 1 else f"{strokes:g}"
    for setting, text in zip(MORE, more, strict=True):
        texts[setting.key] = (text or "").strip()
    return {key: text for key, text in texts.items() if text}


def key_frames(files: Sequence[str]) -> dict[str, str]:
    """Map timestamps to key frames; ConfigError: a file name has no timestamp."""
    names = {}
    for file in files:
        name = Path(file).name
        second = SECOND.search(name)
        if second is None:
            raise ConfigError(
                f"the name {name} does not say which frame it is; keep the part like "
                "@2.5s from the download."
            )
        names[second[1]] = name
    return names
