"""One picture: read, optimise, write; with the tools that a clip's frames share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.config import MIN_SIDE, EvolutionConfig, StyleConfig
from vidstyle.controls.palette import color_statistics
from vidstyle.devices import choose_device
from vidstyle.errors import ConfigError
from vidstyle.images import (
    check_picture_path,
    fit_long_side,
    frame_to_image,
    image_to_frame,
    read_picture,
    resize_frame,
    write_picture,
)
from vidstyle.look import Look, Wish
from vidstyle.networks.load import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Download, Frame, Listener, Notice, Plan, StepReport
from vidstyle.style.init_image import fitted_image, random_image
from vidstyle.style.optimize import Job, optimize_batch
from vidstyle.style.targets import content_target
from vidstyle.video.evolution import Evolution, check_evolution_name, write_evolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every frame of a run is painted with."""

    device: torch.device
    network: FeatureNetwork
    look: Look
    start_picture: Frame | None
    """The picture to start from, where the configuration names a file."""


def ignore(_: object) -> None:
    """Be the listener of those who do not listen."""


def working_size(
    *, height: int, width: int, long_side: int | None, what: str = "the result"
) -> tuple[int, int]:
    """Say in which size a source is painted.

    Returns:
        ``(height, width)``.

    Raises:
        ConfigError: If a side would be too short for the networks.
    """
    height, width = fit_long_side(height=height, width=width, long_side=long_side)
    if min(height, width) < MIN_SIDE:
        raise ConfigError(
            f"{what} would have {width}x{height} pixels; "
            f"each side must have at least {MIN_SIDE}."
        )
    return height, width


def prepare(
    style: Path | Sequence[Path],
    config: StyleConfig,
    *,
    height: int,
    width: int,
    listener: Listener,
    times_s: Sequence[float] = (),
) -> Tools:
    """Load the network and measure the paintings, once for a run.

    Args:
        style: The painting's file, or several.
        config: Network, layers, sizes.
        height: Of the result.
        width: Of the result.
        listener: Is told which network was taken and why.
        times_s: Seconds of the clip at which each painting is alone; empty: they are
            mixed all along.

    Raises:
        ImageOpenError: If a painting cannot be read.
        WeightsError: If a network that was named has no weights.
        ConfigError: If the network lacks a layer, the device is not there, or there
            are not as many weights or times as paintings.
    """
    styles = as_paths(style)
    _check_count("style-mix", len(config.style_mix), len(styles))
    _check_count("style-at", len(times_s), len(styles))
    paintings = [
        _read_painting(path, config, max(height, width), listener) for path in styles
    ]
    start = read_picture(config.init) if isinstance(config.init, Path) else None
    device = choose_device(config.device)
    layers = [layer for layer, _ in (*config.content_layers, *config.style_layers)]
    network = load_network(
        config.network,
        device=device,
        pooling=config.pooling,
        layers=layers,
        missing=config.missing,
        weights=config.weights,
        on_progress=lambda done, total: listener(
            Download(name=config.network, done=done, total=total)
        ),
        on_notice=lambda text: listener(Notice(text=text)),
    )
    look = Look(paintings, network, config, device=device, times_s=times_s)
    return Tools(device=device, network=network, look=look, start_picture=start)


def as_paths(style: Path | Sequence[Path]) -> list[Path]:
    """Make a list of one painting's file or several.

    Raises:
        ConfigError: If there is none.
    """
    paths = [style] if isinstance(style, Path) else list(style)
    if not paths:
        raise ConfigError("there is no painting; name at least one.")
    return paths


def _check_count(name: str, given: int, paintings: int) -> None:
    """Check that there is one value for each painting, if there are any."""
    if given not in {0, paintings}:
        raise ConfigError(
            f"{name} has {given} values and there are {paintings} paintings; "
            "give one for each."
        )


def _read_painting(
    path: Path, config: StyleConfig, long_side: int, listener: Listener
) -> Frame:
    """Read a painting in the size in which it is taken."""
    painting = read_picture(path)
    wanted = config.style_side or round((config.style_scale or 1) * long_side)
    is_asked = config.style_side is not None or config.style_scale is not None
    if is_asked and wanted > (there := max(painting.shape[:2])):
        text = f"{path.name} is taken at its own {there} pixels; it has no {wanted}"
        listener(Notice(text=text, is_warning=True))
    height, width = working_size(
        height=painting.shape[0],
        width=painting.shape[1],
        long_side=wanted,
        what="the painting",
    )
    return resize_frame(painting, height=height, width=width)


