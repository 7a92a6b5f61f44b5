"""What people type who know other programs, or this one little."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import FEW, FRAMES, Run, names_in

from vidstyle.cli.typed import find_command
from vidstyle.video.probe import probe

STYLE = ("--style", "painting.png")
# What runs in the background of a script was told to ignore interrupts.
LISTENING_SHELL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv("/bin/bash", ["bash", "-c", sys.argv[1]])
"""
INPUTS = {"clip.mp4", "painting.png"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("video clip.mp4 -s painting.png -original_colors 1", "--keep-color luminance"),
        ("video clip.mp4 -style_image painting.png", "use --style FILE"),
        ("video clip.mp4 -s painting.png -ss 1", "use --start"),
        ("video clip.mp4 -s painting.png -to 1", "use --duration"),
        ("video -i clip.mp4 -s painting.png", "give the file without an option"),
        ("video clip.mp4 -s painting.png --gpu 0", "use --device cuda"),
        ("video clip.mp4 -s painting.png --num-iterations 9", "use --steps N"),
        ("video clip.mp4 -s painting.png --force", "use --overwrite"),
        ("video clip.mp4 -s painting.png --no-audio", "-c copy -an"),
        ("video clip.mp4 -s painting.png -overwrite", "have two: --overwrite"),
        ("image clip.mp4 -s painting.png -output a.png", "have two: --output"),
        ("video clip.mp4 painting.png", "use --style painting.png"),
        ("clip.mp4 painting.png", "use --style painting.png"),
        ("bench --size 64x64", "--sizes"),
        ("--style painting.png clip.mp4", "Start with a command"),
        ("video clip.mp4 --style=", "an empty argument"),
    ],
)
def test_word_of_another_program_is_answered(
    here: Path, vidstyle: Run, typed: str, words: str
) -> None:
    said = vidstyle(*typed.split())
    assert said.code == 2
    told = " ".join(line.strip("│╭╮╰╯─ ") for line in said.lines)
    assert words in told
    assert names_in(here) == INPUTS


def test_an_unset_variable_is_not_the_current_folder(vidstyle: Run) -> None:
    said = vidstyle("image", "painting.png", "--style", "")
    assert said.code == 2
    assert "an empty argument after --style" in " ".join(said.lines)


EARLY = [
    ("image clip.mp4 -s painting.png", "is a clip; paint it with vidstyle video"),
    ("video painting.png -s painting.png", "use vidstyle image"),
    ("video https://example.com/a.mp4 -s painting.png", "a.mp4 is on the web"),
    ("video clip.mp4 -s https://example.com/b.jpg", "b.jpg is on the web"),
    ("video 0 -s painting.png", "record a clip first"),
    ("image *.jpg -s painting.png", "no file matches *.jpg"),
    ("video clip.mp4 -s gone.jpg", "cannot read gone.jpg"),
    ("video clip.mp4 -s painting.png --style-mix 1,1", "there is 1 painting;"),
    ("video clip.mp4 -s painting.png -o a.xyz", "has no video file extension"),
]


@pytest.mark.slow
def test_mistakes_are_told_before_torch_is_loaded(here: Path) -> None:
    program = """
import sys
from typer.testing import CliRunner
from vidstyle.cli import app

for typed in sys.argv[1:]:
    said = CliRunner().invoke(app, typed.split())
    facts = said.exit_code, repr(said.stdout), "torch" in sys.modules
    print(*facts, said.stderr, end="")
"""
    done = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", program, *(typed for typed, _ in EARLY)],
        capture_output=True,
        text=True,
        check=True,
    )
    for line, (_, words) in zip(done.stdout.splitlines(), EARLY, strict=True):
        assert line.startswith("3 '' False error: ")
        assert words in line
    assert names_in(here) == INPUTS


def test_version_and_help_are_found(vidstyle: Run) -> None:
    assert vidstyle("-V").stdout == vidstyle("version").stdout
    assert vidstyle("help").stdout == vidstyle("--help").stdout
    assert vidstyle("help", "video").stdout == vidstyle("video", "--help").stdout


@pytest.mark.slow
def test_shell_offers_presets(here: Path, vidstyle: Run) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "vidstyle"],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": "/usr/bin",
            "_VIDSTYLE_COMPLETE": "complete_bash",
            "COMP_WORDS": "vidstyle video c.mp4 --preset dr",
            "COMP_CWORD": "4",
            "PYTHONPATH": ":".join(sys.path),
        },
    )
    assert said.stdout.split() == ["draft"]


