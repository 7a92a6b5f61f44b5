"""Files and folders of pictures and paintings -> the pairs that are painted."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.errors import ConfigError, InputError, OutputError
from vidstyle.images import PICTURE_ENDINGS
from vidstyle.video.folder import natural_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One picture after one painting, or after several that are mixed."""

    number: int
    """Among all pairs, from 0."""
    content: Path
    styles: tuple[Path, ...]
    output: Path

    @property
    def style_name(self) -> str:
        """The names of its paintings without their endings."""
        return "+".join(_stems(self.styles))


def pictures_in(path: Path) -> list[Path]:
    """List the pictures of a folder in the order of their names; or a file itself.

    Raises:
        InputError: If it is a folder without a picture, or cannot be listed.
    """
    if not path.is_dir():
        return [path]
    try:
        found = [
            one
            for one in path.iterdir()
            if one.suffix.lower() in PICTURE_ENDINGS
            and not one.name.startswith(".")
            and one.is_file()
        ]
    except OSError as err:
        raise InputError(f"cannot read the folder {path}: {err.strerror}.") from err
    if not found:
        raise InputError(f"there is no picture in the folder {path}.")
    return sorted(found, key=natural_order)


def make_pairs(
    contents: Sequence[Path], styles: Sequence[tuple[Path, ...]], folder: Path
) -> list[Pair]:
    """Combine every picture with every painting.

    Args:
        contents: Files.
        styles: Files of paintings; those of one tuple are mixed.
        folder: Of the results, which are called ``PICTURE.PAINTING.png``; with their
            endings where names would be alike without.
    """
    names = [path.name for path in contents], ["+".join(_names(one)) for one in styles]
    stems = [path.stem for path in contents], ["+".join(_stems(one)) for one in styles]
    rows, columns = (
        stem if len(set(stem)) == len(set(name)) else name
        for stem, name in zip(stems, names, strict=True)
    )
    return [
        Pair(
            number=down * len(styles) + across,
            content=content,
            styles=style,
            output=folder / f"{rows[down]}.{columns[across]}.png",
        )
        for down, content in enumerate(contents)
        for across, style in enumerate(styles)
    ]


def alternatives(style: Path | tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """Turn a folder into its paintings, each alone; leave a mix as it is.

    Raises:
        InputError: If a folder has none.
    """
    if isinstance(style, tuple):
        yield style
        return
    for path in pictures_in(style):
        yield (path,)


def check_pairs(
    pairs: Sequence[Pair],
    contents: Sequence[Path],
    styles: Sequence[Path | tuple[Path, ...]],
    folder: Path,
) -> None:
    """Check, before the work, that results neither meet nor become inputs.

    Raises:
        ConfigError: If they would.
        OutputError: If the folder is a file, or has no place to be in.
    """
    inputs = [*contents, *(one for one in styles if isinstance(one, Path))]
    for given in inputs:
        if given.is_dir() and given.resolve() == folder.resolve():
            raise ConfigError(f"{folder} holds inputs; name another --output.")
    outputs = [pair.output.name for pair in pairs]
    if len(set(outputs)) < len(outputs):
        twice = next(name for name in outputs if outputs.count(name) > 1)
        raise ConfigError(f"two results would be called {twice}; rename an input.")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; results of several need a folder.")
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist.")
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        raise OutputError(f"the folder {folder} cannot be written to.")


def _stems(paths: Sequence[Path]) -> list[str]:
    return [path.stem for path in paths]


def _names(paths: Sequence[Path]) -> list[str]:
    return [path.name for path in paths]
