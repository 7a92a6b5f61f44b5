"""What the tests of the commands share: the tiny clip, few steps, what a run said."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FEW = (
    *("--network", "slim", "--device", "cpu"),
    *("--steps", "3", "--next-steps", "2", "--min-steps", "3"),
)
"""As little work as there can be, alike on every machine."""
SHOTS = {"testsrc2": 3, "mandelbrot": 4, "rgbtestsrc": 2}
"""What the clip shows, and how many frames of it; fewer than 4 between two is a flash.
"""
FRAMES = sum(SHOTS.values())
FPS = 12


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """Of standard error."""
        return self.stderr.splitlines()


Run = Callable[..., Said]


# A shell's background jobs ignore Ctrl-C, and so would their children.
PROGRAM = """
import signal
from vidstyle.cli import run

signal.signal(signal.SIGINT, signal.default_int_handler)
run()
"""
SLOWED = """
import time
from vidstyle.optimize.batch import BatchOptimization

def slow(self):
    slow.steps += 1
    time.sleep(0.3 * (slow.steps > {quick_steps}))
    return step(self)

slow.steps, step = 0, BatchOptimization.step
BatchOptimization.step = slow
"""


def start(
    *arguments: str, quick_steps: int | None = None, **environment: str
) -> subprocess.Popen[str]:
    """Start the command line in a process of its own.

    Args:
        arguments: Of the command line.
        quick_steps: After so many, each takes its time, so that the process can be
            caught in the middle. None: it is not held up.
        environment: What to change in it.
    """
    program = PROGRAM
    if quick_steps is not None:
        program = SLOWED.format(quick_steps=quick_steps) + PROGRAM
    return subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def names_in(folder: Path) -> set[str]:
    """Name all that is in a folder, hidden files too."""
    return {path.name for path in folder.iterdir()}