@pytest.mark.slow
def test_file_alone_is_painted(here: Path, vidstyle: Run) -> None:
    said = vidstyle("clip.mp4", *STYLE, *FEW, "--start", "0:00", "--frames", ":")
    assert said.code == 0, said.stderr
    assert names_in(here) == {*INPUTS, "clip.painting.mp4"}


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["out/", "there", "a/b/c/"])
def test_result_goes_into_a_folder(here: Path, vidstyle: Run, folder: str) -> None:
    (here / "there").mkdir()
    said = vidstyle("video", "clip.mp4", *STYLE, *FEW, "-o", folder)
    assert said.code == 0, said.stderr
    assert names_in(here / folder) == {"clip.painting.mp4"}


def test_folders_go_again_after_a_mistake(here: Path, vidstyle: Run) -> None:
    said = vidstyle("video", "clip.mp4", *STYLE, "-o", "a/b/x.xyz")
    assert said.code == 3
    assert names_in(here) == INPUTS


@pytest.mark.slow
def test_gif_stays_a_gif(here: Path, vidstyle: Run) -> None:
    assert vidstyle("video", "clip.mp4", *STYLE, *FEW, "-o", "c.gif").code == 0
    said = vidstyle("video", "c.gif", *STYLE, *FEW, "--evolution")
    assert said.stdout == "c.painting.gif\nc.painting.evolution.gif\n"


@pytest.mark.slow
def test_several_clips_are_painted_and_one_failure_is_passed_over(
    here: Path, vidstyle: Run
) -> None:
    shutil.copy("clip.mp4", "d.mp4")
    clips = ("clip.mp4", "gone.mp4", "d.mp4")
    options = (*STYLE, "--style", "swirls", *FEW, "--steps", "1", "-o", "out")
    said = vidstyle("video", *clips, *options)
    assert said.code == 3
    assert said.lines[-1] == "error: some clips failed: gone.mp4."
    made = {"clip.painting+swirls.mp4", "d.painting+swirls.mp4"}
    assert names_in(here / "out") == {*made, "index.png"}
    assert said.stdout.splitlines()[-1] == str(Path("out", "index.png"))
    said = vidstyle("video", *clips, *options)
    assert sum("already exists" in line for line in said.lines) == 2


@pytest.mark.slow
def test_comparison_shows_both_side_by_side(here: Path, vidstyle: Run) -> None:
    said = vidstyle("video", "clip.mp4", *STYLE, *FEW, "--compare")
    assert said.stdout == "clip.painting.mp4\nclip.painting.compare.mp4\n"
    info = probe(Path("clip.painting.compare.mp4"))
    assert (info.width, info.height) == (96, 32)
    assert (info.frame_count, info.has_audio) == (FRAMES, True)


@pytest.mark.parametrize(
    ("typed", "is_own"), [("--style=a", 1), ("--style-at 0:a", 1), ("--style-mix 1", 0)]
)
def test_demo_takes_another_painting_instead(typed: str, is_own: bool) -> None:
    assert ("swirls" in find_command(["demo", *typed.split()], ())) != is_own


@pytest.mark.slow
def test_demo_paints_what_comes_along(here: Path, vidstyle: Run) -> None:
    part = ("--long-side", "48", "--frames", ":6")
    said = vidstyle("demo", *FEW, *part, "--style", "woodblock")
    assert said.code == 0, said.stderr
    names = {"clip.woodblock.mp4", "clip.woodblock.gif", "clip.woodblock.compare.mp4"}
    assert names_in(here / "demo") == names


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no bash")
def test_loop_of_a_shell_ends_with_an_interrupted_run(here: Path) -> None:
    options = "clip.mp4 --style painting.png --steps 99999 --min-steps 99999 -q"
    program = f"{sys.executable} -m vidstyle video {options}"
    shell = subprocess.Popen(  # noqa: S603 - this very program
        [
            sys.executable,
            "-c",
            LISTENING_SHELL,
            f"for f in 1 2; do echo $f; {program}; done",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    while not (here / "clip.painting.mp4.vidstyle" / "vidstyle.json").exists():
        assert shell.poll() is None
        time.sleep(0.05)
    os.killpg(shell.pid, signal.SIGINT)
    assert shell.communicate(timeout=300)[0] == "1\n"
