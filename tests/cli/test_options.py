"""Options: one for each setting, its default from the configuration, in help too."""

import re
from dataclasses import fields, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from running import Run
from typer.testing import CliRunner

from vidstyle.cli import app
from vidstyle.clip.pipeline import VideoResult
from vidstyle.config import (
    AlbumConfig,
    EncodingConfig,
    EvolutionConfig,
    LayerWeight,
    StyleConfig,
    VideoConfig,
)
from vidstyle.config.setting import PANELS, settings_of

KINDS = (StyleConfig, VideoConfig, AlbumConfig, EncodingConfig, EvolutionConfig)
DECLARED = {each.name: each for each in settings_of(*KINDS)}
WITHOUT_OPTION = {"style", "encoding"}
"""Parts with options of their own."""


@cache
def help_of(*arguments: str, columns: int = 160, flag: str = "--help") -> str:
    result = CliRunner().invoke(
        app, [*arguments, flag], env={"COLUMNS": str(columns), "TERM": "dumb"}
    )
    assert result.exit_code == 0
    return result.stdout


SETTINGS = [
    (kind, field.name)
    for kind in KINDS
    for field in fields(kind)
    if field.name not in WITHOUT_OPTION
]


def test_every_setting_is_an_option() -> None:
    declared = {*DECLARED}
    assert {name for _, name in SETTINGS} == declared


@pytest.mark.parametrize("command", ["video", "image", "measure"])
def test_help_breaks_no_choice_in_a_narrow_window(command: str) -> None:
    narrow, wide = (
        set(re.findall(r"[\w-]+(?:\|[\w-]+)+", help_of(command, columns=columns)))
        for columns in (80, 300)
    )
    assert wide
    assert narrow == wide


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_help_says_each_word_of_a_choice(kind: type[Any], name: str) -> None:
    hint = get_type_hints(kind)[name]
    if get_origin(hint) is not Literal or DECLARED[name].metavar is None:
        return
    unsaid = set(get_args(hint)) - {getattr(kind(), name)}
    assert unsaid <= set(re.findall(r"[a-z0-9-]+", DECLARED[name].help))


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_help_shows_each_default(kind: type[Any], name: str) -> None:
    row, default = DECLARED[name], getattr(kind(), name)
    flag = f"--{row.key}"
    shown = help_of("video", flag="--help-all")
    entries = re.split(r"\n│[* ]+(?=--)|\n╰", shown)
    (entry,) = (entry for entry in entries if entry.split()[0] == flag)
    text = " ".join(entry.replace("│", " ").split())
    found = re.search(r"\[default: (.*?)\]", text)
    if row.default_text is not None:
        expected = f"({row.default_text})"
    elif row.parser is None and (default is None or default is False):
        assert found is None
        return
    else:
        expected = name if default is True else row.text(default)
    assert found is not None
    assert found[1] == expected


def test_help_groups_the_options() -> None:
    for flag in ("--help", "--help-all"):
        titles = re.findall(r"╭─ (.*?) ─+╮", help_of("video", flag=flag))
        assert titles == ["Arguments", "Options", *PANELS]


@pytest.mark.parametrize("command", ["video", "image"])
def test_help_is_short_and_has_three_examples(command: str) -> None:
    text = help_of(command, columns=100)
    assert len(text.splitlines()) <= 100
    assert text.count(f"\n vidstyle {command} ") == 3
    every = help_of(command, columns=100, flag="--help-all")
    few, all_ = (set(re.findall(r"--[a-z-]+", each)) for each in (text, every))
    assert few < all_


def test_help_of_a_picture_has_no_options_of_a_clip() -> None:
    text = help_of("image", flag="--help-all")
    assert "--style-weight" in text
    for flag in ("--next-steps", "--frames", "--crf", "--work-dir"):
        assert flag not in text


