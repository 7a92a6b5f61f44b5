"""Settings and their file: what is saved is what is read, and mistakes are named."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from test_options import ALL_OPTIONS

from vidstyle.cli.options import defaults, save_config
from vidstyle.config import EvolutionConfig, LayerWeight, StyleConfig
from vidstyle.config.setting import settings_of
from vidstyle.config.toml_file import KINDS, config_text, read_config
from vidstyle.errors import ConfigError, InputError, OutputError

WITHOUT_OPTION: list[dict[str, Any]] = [
    {"pictures": 7},
    {"fps": 3},
    {"hold_s": 0.1},
    {"style_at": (0.0, 1 / 3)},
]
EXACT: list[dict[str, Any]] = [
    {"content_weight": 0.1 + 0.2, "tv_weight": 1e-17, "lr": 1e16},
    {"content_detail": 0.25},
    {"style_layers": (LayerWeight("relu1_1", 1 / 3), LayerWeight("relu2_1", 1e-9))},
    {"frames": (3, 7)},
    {"long_side": None},
    {"init": Path("random")},
    {"weights": Path("none")},
    {"weights": Path('/tmp/ä "quoted" \\ \x7f 𝄞\n.npz')},  # noqa: S108
    {"seed": 2**63 - 1},
]
CHANGES = [changes for _, changes in ALL_OPTIONS] + WITHOUT_OPTION + EXACT


def saved(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Save settings and read them again."""
    path = folder / "look.toml"
    save_config(path, config_text(values, KINDS, folder=folder), overwrite=True)
    return read_config(path)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_what_is_saved_is_read(changes: dict[str, Any]) -> None:
    values = defaults() | changes
    assert saved(values, Path()) == values


def test_changes_change_every_setting() -> None:
    names = {name for changes in CHANGES for name in changes}
    assert names == {setting.name for setting in settings_of(*KINDS)} == set(defaults())
    changed = defaults()
    for changes in CHANGES:
        changed |= changes
    assert saved(changed, Path()) == changed
    assert not {name for name in names if changed[name] == defaults()[name]}


def test_names_of_files_are_relative_to_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "looks").mkdir()
    (tmp_path / "start.png").touch()
    values = defaults() | {"init": Path("start.png"), "weights": Path("looks/none")}
    read = saved(values, Path("looks"))
    text = (tmp_path / "looks" / "look.toml").read_text(encoding="utf-8")
    assert 'init = "../start.png"' in text
    assert 'weights = "./none"' in text
    assert read["init"].samefile(tmp_path / "start.png")
    assert read["weights"] == Path("looks/none")


def test_part_of_the_settings_will_do(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('steps = 5\nlr = 1\nlong-side = 64\ninit = "a/b.png"\n')
    read = read_config(path)
    assert read == {
        "steps": 5,
        "lr": 1.0,
        "long_side": 64,
        "init": tmp_path / "a/b.png",
    }
    assert type(read["lr"]) is float


@pytest.mark.parametrize("text", ["24", "24.0", '"24"', '"48/2"'])
def test_rate_is_a_number_or_a_string(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f"fps = {text}\n")
    assert read_config(path) == {"input_fps": Fraction(24)}


def test_file_says_what_it_is_and_where_settings_come_from() -> None:
    text = config_text(
        defaults(),
        [StyleConfig, EvolutionConfig],
        folder=Path(),
        about=["a word"],
        origins={"steps": "option"},
    )
    assert "# a word\n" in text
    assert "\nsteps = 300  # option\n" in text
    assert "next-steps" not in text


MISTAKES = {
    "stepz = 3": "stepz is not a setting; settings are named like the options: ",
    "long_side = 3": "long_side is not a setting",
    "steps = 3.5": "steps is 3.5; it must be a whole number",
    'steps = "3"': "steps is '3'; it must be a whole number",
    "steps = true": "steps is True; it must be a whole number",
    "lr = true": "lr is True; it must be a number",
    "fps = true": "fps: 'True' is not a rate such as 24",
    "fps = 0": "fps is 0; it must be more than 0",
    f"lr = 1{'0' * 400}": "it must be a number",
    "recolor = 1": "recolor is 1; it must be true or false",
    "network = 16": 'network is 16; it must be one of "auto", "slim", "vgg16", "vgg19"',
    'network = "vgg"': "network is 'vgg'; it must be one of",
    "long-side = 2.5": 'long-side is 2.5; it must be a whole number or "source"',
    'long-side = "none"': "long-side: 'none' is neither a number of pixels nor source",
    "style-side = false": 'it must be a whole number or "none"',
    "weights = 3": 'weights is 3; it must be a file name or "none"',
    "content-layers = 3": 'a string "LAYER[:WEIGHT],...", as for --content-layers',
    'content-layers = "relu1_1:x"': "content-layers: 'x' in 'relu1_1:x' is not",
    'frames = "7"': "frames: '7' is not a range of frames such as 0:48",
    "[look]\nsteps = 3": "look is not a setting",
}


@pytest.mark.parametrize(("text", "words"), MISTAKES.items(), ids=MISTAKES)
def test_mistake_names_file_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "look.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(words)) as raised:
        read_config(path)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff", "is not a settings file: it is not text."),
        (b"steps 3", "is not a settings file: Expected '='"),
        (b"steps = 3\nsteps = 4", "is not a settings file: Cannot overwrite"),
    ],
)
def test_what_is_not_toml_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "look.toml"
    path.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(words)):
        read_config(path)


def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"cannot read gone\.toml: No such file"):
        read_config(Path("gone.toml"))


def test_other_settings_are_not_lost_unasked(tmp_path: Path) -> None:
    path = tmp_path / "look.toml"
    save_config(path, "a", overwrite=False)
    save_config(path, "a", overwrite=False)
    with pytest.raises(OutputError, match="with other settings; use --overwrite"):
        save_config(path, "b", overwrite=False)
    assert path.read_text(encoding="utf-8") == "a"
    save_config(path, "b", overwrite=True)
    path.write_bytes(b"\xff")
    with pytest.raises(OutputError, match="with other settings"):
        save_config(path, "b", overwrite=False)


def test_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    values = defaults() | {"weights": Path("\udcff.npz")}
    with pytest.raises(OutputError, match="a file name in it is not valid text"):
        saved(values, Path())
    assert not list(tmp_path.iterdir())
