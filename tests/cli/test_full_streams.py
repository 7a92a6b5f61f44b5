"""What a user sees where standard output or the log takes nothing more."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

FULL = Path("/dev/full")
FEW = ("--network", "slim", "--device", "cpu", "--steps", "3", "--min-steps", "3")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here"),
]


def run(*arguments: str, stdout: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "vidstyle", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def picture(folder: Path) -> str:
    """Write a picture with transparent parts."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 4), np.uint8)
    assert cv2.imwrite(str(folder / "a.png"), pixels)
    return str(folder / "a.png")


def test_full_log_ends_no_work(tmp_path: Path) -> None:
    source, out = picture(tmp_path), tmp_path / "out.png"
    said = run(
        *("image", source, "-s", source, *FEW, "-o", str(out), "--log", str(FULL)),
        stdout=subprocess.DEVNULL,
    )
    assert said.returncode == 6
    assert "a.png: placing transparent parts over white" in said.stderr
    assert said.stderr.splitlines()[-1] == (
        f"error: cannot write the log {FULL}: No space left on device; "
        "the result is complete."
    )
    assert out.exists()


@pytest.mark.parametrize("kind", ["full", "closed"])
def test_output_that_takes_nothing_is_told(kind: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open(FULL, os.O_WRONLY)
    said = run("presets", stdout=full if kind == "full" else writer)
    os.close(writer)
    os.close(full)
    reason = {"full": "No space left on device", "closed": "Broken pipe"}[kind]
    assert said.returncode == 6
    assert said.stderr == (
        f"error: cannot write to standard output: {reason}; finished files are kept.\n"
    )
