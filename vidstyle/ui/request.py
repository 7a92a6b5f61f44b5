"""The form that starts a run: its files, and the controls for its settings."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr

from vidstyle.config.setting import FILES
from vidstyle.config.toml_file import SAMPLES, named_painting
from vidstyle.errors import ConfigError, InputError, VidstyleError
from vidstyle.images import fit_long_side, is_picture, resize_frame, write_picture
from vidstyle.records import Frame
from vidstyle.ui.run import SETTINGS, read_frame
from vidstyle.ui.runs import Runs
from vidstyle.video.probe import first_shown, probe

THUMB_SIDE = 480  # longest side of the thumbnails, in pixels
OWN = "my own"
SCENE: Final = {"More paint": "0.03", "Balanced": "", "More scene": "0.15"}
"""Content weights by label, as in the README."""
QUALITY: Final = {"Draft": "draft", "Standard": "standard", "Fine": "fine"}
MORE: Final = [
    setting
    for key, setting in SETTINGS.items()
    if (setting.is_common or setting.key == "recolor")
    and setting.panel != FILES
    and key not in {"content-weight", "style-scale", "batch"}
]
"""The other common settings, without those of files."""
SECOND: Final = re.compile(r"@(\d+(?:\.\d+)?)s")
"""The timestamp in the file name of a key frame."""
KEYS: Final = (
    "A frame that you paint yourself is kept, and its neighbors take their paint from "
    "it. Choose a frame, download it, paint over it, and drop it here without renaming."
)
QUIET: Final[dict[str, Any]] = {
    "show_progress": "hidden",
    "api_visibility": "private",
}


def build_form() -> tuple[Any, list[Any]]:
    """Build the form; return the error display, and the inputs of ``add_run``."""
    thumb: dict[str, Any] = {"interactive": False, "height": 200, "buttons": []}
    drop: dict[str, Any] = {"height": 140}
    gr.Markdown("## Paint")
    content = gr.File(label="Clip or picture", **drop)
    content_thumb = gr.Image(label="Source", visible=False, **thumb)
    with gr.Accordion("Key frames", open=False, visible=False) as panel:
        gr.Markdown(KEYS)
        second = gr.Slider(0, 1, step=0.1, label="Frame at this second")
        frame = gr.DownloadButton("Download this frame", size="sm")
        label = "Painted frames"
        keys = gr.File(label=label, file_count="multiple", elem_id="keys", **drop)
    choice = gr.Radio([*SAMPLES, OWN], value=SAMPLES[0], label="Painting")
    style = gr.File(label="My own painting", visible=False, **drop)
    first = str(named_painting(Path(SAMPLES[0])))
    style_thumb = gr.Image(first, label="Painting", **thumb)
    info = "Draft is small and fast; Fine is large and slow."
    controls = [
        gr.Radio([*QUALITY], value="Standard", label="Quality", info=info),
        gr.Radio([*SCENE], value="Balanced", label="Paint or scene"),
        gr.Slider(0.4, 2.5, value=1, step=0.1, label="Stroke size"),
    ]
    with gr.Accordion("More settings", open=False):
        gr.Markdown("As on the command line. Empty fields use the default.")
        controls += [_field(setting) for setting in MORE]
        types = [".safetensors"]
        painter = gr.File(label="painter: a network", file_types=types, **drop)
    alert = gr.Markdown(elem_id="alert")
    content.change(
        show_source,
        [content, second],
        outputs := [content_thumb, alert, panel, second, frame],
        **QUIET,
    )
    second.release(show_source, [content, second], outputs, **QUIET)
    wiring = [style, choice], [style_thumb, alert, style]
    gr.on([style.upload, choice.change], show_painting, *wiring, **QUIET)
    return alert, [content, style, choice, keys, painter, *controls]


def _field(setting: Any) -> Any:
    """Build the input of a setting; empty means the default."""
    default = setting.default_text or setting.text(setting.default)
    labels = {"label": setting.key, "info": f"{setting.help} [{default}]"}
    labels["elem_id"] = f"set-{setting.key}"
    choices = (
        ["true", "false"] if isinstance(setting.default, bool) else setting.choices
    )
    if choices:
        return gr.Dropdown(["", *choices], value="", **labels)
    return gr.Textbox(placeholder=setting.metavar or "", max_lines=1, **labels)


def show_source(file: str | None, second: float) -> list[Any]:
    """Show the uploaded content, or an error message.

    Of a clip, the frame at a time in seconds is shown and offered for download, to be
    painted over as a key frame.
    """
    path = Path(file) if file else None
    thumb, error, frame = _thumbnail(path, second)
    if path is None or frame is None or is_picture(path):
        return [thumb, error, gr.update(visible=False), gr.skip(), None]
    key = path.with_name(f"{path.stem}@{second:g}s.png")
    write_picture(key, frame)
    info = probe(path)
    last_s = max(0.1, (info.duration_s or 0) - float(1 / info.fps))
    slider = gr.update(maximum=round(last_s, 1))
    return [thumb, error, gr.update(visible=True), slider, str(key)]


def show_painting(file: str | None, choice: str) -> tuple[Any, str, Any]:
    """Show the painting or an error message, and the upload field if it is needed."""
    own = Path(file) if file else None
    path = own if choice == OWN else named_painting(Path(choice))
    thumb, error, _ = _thumbnail(path)
    return thumb, error, gr.update(visible=choice == OWN)


def _thumbnail(path: Path | None, second: float = 0) -> tuple[Any, str, Frame | None]:
    """Return the update of a thumbnail, an error message, and the full-size frame."""
    hidden = gr.update(value=None, visible=False)
    if path is None:
        return hidden, "", None
    try:
        index = 0 if is_picture(path) else first_shown(probe(path), second)
        frame = read_frame(path, index)
    except VidstyleError as err:
        return hidden, str(err).replace(str(path), path.name), None
    height, width = frame.shape[:2]
    height, width = fit_long_side(height=height, width=width, long_side=THUMB_SIDE)
    small = resize_frame(frame, height=height, width=width)
    return gr.update(value=small, visible=True), "", frame


def add_run(runs: Runs, is_preview: bool, token: str, *inputs: Any) -> tuple[Any, str]:
    """Queue a run and select it, or return an error message.

    A preview is three frames of a clip, or a small draft of a picture.
    """
    content, style, choice, keys, painter, quality, *controls = inputs
    try:
        if content is None:
            raise InputError("Drop a clip or a picture first.")
        if choice == OWN and style is None:
            raise InputError("Drop a painting first, or choose one of the others.")
        is_still, settings = is_picture(Path(content)), options(*controls)
        if painter is not None:
            settings["painter"] = Path(painter).name
        run = runs.add(
            token,
            Path(content),
            Path(style) if choice == OWN else choice,
            more=[Path(file) for file in (*(keys or ()), painter) if file],
            keys={} if is_still or is_preview else key_frames(keys or ()),
            preset="draft" if is_preview and is_still else QUALITY[quality],
            options=settings,
            is_preview=is_preview,
        )
    except VidstyleError as err:
        return gr.skip(), str(err)
    name = run.folder.name
    return gr.update(choices=[(run.label, name)], value=name), ""


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
    for name in [Path(file).name for file in files]:
        if (second := SECOND.search(name)) is None:
            raise ConfigError(
                f"the name {name} does not say which frame it is; keep the part like "
                "@2.5s from the download."
            )
        names[second[1]] = name
    return names
