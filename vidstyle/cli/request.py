"""The options for input files, outputs and reports of a command, and their checks."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from vidstyle.config import (
    Region,
    StyleConfig,
    VideoConfig,
    check_counts,
    check_mask_shape,
)
from vidstyle.config.parsers import parse_time
from vidstyle.config.setting import (
    EVOLUTION,
    FILES,
    OPTIMIZER,
    REPORT,
    SETTINGS,
    Config,
    redeclared,
)
from vidstyle.config.toml_file import NAMES, named_painting


class Mistyped(typer.BadParameter):
    """A usage error whose message is shown without Typer's prefix."""

    def format_message(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Config):
    """The input files, outputs and reports of a run; each field is an option."""

    style: list[Path] | None = FILES.common(
        None,
        "The painting; repeat to mix several. A folder gives a result per painting.",
        short="s",
    )
    style_at: list[str] | None = redeclared(VideoConfig, "style_at")
    key: list[str] | None = FILES.setting(
        None,
        "Your own painted version of the frame at this second; the clip follows it, "
        "and takes its style if there is no --style.",
        metavar="SECONDS:FILE",
    )
    region: list[str] | None = FILES.common(
        None,
        "A painting for the white part of a mask (a picture; for a clip, also a clip "
        "or folder).",
        metavar="MASK=STYLE",
    )
    output: str | None = FILES.common(
        None,
        "The result; by default next to the input. A clip: .mp4, .m4v, .mov, .mkv, "
        ".webm, .gif, or NAME for a folder of PNGs. FOLDER/ keeps the usual name.",
        short="o",
        metavar="FILE|FOLDER",
    )
    overwrite: bool = FILES.common(False, "Replace existing results.", short="y")
    save_network: Path | None = FILES.setting(
        None,
        "Save the network trained by --method network for --painter (.safetensors).",
        metavar="FILE",
    )
    work_dir: Path | None = FILES.setting(
        None,
        "Where to keep unfinished work; by default next to the result.",
        metavar="DIR",
    )
    restart: bool = FILES.common(False, "Discard an interrupted run and start over.")
    preset: str | None = SETTINGS.common(
        None,
        "A named set of settings (see vidstyle presets).",
        metavar="NAME",
        completions=NAMES,
    )
    config: Path | None = SETTINGS.common(
        None,
        "Read settings from a TOML file; it overrides --preset, options override it.",
    )
    save_config: Path | None = SETTINGS.common(
        None, "Save all settings to a file for --config."
    )
    show_config: bool = SETTINGS.common(
        False, "Print all settings in --config format and exit."
    )
    workers: str | None = OPTIMIZER.setting(
        None,
        "Paint shots in parallel: local uses this machine's GPUs or cores, 4 uses four "
        "workers, ray://HOST:PORT a Ray cluster.",
        metavar="local|N|ADDRESS",
    )
    gif: bool = EVOLUTION.common(
        False,
        "Also write a GIF of the optimization. For the clip as a GIF: -o NAME.gif.",
        flag="evolution",
        alias="gif",
    )
    gif_output: Path | None = EVOLUTION.setting(
        None, "Where to write that GIF (implies --evolution); .mp4 makes it a video."
    )
    log: Path | None = REPORT.setting(
        None, "Write the losses of each step as JSON lines."
    )
    json: bool = REPORT.common(False, "Print the result as JSON on stdout.")
    quiet: bool = REPORT.common(False, "Show only errors.", short="q")
    verbose: bool = REPORT.setting(False, "Also show steps and losses.", short="v")
    sheet: bool = REPORT.common(
        False, "Also write a sheet of frames, before and after."
    )
    compare: bool = REPORT.common(
        False, "Also write a side-by-side video of before and after."
    )
    preview: bool = REPORT.common(
        False, "Only paint a quick sheet of three small frames.", short="p"
    )

    def check_styles(self, contents: Sequence[Path]) -> None:
        """Check that a style is given, in only one way; BadParameter otherwise."""
        if self.style and self.style_at:
            raise typer.BadParameter("give either --style or --style-at, not both")
        if self.key and (self.region or self.preview):
            other = "--region" if self.region else "--preview"
            raise typer.BadParameter(f"give either --key or {other}, not both")
        sources = self.style, self.style_at, self.region, self.key
        if not (any(sources) or self.show_config):
            last = f" {contents[-1]}" if len(contents) > 1 else ""
            raise Mistyped(f"Missing option '--style': use --style{last or ' FILE'}.")

    @property
    def styles(self) -> list[Path]:
        """The paintings, without those of regions."""
        paths = self.style or [parse_at(text)[1] for text in self.style_at or ()]
        return [named_painting(path) for path in paths or self.keys.values()]

    @property
    def keys(self) -> dict[float, Path]:
        """The user's key frames, by timestamp in seconds."""
        return dict(map(parse_at, self.key or ()))

    @property
    def regions(self) -> list[Region]:
        return [parse_region(text) for text in self.region or ()]

    @property
    def paintings(self) -> list[Path]:
        return [*self.styles, *(region.style for region in self.regions)]

    def _inputs(self, contents: Sequence[Path]) -> list[Path]:
        masks = [region.mask for region in self.regions]
        return [*contents, *self.paintings, *self.keys.values(), *masks]

    def check_outputs(self, *results: Path | None, contents: Sequence[Path]) -> None:
        """Check that the results may be written; see ``images.check_outputs``."""
        from vidstyle.images import check_outputs

        check_outputs(
            results,
            besides=[self.log, self.work_dir, self.save_config],
            inputs=self._inputs(contents),
            overwrite=self.overwrite,
        )

    def check_inputs(
        self, contents: Sequence[Path], config: StyleConfig, times_s: Sequence[float]
    ) -> None:
        """Check, before torch is loaded, that pictures and paintings can be read.

        InputError: they cannot, a mask's aspect ratio differs from the first content's,
        or the number of weights or times differs from that of the paintings.
        """
        from vidstyle.images import read_picture
        from vidstyle.video.probe import check_names, shape_of

        check_names(self._inputs(contents))
        check_counts(config, times_s, len(self.styles))
        start = [config.init] if isinstance(config.init, Path) else []
        for path in dict.fromkeys([*self.paintings, *self.keys.values(), *start]):
            read_picture(path)
        for mask in (region.mask for region in self.regions):
            height, width = shape_of(contents[0])
            check_mask_shape(mask, *shape_of(mask), height=height, width=width)

    def output_for(
        self, usual: Path, *, in_folder: bool = False, may_be_frames: bool = False
    ) -> Path:
        """Return the path of the result, from --output or by the ``usual`` name.

        The result goes into an existing folder, except that a folder of numbered
        pictures is replaced if ``may_be_frames``. ``in_folder``: --output is always a
        folder to write into.
        """
        from vidstyle.video.folder import holds_frames

        if not self.output:
            return usual
        path, is_folder = Path(self.output), self.output.endswith(("/", os.sep))
        if path.is_dir() and not (may_be_frames and holds_frames(path)):
            is_folder = True
        return path / usual.name if is_folder or in_folder else path

    def gif_beside(self, output: Path) -> Path | None:
        ending = ".evolution.gif" if output.suffix == ".gif" else ".gif"
        return self.gif_output or (output.with_suffix(ending) if self.gif else None)


def make(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Create a request or a configuration from those values that are its fields."""
    return kind(**{f.name: values[f.name] for f in fields(kind) if f.name in values})


def parse_at(text: str) -> tuple[float, Path]:
    """Parse ``3.5:painting.jpg``."""
    with suppress(ValueError):
        if match := re.fullmatch(r"((?:\d+:)+[\d.]+|[^:]*):(.+)", text):
            return parse_time(match[1]), Path(match[2])
    example = "SECONDS:FILE, such as 3.5:painting.jpg"
    raise typer.BadParameter(f"{text!r} is not {example}")


def parse_region(text: str) -> Region:
    """Parse ``mask.png=painting.jpg``."""
    mask, _, style = text.partition("=")
    if not (mask and style):
        example = "MASK=PAINTING, such as sky.png=b.jpg"
        raise typer.BadParameter(f"{text!r} is not {example}")
    return Region(Path(mask), named_painting(Path(style)))
