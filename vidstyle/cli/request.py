"""What a command is asked for beside the settings: its files, and what it reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import typer

from vidstyle.config import Region
from vidstyle.config.setting import (
    EVOLUTION,
    FILES,
    REPORT,
    SETTINGS,
    Config,
    common_setting,
    setting,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Config):
    """The files and reports of a run; each field is an option."""

    style: list[Path] | None = common_setting(
        None, "The painting: any picture. Several are mixed.", FILES, short="s"
    )
    style_at: list[str] | None = setting(
        None,
        "The painting from this second on; of several, one fades into the next.",
        FILES,
        metavar="SECONDS:FILE",
        default_text="mixed all along",
    )
    region: list[str] | None = common_setting(
        None,
        "A painting for the white part of a mask, which is a picture or, for a clip, "
        "also a clip or a folder.",
        FILES,
        metavar="MASK=STYLE",
    )
    output: Path | None = common_setting(
        None,
        "Where the result goes; by default beside the input. A clip: .mp4, .m4v, "
        ".mov, .mkv, .webm, .gif, or a folder of PNGs.",
        FILES,
        short="o",
    )
    overwrite: bool = common_setting(
        False, "Replace existing results.", FILES, short="y"
    )
    work_dir: Path | None = setting(
        None,
        "Where unfinished work waits; by default beside the result.",
        FILES,
        metavar="DIR",
    )
    restart: bool = common_setting(
        False, "Throw away what an interrupted run has left.", FILES
    )
    preset: str | None = common_setting(
        None,
        "Settings that belong together; vidstyle presets lists them.",
        SETTINGS,
        metavar="NAME",
    )
    config: Path | None = common_setting(
        None,
        "Read settings from a TOML file; options win over it, it wins over a preset.",
        SETTINGS,
    )
    save_config: Path | None = common_setting(
        None, "Also save all settings for --config.", SETTINGS
    )
    show_config: bool = common_setting(
        False, "Only print all settings, as --config reads them.", SETTINGS
    )
    gif: bool = common_setting(
        False, "Also write a GIF of how the picture was learned.", EVOLUTION
    )
    gif_output: Path | None = setting(
        None,
        "Where it goes (implies --gif); a name in .mp4 makes it a video.",
        EVOLUTION,
    )
    log: Path | None = setting(None, "Write every step's losses as JSON lines.", REPORT)
    json: bool = common_setting(False, "Print the result as JSON on stdout.", REPORT)
    quiet: bool = common_setting(False, "Say only errors.", REPORT, short="q")
    sheet: bool = common_setting(
        False, "Also write a sheet of frames, before and after.", REPORT
    )
    preview: bool = common_setting(
        False,
        "Only paint three spread frames, quickly, on one sheet.",
        REPORT,
        short="p",
    )

    @classmethod
    def taken_from(cls, values: Mapping[str, Any]) -> Self:
        """Take a request out of the values of a command's options."""
        names = {each.name for each in fields(cls)} & values.keys()
        return cls(**{name: values[name] for name in names})

    def check_styles(self) -> None:
        """Check that there is a painting, and that it is given in one way.

        Raises:
            BadParameter: If not.
        """
        if self.style and self.style_at:
            raise typer.BadParameter("give either --style or --style-at, not both")
        if not (self.style or self.style_at or self.region or self.show_config):
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
        """Check that results may go where they are to go, as ``check_outputs`` does."""
        from vidstyle.images import check_outputs

        masks = [each.mask for each in self.regions]
        check_outputs(
            results,
            besides=[self.log, self.work_dir, self.save_config],
            inputs=[*contents, *self.paintings, *masks],
            overwrite=self.overwrite,
        )

    def gif_beside(self, output: Path) -> Path | None:
        """Name the GIF, if one is asked for."""
        return self.gif_output or (output.with_suffix(".gif") if self.gif else None)


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
