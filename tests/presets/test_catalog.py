"""Presets: whole, in range, and what they say of themselves is what they set."""

from dataclasses import fields

import pytest

from vidstyle.config import StyleConfig, VideoConfig, toml_file
from vidstyle.config.toml_file import NAMES, Preset, read_config, read_preset

PRESETS: dict[str, Preset] = {name: read_preset(name) for name in NAMES}
STYLE_FIELDS = {field.name for field in fields(StyleConfig)}
VIDEO_FIELDS = {field.name for field in fields(VideoConfig)} - {"style"}


def configure(name: str) -> VideoConfig:
    """Make the configuration that a preset means."""
    settings = PRESETS[name].settings
    style = {key: settings[key] for key in STYLE_FIELDS & set(settings)}
    video = {key: settings[key] for key in VIDEO_FIELDS & set(settings)}
    return VideoConfig(style=StyleConfig(**style), **video)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_a_configuration(name: str) -> None:
    configure(name)
    assert PRESETS[name].name == name
    assert set(PRESETS[name].settings) <= STYLE_FIELDS | VIDEO_FIELDS


def test_finishes_grow_in_size_and_steps() -> None:
    draft, standard, fine = (configure(name) for name in ("draft", "standard", "fine"))
    assert standard == VideoConfig()
    for less, more in ((draft, standard), (standard, fine)):
        assert less.style.long_side < more.style.long_side
        assert less.style.steps < more.style.steps
        assert less.next_steps < more.next_steps


def test_every_file_is_a_preset_that_config_reads() -> None:
    folder = toml_file.PACKAGE / "presets"
    assert {path.stem for path in folder.glob("*.toml")} == set(NAMES)
    assert read_config(folder / "fine.toml") == PRESETS["fine"].settings
