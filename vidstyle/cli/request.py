"""What a painting command is asked for, beside the settings of the picture."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import typer

from vidstyle.config import Region
from vidstyle.config.setting import EVOLUTION, FILES, REPORT, SETTINGS, Config, setting
from vidstyle.errors import ConfigError, OutputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Config):
    """The files and reports of a run; each field is an option."""

    style: list[Path] | None = setting(
        None,
        "The painting: any picture. Several are mixed. A folder: each one in it.",
        FILES,
        short="s",
        metavar="FILE|FOLDER",
    )
    style_at: list[str] | None = None
    work_dir: Path | None = None
    region: list[str] | None = setting(
        None,
        "A painting for the white part of a mask, which is a picture or, for a clip, "
        "also a clip or a folder.",
        FILES,
        metavar="MASK=STYLE",
    )
    output: Path | None = setting(
        None, "Where the result goes; by default beside the input.", FILES, short="o"
    )
    overwrite: bool = setting(False, "Replace existing results.", FILES, short="y")
    preset: str | None = setting(
        None,
        "Settings that belong together; vidstyle presets lists them.",
        SETTINGS,
        metavar="NAME",
    )
    config: Path | None = setting(
        None,
        "Read settings from a TOML file; options win over it, it wins over a preset.",
        SETTINGS,
    )
    save_config: Path | None = setting(
        None, "Also save all settings for --config.", SETTINGS
    )
    show_config: bool = setting(
        False, "Only print all settings, as --config reads them.", SETTINGS
    )
    gif: bool = setting(
        False, "Also write a GIF of how the picture was learned.", EVOLUTION
    )
    gif_output: Path | None = setting(
        None,
        "Where it goes (implies --gif); a name in .mp4 makes it a video.",
        EVOLUTION,
    )
    log: Path | None = setting(None, "Write every step's losses as JSON lines.", REPORT)
    json: bool = setting(False, "Print the result as JSON on stdout.", REPORT)
    quiet: bool = setting(False, "Say only errors.", REPORT, short="q")

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> Self:
        """Take a request's own out of the values of a command's options.

        Raises:
            BadParameter: If no painting is given, or one in two ways.
        """
        names = [each.name for each in fields(cls) if "setting" in each.metadata]
        return cls(**{name: values.pop(name) for name in names})

    def _check_together(self) -> None:
        if self.style and self.style_at:
            raise typer.BadParameter("give either --style or --style-at, not both")
        is_given = self.style or self.style_at or self.region or self.show_config
        if not is_given:
            raise typer.BadParameter("Missing option '--style'")

    @property
    def styles(self) -> list[Path]:
        """The paintings, but for those of regions."""
        return self.style or [parse_at(text)[1] for text in self.style_at or ()]

    @property
    def regions(self) -> list[Region]:
        """The parts with paintings of their own."""
        return [parse_region(text) for text in self.region or ()]

    @property
    def paintings(self) -> list[Path]:
        """All paintings."""
        return [*self.styles, *(each.style for each in self.regions)]

    def check_outputs(self, *results: Path | None, contents: Sequence[Path]) -> None:
        """Check that results may go where they are to go.

        Raises:
            OutputError: If one cannot be written, or exists and may not be replaced.
            ConfigError: If one would replace an input, or another result.
        """
        check_outputs(
            results,
            besides=[self.log, self.work_dir, self.save_config],
            inputs=[
                *contents,
                *self.paintings,
                *(each.mask for each in self.regions),
            ],
            overwrite=self.overwrite,
        )

    def gif_beside(self, output: Path) -> Path | None:
        """Name the GIF, if one is asked for."""
        return self.gif_output or (output.with_suffix(".gif") if self.gif else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest(Request):
    """The files and reports of a clip's run."""

    style: list[Path] | None = setting(
        None, "The painting: any picture. Several are mixed.", FILES, short="s"
    )
    style_at: list[str] | None = setting(
        None,
        "The painting from this second on; of several, one fades into the next.",
        FILES,
        metavar="SECONDS:FILE",
        default_text="mixed all along",
    )
    output: Path | None = setting(
        None,
        "Where the result goes: .mp4, .m4v, .mov, .mkv, .webm, .gif, or a folder of "
        "PNGs; by default beside the clip.",
        FILES,
        short="o",
    )
    work_dir: Path | None = setting(
        None,
        "Where unfinished work waits; by default beside the result.",
        FILES,
        metavar="DIR",
    )
    restart: bool = setting(
        False, "Throw away what an interrupted run has left.", FILES
    )
    sheet: bool = setting(
        False, "Also write a sheet of frames, before and after.", REPORT
    )
    preview: bool = setting(
        False,
        "Only paint three spread frames, quickly, on one sheet.",
        REPORT,
        short="p",
    )


def parse_at(text: str) -> tuple[float, Path]:
    """Read ``3.5:painting.jpg``."""
    time_s, _, name = text.partition(":")
    try:
        if name:
            return float(time_s), Path(name)
    except ValueError:
        pass
    message = f"{text!r} is not a second and a file such as 3.5:painting.jpg"
    raise typer.BadParameter(message)


def parse_region(text: str) -> Region:
    """Read ``mask.png=painting.jpg``."""
    mask, _, style = text.partition("=")
    if not (mask and style):
        message = f"{text!r} is not a mask and a painting such as sky.png=b.jpg"
        raise typer.BadParameter(message)
    return Region(Path(mask), Path(style))


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
