"""The command line: its commands, and their exit codes after errors and signals."""

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

INTERRUPTED, TERMINATED = 130, 143  # 128 plus the signal's number
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
    copies = [copy(parameter) for parameter in parameters]
    for parameter in copies:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
        elif parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda ctx: None  # noqa: ARG005
    return copies


@contextmanager
def reported_errors(on_stop: str = STOPPED) -> Iterator[None]:
    """Report errors and signals within the block in one line, with an exit code.

    ``on_stop`` tells the user what an interruption means if no work is kept.
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
        if (missing := dependency_error(err)) is None:
            raise
        raise _ended(f"error: {missing}", missing.exit_code) from None
    except OSError as err:
        raise _ended_by(err) from None
    except (KeyboardInterrupt, Terminated) as err:
        outcome = RESUMES if RESUMES in getattr(err, "__notes__", ()) else on_stop
        if isinstance(err, Terminated):
            raise _ended(f"terminated; {outcome}.", TERMINATED) from None
        raise _ended(f"interrupted; {outcome}.", INTERRUPTED) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _ended_by(err: OSError) -> Exception:
    """Convert an OSError that the user can fix to an exit; return others unchanged."""
    if err.errno == errno.ENAMETOOLONG:
        name = Path(err.filename).name
        line = f"error: the name {name} is too long; set --output and --work-dir."
        return _ended(line, OutputError.exit_code)
    if err.filename is not None:
        return err
    # At exit, the interpreter would try to flush stdout again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    why = f"cannot write to standard output: {err.strerror}"
    line = f"error: {why}; finished files are kept."
    return _ended(line, OutputError.exit_code)


def _stop(number: int, frame: FrameType | None) -> None:
    """Interrupt the command; if it is entering or leaving a lock, a moment later.

    Otherwise the main thread could keep the lock and deadlock the other threads:
    futures, events and semaphores use conditions, whose ``with`` is Python code.
    """
    if frame is not None and frame.f_code in _LOCKING:
        _thread.start_new_thread(_interrupt_again, (number,))
        return
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _interrupt_again(number: int) -> None:
    time.sleep(0.001)
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # also interrupts a blocking call
    else:
        _thread.interrupt_main(signal.Signals(number))


def _ended(line: str, code: int) -> typer.Exit:
    print_line(line)
    return typer.Exit(code)


class _Command(TyperCommand):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Typer would keep the line breaks within a paragraph.
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        self.help = "\n\n".join(" ".join(text.split()) for text in paragraphs)
        if any(getattr(parameter, "hidden", False) for parameter in self.params):
            self.epilog = f"{HELP_ALL} shows all options."

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta.update({name: name in args for name in (SHOW_CONFIG, HELP_ALL)})
        args = [re.sub("^(--[a-z-]*)colour", r"\1color", arg) for arg in args]
        options = [p for p in self.get_params(ctx) if p.opts[0][0] == "-"]
        names = {HELP_ALL} | {
            name for o in options for name in (*o.opts, *o.secondary_opts)
        }
        flags = {name for o in options if o.is_flag for name in o.opts}
        letters = "".join(name[1] for name in flags if len(name) == 2)
        check_words(args, names, flags=letters)
        try:
            return super().parse_args(ctx, ["--help"] if HELP_ALL in args else args)
        except typer.BadParameter as err:
            err.message = err.message.removeprefix("Value error, ")  # pydantic's
            raise

    def invoke(self, ctx: Any) -> Any:
        with reported_errors(ON_STOP.get(self.name or "", STOPPED)):
            return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = _without_types(super().get_params(ctx))
        for parameter in parameters:
            if ctx.meta.get(SHOW_CONFIG):  # needs no input, since it does no work
                parameter.required = False
            if ctx.meta.get(HELP_ALL):
                parameter.hidden = False
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
    # For the help only: find_command replaces it by a video command.


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
    """Configure libraries by environment variables, before a command loads them."""
    # We report broken clips ourselves, in one sentence.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Idle OpenMP threads spin for milliseconds by default, which takes cores from
    # threads with work: on two busy cores, a step takes forty times as long. Spinning
    # for microseconds costs nothing on idle cores. GNU's OpenMP, which torch ships on
    # Linux, reads this when it is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Exit on a signal outside of a command; Typer would exit with 1."""
    print_line("interrupted.")
    raise SystemExit(INTERRUPTED)


def run() -> None:
    """Run the program; after a signal, terminate by that signal.

    Otherwise Ctrl-C would not stop a loop in Bash: it continues after a program that
    handles SIGINT and exits by itself.
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
