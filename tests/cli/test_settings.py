"""Presets, files of settings and options as a user types them."""

from pathlib import Path
from typing import Any

import pytest
from running import Run, names_in
from test_options import configured  # noqa: F401 - a fixture

from vidstyle.config import StyleConfig, VideoConfig
from vidstyle.config.toml_file import NAMES, read_preset

PAINT = ("video", "clip.mp4", "-s", "painting.png")
PRESETS = {name: read_preset(name) for name in NAMES}
INPUTS = {"clip.mp4", "painting.png"}


@pytest.fixture
def settled(vidstyle: Run, configured: dict[str, Any]) -> Any:  # noqa: F811
    """Run the command; it has to go well. Return its configuration."""

    def run(*arguments: str) -> VideoConfig:
        said = vidstyle(*PAINT, *arguments)
        assert said.code == 0, said.stderr
        config: VideoConfig = configured["config"]
        return config

    return run


def test_standard_is_the_default(settled: Any) -> None:
    assert settled("--preset", "standard") == VideoConfig()


def test_preset_lies_over_the_defaults_and_under_the_options(settled: Any) -> None:
    config = settled("--preset", "draft")
    assert config.style.long_side == PRESETS["draft"].settings["long_side"]
    assert config.next_steps == PRESETS["draft"].settings["next_steps"]
    assert config.style.content_weight == StyleConfig().content_weight
    config = settled("--preset", "draft", "--long-side", "99")
    assert config.style.long_side == 99
    assert config.style.steps == PRESETS["draft"].settings["steps"]


def test_option_at_its_default_wins_too(settled: Any) -> None:
    default = StyleConfig().steps
    assert settled("--preset", "draft", "--steps", str(default)).style.steps == default


def test_file_lies_between_preset_and_options(here: Path, settled: Any) -> None:
    (here / "look.toml").write_text("steps = 7\nnext-steps = 8\n", encoding="utf-8")
    config = settled("--preset", "draft", "--config", "look.toml", "--next-steps", "9")
    assert config.style.long_side == PRESETS["draft"].settings["long_side"]
    assert (config.style.steps, config.next_steps) == (7, 9)


def test_saved_settings_are_taken_up(here: Path, settled: Any) -> None:
    options = ("--preset", "fine", "-c", "0.3", "--init", "painting.png", "--strict")
    config = settled(*options, "--save-config", "look.toml")
    assert names_in(here) == {*INPUTS, "look.toml"}
    assert settled("--config", "look.toml") == config
    assert settled("--preset", "draft", "--config", "look.toml") == config
    settled(*options, "--save-config", "look.toml")  # goes on where it stopped


def test_settings_of_a_preview_are_saved(
    here: Path, vidstyle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.clip.preview.preview_video", lambda *_, **__: None)
    assert vidstyle(*PAINT, "--preview", "--save-config", "a.toml").code == 0
    assert "a.toml" in names_in(here)


def test_settings_of_a_clip_are_passed_over_for_a_picture(
    here: Path, vidstyle: Run
) -> None:
    (here / "look.toml").write_text("next-steps = 7\nsteps = 8\n", encoding="utf-8")
    said = vidstyle("image", "--config", "look.toml", "--show-config")
    assert said.code == 0
    assert "\nsteps = 8  # configuration file\n" in said.stdout
    assert "next-steps" not in said.stdout


@pytest.mark.parametrize("command", ["image", "video"])
@pytest.mark.parametrize("preset", PRESETS)
def test_shown_settings_are_read_again(
    here: Path, vidstyle: Run, command: str, preset: str
) -> None:
    shown = vidstyle(command, "--preset", preset, "--show-config")
    assert (shown.code, shown.stderr) == (0, "")
    assert f"# Preset {preset}: {PRESETS[preset].summary[:20]}" in shown.stdout
    assert names_in(here) == INPUTS
    (here / "shown.toml").write_text(shown.stdout, encoding="utf-8")
    again = vidstyle(command, "--config", "shown.toml", "--show-config")

    def settings(text: str) -> list[str]:
        lines = (line.partition("  #")[0] for line in text.splitlines())
        return [line for line in lines if not line.startswith("#")]

    assert settings(again.stdout)[-30:] == settings(shown.stdout)[-30:]


def test_without_show_config_inputs_are_needed(vidstyle: Run) -> None:
    assert vidstyle("video", "--show-config").code == 0
    said = vidstyle("video", "clip.mp4")
    assert said.code == 2
    assert "Missing option" in said.stderr
    assert vidstyle("video", "-s", "painting.png").code == 2


MISTAKES = [
    ("--config gone.toml", 3, "cannot read gone.toml: No such file or directory."),
    ("--config bad.toml", 3, "bad.toml: steps is -1; it must be at least 0."),
    ("--config clip.mp4", 3, "clip.mp4 is not a settings file: it is not text."),
    ("--config . ", 3, "cannot read .: Is a directory."),
    ("--save-config kept.toml", 6, "kept.toml exists with other settings"),
    ("--save-config gone/a.toml", 6, "cannot write gone/a.toml: No such file"),
    (
        "--save-config clip.mp4",
        3,
        "the result clip.mp4 would replace an input; name another file.",
    ),
    ("--save-config . -y", 6, "cannot write .: "),
    ("--preset draft --steps -1", 3, "steps is -1; it must be at least 0."),
]


@pytest.mark.parametrize(("options", "code", "words"), MISTAKES)
def test_mistake_is_one_sentence_and_leaves_nothing(
    here: Path, vidstyle: Run, options: str, code: int, words: str
) -> None:
    (here / "bad.toml").write_text("steps = -1", encoding="utf-8")
    (here / "kept.toml").write_text("steps = 1", encoding="utf-8")
    before = names_in(here)
    said = vidstyle(*PAINT, *options.split())
    (line,) = said.lines
    assert line.startswith("error: ")
    assert words in line
    assert said.code == code
    assert names_in(here) == before


def test_unknown_preset_is_usage(vidstyle: Run) -> None:
    said = vidstyle(*PAINT, "--preset", "drfat")
    assert said.code == 2
    assert "'drfat' is not one of draft, standard, fine" in " ".join(
        said.stderr.replace("│", " ").split()
    )


def test_presets_are_listed(vidstyle: Run) -> None:
    said = vidstyle("presets")
    assert said.code == 0
    assert [line.split()[0] for line in said.stdout.splitlines()] == list(PRESETS)


def test_layer_or_pooling_that_slim_lacks_is_refused(vidstyle: Run) -> None:
    preset = ("--preset", "rathod2023", "--network", "slim", "-d", "cpu")
    paint = ("image", "painting.png", "-s", "painting.png", "-o", "a.png", *preset)
    said = vidstyle(*paint)
    assert said.code == 3
    assert "error: slim supports only average pooling" in said.stderr
    said = vidstyle(*paint, "--pooling", "average")
    assert said.code == 3
    assert "error: slim has no layer relu5_3; it has relu1_1" in said.stderr