def first_start(
    tools: Tools, wish: Wish, content_image: Tensor, config: StyleConfig, index: int
) -> Tensor:
    """Make the pixels that a picture, or the first frame of a shot, starts from.

    Args:
        tools: Of the run.
        wish: What the frame is to look like.
        content_image: (1, 3, H, W).
        config: Says how to start.
        index: The frame's, for its noise.

    Returns:
        (1, 3, H, W), new.
    """
    if config.init == "random":
        return random_image(content_image, seed=config.seed, index=index)
    if config.init == "style":
        return fitted_image(tools.look.strongest(wish), content_image)
    if tools.start_picture is not None:
        start = tools.look.worked_on(tools.start_picture)
        picture = frame_to_image(start, device=tools.device)
        return fitted_image(picture, content_image)
    return content_image.clone()


def paint_frame(
    frame: Frame,
    tools: Tools,
    config: StyleConfig,
    on_step: Callable[[StepReport, Tensor], None] | None = None,
    *,
    time_s: float = 0.0,
) -> Frame:
    """Paint one frame that follows no other.

    Args:
        frame: At working size.
        tools: Of the run.
        config: Weights, layers and optimiser.
        on_step: Called with each step's report and the best picture so far.
        time_s: The second of the clip at which it is shown.
    """
    wish = tools.look.at(time_s, color_statistics(frame))
    content = tools.look.content(frame, wish)
    content_image = frame_to_image(content, device=tools.device)
    style = tools.look.style(wish)
    job = Job(
        frame=0,
        start=first_start(tools, wish, content_image, config, 0),
        content=content_target(tools.network, content_image, config),
        steps=config.steps,
    )
    (image,) = optimize_batch(tools.network, style, config, [job], on_step=on_step)
    return tools.look.finished(image_to_frame(image), frame)


def stylize_image(
    content: Path,
    style: Path | Sequence[Path],
    output: Path,
    *,
    config: StyleConfig | None = None,
    evolution: EvolutionConfig | None = None,
    evolution_output: Path | None = None,
    listener: Listener = ignore,
) -> Path:
    """Paint one picture.

    Args:
        content: The picture's file.
        style: The painting's file, or several, which are mixed.
        output: Where the result goes; an existing file is replaced.
        config: How; None: the defaults.
        evolution: How the GIF of the learning looks; None: the defaults.
        evolution_output: Where it goes, ``.gif`` or ``.mp4``; None: no GIF.
        listener: Is told every step.

    Returns:
        ``output``.

    Raises:
        InputError: If an input or a setting cannot be used.
        WeightsError: If a network that was named has no weights.
        OptimizationError: If the optimisation cannot go on.
        OutputError: If a result cannot be written.
    """
    check_picture_path(output)
    if evolution_output is not None:
        check_evolution_name(evolution_output)
    config = config or StyleConfig()
    source = read_picture(content)
    height, width = working_size(
        height=source.shape[0], width=source.shape[1], long_side=config.long_side
    )
    sizes = f"{source.shape[1]}x{source.shape[0]} -> {width}x{height}"
    listener(Notice(text=f"{content.name}: {sizes}"))
    frame = resize_frame(source, height=height, width=width)
    tools = prepare(style, config, height=height, width=width, listener=listener)
    listener(Plan(height=height, width=width, frames=1))
    learned = None
    if evolution_output is not None:
        learned = Evolution(evolution or EvolutionConfig(), frame)

    def on_step(report: StepReport, image: Tensor) -> None:
        listener(report)
        if learned is not None:
            picture = tools.look.finished(image_to_frame(image), frame)
            learned.offer(report.step, picture)

    painted = paint_frame(frame, tools, config, on_step)
    if learned is not None and config.steps == 0:
        learned.offer(0, painted)
    write_picture(output, painted)
    if learned is not None and evolution_output is not None:
        write_evolution(learned.pictures(), evolution_output, config=learned.config)
    return output
