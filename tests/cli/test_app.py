"""The program as a whole: its help, its version, how quickly it says so."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from running import Run
from typer.testing import CliRunner

from vidstyle.cli import app

COMMANDS = ("video", "image", "networks", "measure", "bench")


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_the_commands(flag: str) -> None:
    code, stdout, stderr = invoke(flag)
    assert (code, stderr) == (0, "")
    for name in COMMANDS:
        assert f"│ {name} " in stdout
    assert "<bool>" not in stdout


def test_without_a_command_there_is_help() -> None:
    code, stdout, stderr = invoke()
    assert code == 2
    assert "Commands" in stdout + stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_short_flag_asks_a_command_for_help(command: str) -> None:
    code, stdout, _ = invoke(command, "-h")
    assert code == 0
    assert f"Usage: vidstyle {command}" in " ".join(stdout.split())


def test_version_is_the_packages() -> None:
    assert invoke("--version") == (0, f"vidstyle {version('vidstyle')}\n", "")


def test_unknown_command_is_usage(vidstyle: Run) -> None:
    said = vidstyle("paint")
    assert said.code == 2
    assert said.stdout == ""
    assert "No such command" in said.stderr


@pytest.mark.slow
def test_help_does_not_load_what_is_slow() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from vidstyle.cli import app;"
        "assert CliRunner().invoke(app, ['video', '--help']).exit_code == 0;"
        "print({'torch', 'torchvision', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_program_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vidstyle", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"vidstyle {version('vidstyle')}\n"