@pytest.mark.parametrize("command", ["video", "image", "presets", "networks"])
def test_help_fits_80_columns_and_cuts_nothing(command: str) -> None:
    text = help_of(command, columns=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text
    assert "<bool>" not in text


@pytest.fixture
def configured(
    vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> dict[str, VideoConfig | EvolutionConfig]:
    """What the command hands to the library, once it has run."""
    handed: dict[str, VideoConfig | EvolutionConfig] = {}

    def stylize_video(_: Path, paintings: Any, *__: Path, **given: Any) -> VideoResult:
        handed.update(paintings=paintings, config=given["config"])
        handed.update(evolution=given["evolution"])
        return VideoResult(output=Path("o.mp4"), frames=0, shots=0, evolution=None)

    monkeypatch.setattr("vidstyle.clip.pipeline.stylize_video", stylize_video)
    return handed


def test_without_options_the_configuration_is_the_default(
    vidstyle: Run, configured: dict[str, Any]
) -> None:
    assert vidstyle("video", "clip.mp4", "-s", "painting.png").code == 0
    assert configured == {
        "paintings": [Path("painting.png")],
        "config": VideoConfig(),
        "evolution": EvolutionConfig(),
    }


STYLE_OPTIONS = [
    ("--network vgg16", {"network": "vgg16"}),
    ("--weights a.npz", {"weights": Path("a.npz")}),
    ("--pooling max", {"pooling": "max"}),
    ("--precision bf16", {"precision": "bf16"}),
    ("--content-layers relu3_1", {"content_layers": (LayerWeight("relu3_1"),)}),
    (
        "--style-layers relu1_1,relu2_1:0.5",
        {"style_layers": (LayerWeight("relu1_1"), LayerWeight("relu2_1", 0.5))},
    ),
    ("-c 3", {"content_weight": 3.0}),
    ("--content-detail 0.25", {"content_detail": 0.25}),
    ("-w 4", {"style_weight": 4.0}),
    ("--tv-weight 5 --tv-beta 2", {"tv_weight": 5.0, "tv_beta": 2.0}),
    ("--range-weight 6", {"range_weight": 6.0}),
    ("--loss-scale gatys", {"loss_scale": "gatys"}),
    (
        "--balance gradients --optimizer adam",
        {"balance": "gradients", "optimizer": "adam"},
    ),
    ("--optimizer adam", {"optimizer": "adam"}),
    ("--history 7", {"history": 7}),
    ("--lr 0.5", {"lr": 0.5}),
    ("--lr-decay inverse-time", {"lr_decay": "inverse-time"}),
    ("--lr-decay-rate 0.9", {"lr_decay_rate": 0.9}),
    ("--lr-decay-every 8", {"lr_decay_every": 8}),
    ("--pyramid 4", {"pyramid": 4}),
    ("--temperature 0.3", {"temperature": 0.3}),
    ("--steps 9", {"steps": 9}),
    ("--min-steps 10", {"min_steps": 10}),
    ("--patience 50", {"patience": 50}),
    ("--min-delta 0.01", {"min_delta": 0.01}),
    ("--init style", {"init": "style"}),
    ("--init ./painting.png", {"init": Path("painting.png")}),
    ("--long-side source", {"long_side": None}),
    ("--long-side 640", {"long_side": 640}),
    ("--style-side 300", {"style_side": 300}),
    ("--style-scale 1.5", {"style_scale": 1.5}),
    ("--style-loss swd", {"style_loss": "swd"}),
    ("--style-mix 2", {"style_mix": (2.0,)}),
    ("--keep-color luminance", {"keep_color": "luminance"}),
    ("--no-recolor", {"recolor": False}),
    ("--seed 11", {"seed": 11}),
    ("--painter a.safetensors", {"painter": Path("a.safetensors")}),
    ("--touch-up 6", {"touch_up": 6}),
    ("-d cpu", {"device": "cpu"}),
]
VIDEO_OPTIONS = [
    ("--next-steps 12", {"next_steps": 12}),
    ("--key-frames 5", {"key_frames": 5}),
    ("--next-min-steps 7", {"next_min_steps": 7}),
    ("--next-init previous", {"next_init": "previous"}),
    ("--temporal-weight 13", {"temporal_weight": 13.0}),
    ("--mask-motion flow", {"mask_motion": "flow"}),
    ("--flow quality", {"flow": "quality"}),
    ("--batch 14", {"batch": 14}),
    ("--frames 15:", {"frames": (15, None)}),
    ("--start 1.5 --duration 2", {"start_s": 1.5, "duration_s": 2.0}),
    ("--output-size source", {"output_size": "source"}),
    ("--strict", {"strict": True}),
    ("--paint-bars", {"paint_bars": True}),
    ("--loop", {"loop": True}),
    ("--fps 24000/1001", {"input_fps": Fraction(24000, 1001)}),
    ("--background black", {"background": "black"}),
    ("--method network", {"method": "network"}),
    ("--network-shape unet", {"network_shape": "unet"}),
    ("--train-minutes 0.5", {"train_minutes": 0.5}),
]
ENCODING_OPTIONS = [
    ("--codec h265", {"codec": "h265"}),
    ("--crf 16", {"crf": 16}),
    ("--hardware-encoder", {"hardware_encoder": True}),
    ("--keep-alpha --codec ffv1 -o a.mkv", {"keep_alpha": True, "codec": "ffv1"}),
    ("--keep-location", {"keep_location": True}),
    ("--strip-metadata", {"strip_metadata": True}),
]
EVOLUTION_OPTIONS = [
    ("--gif-frame 17", {"frame": 17}),
    ("--gif-width 180", {"width": 180}),
    ("--gif-pictures 9", {"pictures": 9}),
    ("--gif-fps 5", {"fps": 5}),
    ("--gif-hold 1", {"hold_s": 1.0}),
]
ALL_OPTIONS = [*STYLE_OPTIONS, *VIDEO_OPTIONS, *ENCODING_OPTIONS, *EVOLUTION_OPTIONS]


def test_tables_name_every_setting() -> None:
    named = {name for _, changes in ALL_OPTIONS for name in changes}
    assert named == {name for _, name in SETTINGS} - {
        "style_at"
    }  # instead of --style; see below


def test_paintings_have_their_times(
    vidstyle: Run, configured: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--style-at", "0:painting.png", "--style-at", "3.5:./painting.png")
    assert vidstyle("video", "clip.mp4", *at).code == 0
    assert configured["config"] == VideoConfig(style_at=(0, 3.5))
    assert configured["paintings"] == [Path("painting.png"), Path("painting.png")]


@pytest.mark.parametrize(("options", "changes"), ALL_OPTIONS)
def test_option_changes_its_setting_only(
    vidstyle: Run, configured: dict[str, Any], options: str, changes: dict[str, Any]
) -> None:
    said = vidstyle("video", "clip.mp4", "-s", "painting.png", *options.split())
    assert said.code == 0, said.stderr
    style, video, evolution = StyleConfig(), VideoConfig(), EvolutionConfig()
    if (options, changes) in ENCODING_OPTIONS:
        video = replace(video, encoding=EncodingConfig(**changes))
    elif (options, changes) in STYLE_OPTIONS:
        video = replace(video, style=replace(style, **changes))
    elif (options, changes) in VIDEO_OPTIONS:
        video = replace(video, **changes)
    else:
        evolution = replace(evolution, **changes)
    assert (configured["config"], configured["evolution"]) == (video, evolution)


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_default_is_read_as_it_is_shown(kind: type[Any], name: str) -> None:
    row, default = DECLARED[name], getattr(kind(), name)
    if row.parser is not None:
        assert row.parse(row.text(default)) == default


@pytest.mark.parametrize("other", [("--preview",), ("--region", "a.png=b.png")])
def test_own_frames_go_with_neither_a_preview_nor_regions(
    vidstyle: Run, other: tuple[str, ...]
) -> None:
    said = vidstyle("video", "clip.mp4", "--key", "0:painting.png", *other)
    assert said.code == 2
    assert f"give either --key or {other[0]}" in said.stderr


def test_pictures_take_no_frames_of_a_clip(vidstyle: Run) -> None:
    said = vidstyle("image", "photo.png", "--key", "0:painting.png")
    assert said.code == 2
