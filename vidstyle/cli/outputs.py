"""Where results may go: checked before any work is done."""

import os
from collections.abc import Sequence
from pathlib import Path

from vidstyle.errors import ConfigError, OutputError


def check_outputs(
    results: Sequence[Path | None],
    *,
    besides: Sequence[Path | None] = (),
    inputs: Sequence[Path],
    overwrite: bool,
) -> None:
    """Check that results may go where they are to go.

    Args:
        results: Files, or a folder whose name has no ending. None: not asked for.
        besides: What else a run writes, and may always replace.
        inputs: What it must not replace.
        overwrite: Whether existing results may be replaced.

    Raises:
        OutputError: If a result exists and may not be replaced, or if its folder is
            missing or cannot be written to.
        ConfigError: If it would replace an input, or another result.
    """
    for path in _given(results):
        _check_place(path)
    written = _given([*results, *besides])
    for path in written:
        for given in inputs:
            if path.exists() and given.exists() and path.samefile(given):
                raise ConfigError(f"the result {path} would replace an input.")
    resolved = [path.resolve() for path in written]
    for path in written:
        if resolved.count(path.resolve()) > 1:
            raise ConfigError(f"two results would go to {path}; name another for one.")
    for path in _given(results):
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists; use --overwrite, or another name.")


def _given(paths: Sequence[Path | None]) -> list[Path]:
    return [path for path in paths if path is not None]


def _check_place(path: Path) -> None:
    if path.is_dir() and (path.suffix or path.name in {"", ".."}):
        raise OutputError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} for {path.name} does not exist.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"the folder {path.parent} cannot be written to.")
