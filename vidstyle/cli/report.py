"""What a run says: progress on stderr, results on stdout, errors as exit codes."""

import _thread
import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import IO, Any, Self

import typer
from rich.console import Console
from rich.markup import escape

from vidstyle.cli.progress import ProgressView
from vidstyle.cli.request import Request
from vidstyle.errors import OutputError, VidstyleError, dependency_error
from vidstyle.records import Event, FrameReport, Notice, Plan, StepReport

INTERRUPTED, TERMINATED = 130, 143
STOPPED = "nothing was written"
_LOCKING = {
    threading.Condition.__enter__.__code__,
    threading.Condition.__exit__.__code__,
}
RESUMES = "the same command goes on where this one stopped"
"""Noted on what stops a run that has kept something."""


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""


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
        known = dependency_error(err)
        if known is None:
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
        line = f"error: {name} is too long a name; choose --output and --work-dir."
        return _ended(line, OutputError.exit_code)
    if err.filename is not None:
        return err
    # The interpreter would try again to write what is left.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    why = f"cannot write to standard output: {err.strerror}"
    line = f"error: {why}; files that were made are kept."
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
    """Print a line on stderr, and make what ends the command."""
    print_line(line)
    return typer.Exit(code)


def print_line(line: str) -> None:
    """Print a line on stderr."""
    # soft_wrap: a long path must stay in one piece for whoever copies it.
    with suppress(OSError):
        Console(stderr=True, soft_wrap=True, highlight=False).print(escape(line))


def print_facts(facts: object, lines: Iterable[object], *, as_json: bool) -> None:
    """Print what was found: a JSON value for machines, or lines for people."""
    for line in [json.dumps(facts, default=str)] if as_json else lines:
        typer.echo(line)


class Reporter:
    """Subscribe to a run: what a user sees, a log of the losses, and the result."""

    def __init__(self, request: Request, within: "Reporter | None" = None) -> None:
        """Prepare; nothing is shown before the run says something.

        A run that goes on from an earlier one adds to the log that is there. One
        ``within`` others writes above their bar.
        """
        self._as_json, self.log_path = request.json, request.log
        self._console = Console(stderr=True, quiet=request.quiet, highlight=False)
        if within is not None:
            self._console = within._console
        is_shown = not (request.quiet or within)
        self._view = ProgressView(
            self._console, is_shown=is_shown, is_verbose=request.verbose
        )
        self._log: IO[str] | None = None
        self._is_file = False  # the log, and not a device or a pipe
        self._lost = ""
        self._started = time.monotonic()
        self._facts: dict[str, Any] = {}
        self._kept = 0  # frames that a run which is stopped now need not paint again

    def __enter__(self) -> Self:
        """Open the log, or raise OutputError, and start the bar."""
        if self.log_path is not None:
            try:
                self._log = self.log_path.open("a", encoding="utf-8", buffering=1)
            except OSError as err:
                raise OutputError(
                    f"cannot write the log {self.log_path}: {err.strerror}."
                ) from err
            self._is_file = self.log_path.is_file()
        self._view.start()
        return self

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        """Take the bar away and close the log; after an error an empty one goes."""
        self._view.stop()
        if err is not None and self._kept:
            err.add_note(RESUMES)
        if self._log is not None and self.log_path is not None:
            self._close_log()
            is_unused = self._is_file and self.log_path.stat().st_size == 0
            if err is not None and is_unused:
                self.log_path.unlink()

    def __call__(self, event: Event) -> None:
        """Take in what the run tells."""
        match event:
            case Notice():
                text = f"warning: {event.text}" if event.is_warning else event.text
                self._console.print(escape(text), soft_wrap=True)
            case Plan():
                self._facts.update(width=event.width, height=event.height, steps=0)
                self._kept = event.done
                if self._log is not None and self._is_file and event.done == 0:
                    self._log.truncate(0)
            case StepReport():
                self._facts["steps"] += 1
            case FrameReport():
                self._kept += 1
        self._view(event)
        if self._log is not None and isinstance(event, StepReport):
            self._write_log(self._log, event)

    def result(self, path: Path, **facts: object) -> None:
        """Print where the result is: a path, or a JSON object with what is known."""
        seconds = round(time.monotonic() - self._started, 2)
        minutes, rest = divmod(round(seconds), 60)
        frames = facts.get("frames")
        count = f", {frames} frame{'s' * (frames != 1)}" if frames else ""
        self._console.print(f"done in {minutes}:{rest:02}{count}")
        known = {"output": path, **self._facts, **facts, "seconds": seconds}
        paths = (each for each in (path, *facts.values()) if isinstance(each, Path))
        print_facts(known, paths, as_json=self._as_json)
        if self._lost:
            raise OutputError(f"{self._lost}; the result is whole.")

    def _write_log(self, log: IO[str], report: StepReport) -> None:
        known = asdict(replace(report, picture=None))
        facts = known | {"loss": report.loss, "losses": report.losses}
        del facts["read_losses"], facts["picture"]
        try:
            log.write(json.dumps(facts) + "\n")
        except OSError as err:  # hours of work do not end for it
            self._lost = f"cannot write the log {self.log_path}: {err.strerror}"
            self._close_log()

    def _close_log(self) -> None:
        if self._log is not None:
            with suppress(OSError):  # what could not be written is tried again
                self._log.close()
        self._log = None
