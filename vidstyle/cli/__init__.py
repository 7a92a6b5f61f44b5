"""The command line: its commands, and how each of them ends."""

import _thread
import errno
import inspect
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from vidstyle.cli import listings
from vidstyle.cli.explore import COMMANDS
from vidstyle.cli.image import image
from vidstyle.cli.report import Terminated, print_line
from vidstyle.cli.typed import check_words, find_command
from vidstyle.cli.video import plan, video
from vidstyle.errors import RESUMES, OutputError, VidstyleError, dependency_error

__all__ = ["app", "run"]

INTERRUPTED, TERMINATED = 130, 143  # the signals' numbers and 128
STOPPED = "nothing was written"
ON_STOP = {
    "networks": "run it again to download the weights",
    "ui": "unfinished runs resume when you start it again",
}
_CONDITION = threading.Condition
_LOCKING = {_CONDITION.__enter__.__code__, _CONDITION.__exit__.__code__}
SHOW_CONFIG, HELP_ALL = "--show-config", "--help-all"


def _without_types(parameters: list[Any]) -> list[Any]:
    """Copy parameters without ``<bool>`` and ``<list[Path]>``, which Typer shows."""
    copies = [copy(each) for each in parameters]
    for each in copies:
        if getattr(each, "is_flag", False):
            each.metavar = ""
        elif each.param_type_name == "argument":
            each.display_type_rich = lambda ctx: None  # noqa: ARG005
    return copies


@contextmanager
def reported_errors(on_stop: str = STOPPED) -> Iterator[None]:
    """Turn every way in which a command can fail into one line and an exit code.

    ``on_stop`` is what an interrupted user should know, where nothing is kept.
    """
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        numbers.append(signal.SIGINT)
    previous = {number: signal.signal(number, _stop) for number in numbers}
    try:
        yield
    except VidstyleError as err:
        raise _ended(f"error: {err}", err.exit_code) from None
    except ImportError as err:
        if (known := dependency_error(err)) is None:
            raise
        raise _ended(f"error: {known}", known.exit_code) from None
    except OSError as err:
        raise _ended_by(err) from None
    except (KeyboardInterrupt, Terminated) as err:
        left = RESUMES if RESUMES in getattr(err, "__notes__", ()) else on_stop
        if isinstance(err, Terminated):
            raise _ended(f"terminated; {left}.", TERMINATED) from None
        raise _ended(f"interrupted; {left}.", INTERRUPTED) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _ended_by(err: OSError) -> Exception:
    """Make what ends the command if the user can mend it; else it is the error."""
    if err.errno == errno.ENAMETOOLONG:
        name = Path(err.filename).name
        line = f"error: {name} is too long a name; set --output and --work-dir."
        return _ended(line, OutputError.exit_code)
    if err.filename is not None:
        return err
    # The interpreter would try again to write what is left.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    why = f"cannot write to standard output: {err.strerror}"
    line = f"error: {why}; finished files are kept."
    return _ended(line, OutputError.exit_code)


def _stop(number: int, frame: FrameType | None) -> None:
    """Raise what ends the command; a moment later if a lock is being taken or let go.

    The main thread would keep that lock, and the others wait for it for ever: futures,
    events and semaphores are made of conditions, whose ``with`` is Python.
    """
    if frame is not None and frame.f_code in _LOCKING:
        _thread.start_new_thread(_interrupt_again, (number,))
        return
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _interrupt_again(number: int) -> None:
    time.sleep(0.001)
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # which also ends what the thread waits for
    else:
        _thread.interrupt_main(signal.Signals(number))


def _ended(line: str, code: int) -> typer.Exit:
    print_line(line)
    return typer.Exit(code)


class _Command(TyperCommand):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Typer would keep the lines of a paragraph at any width.
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        self.help = "\n\n".join(" ".join(each.split()) for each in paragraphs)
        if any(getattr(each, "hidden", False) for each in self.params):
            self.epilog = f"{HELP_ALL} shows all options."

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta.update({name: name in args for name in (SHOW_CONFIG, HELP_ALL)})
        args = [re.sub("^(--[a-z-]*)colour", r"\1color", arg) for arg in args]
        options = [each for each in self.get_params(ctx) if each.opts[0][0] == "-"]
        names = {HELP_ALL} | {
            name for each in options for name in (*each.opts, *each.secondary_opts)
        }
        flags = {name for each in options if each.is_flag for name in each.opts}
        letters = "".join(name[1] for name in flags if len(name) == 2)
        check_words(args, names, flags=letters)
        return super().parse_args(ctx, ["--help"] if HELP_ALL in args else args)

    def invoke(self, ctx: Any) -> Any:
        with reported_errors(ON_STOP.get(self.name or "", STOPPED)):
            return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = _without_types(super().get_params(ctx))
        for each in parameters:
            if ctx.meta.get(SHOW_CONFIG):  # it does no work, and so needs no input
                each.required = False
            if ctx.meta.get(HELP_ALL):
                each.hidden = False
        return parameters


class _Group(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.parent is None:
            args = find_command(args, self.commands)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))


app = typer.Typer(
    name="vidstyle",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Turn a video into a painting that moves.\n\n"
        "Any clip, any painting, no training; runs on a laptop's CPU."
    ),
)
explore = typer.Typer(
    name="explore",
    cls=_Group,
    no_args_is_help=True,
    help="Repeat experiments from the literature; each fills a folder.",
)


def demo() -> None:
    """Paint the sample clip; try --style woodblock, or your own painting."""
    # Never run: find_command has turned it into a command for the clip.


for command in (
    *(video, plan, image, demo, listings.status, listings.finish, listings.ui),
    *(listings.probe, listings.presets, listings.networks),
    *(listings.measure, listings.bench),
):
    app.command(cls=_Command)(command)
for command in COMMANDS:
    explore.command(cls=_Command)(command)
app.add_typer(explore)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"vidstyle {version('vidstyle')}")
        raise typer.Exit


VERSION = typer.Option(
    *("--version", "-V"),
    callback=_show_version,
    is_eager=True,
    help="Show the version and exit.",
)


@app.callback()
def main(_: Annotated[bool, VERSION] = False) -> None:
    """Quiet and tame the libraries, which the commands load only when they run."""
    # What OpenCV and its ffmpeg say of a broken clip we say ourselves, in one sentence.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Threads that wait for work spin for milliseconds by default, and take the cores
    # from whatever has some: a step on two busy cores takes forty times as long.
    # Spinning for some microseconds costs nothing on quiet ones. GNU's OpenMP, which
    # torch brings along on Linux, reads this when it is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End the program before and after its command; Typer would end it with 1."""
    print_line("interrupted.")
    raise SystemExit(INTERRUPTED)


def run() -> None:
    """Be the program; what a signal has stopped dies of it, so that a loop stops, too.

    Bash goes on to the next file of a loop if a program that got Ctrl-C ends by itself.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored
        signal.signal(signal.SIGINT, _leave)
    try:
        app(prog_name="vidstyle")
    except SystemExit as end:
        if os.name == "posix" and end.code in {INTERRUPTED, TERMINATED}:
            sys.stdout.flush()
            signal.signal(end.code - 128, signal.SIG_DFL)
            signal.raise_signal(end.code - 128)
        raise
