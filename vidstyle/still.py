"""One picture: read, optimise, write; with the tools that a clip's frames share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.config import MIN_SIDE, EvolutionConfig, StyleConfig
from vidstyle.controls.palette import (
    ColorStatistics,
    color_statistics,
    palette_map,
)
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
from vidstyle.networks.load import load_network
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Download, Frame, Listener, Notice, Plan, StepReport
from vidstyle.style.init_image import fitted_image, random_image
from vidstyle.style.optimize import Job, optimize_batch
from vidstyle.style.targets import StyleTarget, content_target, style_target
from vidstyle.video.evolution import Evolution, check_evolution_name, write_evolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every frame of a run is painted with."""

    device: torch.device
    network: FeatureNetwork
    style: StyleTarget
    style_image: Tensor
    """(1, 3, h, w), at the size that was measured."""
    palette: ColorStatistics | None
    """The painting's, where the content is to have it."""
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
    style: Path, config: StyleConfig, *, height: int, width: int, listener: Listener
) -> Tools:
    """Load the network and measure the painting, once for a run.

    Args:
        style: The painting's file.
        config: Network, layers, sizes.
        height: Of the result.
        width: Of the result.
        listener: Is told which network was taken and why.

    Raises:
        ImageOpenError: If the painting cannot be read.
        WeightsError: If a network that was named has no weights.
        ConfigError: If the network lacks a layer, or the device is not there.
    """
    painting = read_picture(style)
    start = read_picture(config.init) if isinstance(config.init, Path) else None
    style_height, style_width = _painting_size(
        painting, config, max(height, width), style.name, listener
    )
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
    painting = resize_frame(painting, height=style_height, width=style_width)
    style_image = frame_to_image(painting, device=device)
    return Tools(
        device=device,
        network=network,
        style=style_target(network, style_image, config),
        style_image=style_image,
        palette=color_statistics(painting) if config.recolor else None,
        start_picture=start,
    )


def _painting_size(
    painting: Frame, config: StyleConfig, long_side: int, name: str, listener: Listener
) -> tuple[int, int]:
    """Say in which size a painting is taken: ``(height, width)``."""
    wanted = config.style_side or round((config.style_scale or 1) * long_side)
    is_asked = config.style_side is not None or config.style_scale is not None
    if is_asked and wanted > (there := max(painting.shape[:2])):
        text = f"{name} is taken at its own {there} pixels; it has no {wanted}"
        listener(Notice(text=text, is_warning=True))
    return working_size(
        height=painting.shape[0],
        width=painting.shape[1],
        long_side=wanted,
        what="the painting",
    )


def recolored(
    frame: Frame, palette: ColorStatistics | None, statistics: ColorStatistics
) -> Frame:
    """Give a frame the painting's palette, if it is to have it.

    Args:
        frame: At working size.
        palette: The painting's. None: leave the frame as it is.
        statistics: Of the frame, or of the shot around it.
    """
    if palette is None:
        return frame
    return palette_map(statistics, palette).apply(frame)


def first_start(
    tools: Tools, content_image: Tensor, config: StyleConfig, index: int
) -> Tensor:
    """Make the pixels that a picture, or the first frame of a shot, starts from.

    Args:
        tools: Of the run.
        content_image: (1, 3, H, W).
        config: Says how to start.
        index: The frame's, for its noise.

    Returns:
        (1, 3, H, W), new.
    """
    if config.init == "random":
        return random_image(content_image, seed=config.seed, index=index)
    if config.init == "style":
        return fitted_image(tools.style_image, content_image)
    if tools.start_picture is not None:
        picture = frame_to_image(tools.start_picture, device=tools.device)
        return fitted_image(picture, content_image)
    return content_image.clone()


def paint_frame(
    frame: Frame,
    tools: Tools,
    config: StyleConfig,
    on_step: Callable[[StepReport, Tensor], None] | None = None,
) -> Frame:
    """Paint one frame that follows no other.

    Args:
        frame: At working size.
        tools: Of the run.
        config: Weights, layers and optimiser.
        on_step: Called with each step's report and the best picture so far.
    """
    frame = recolored(frame, tools.palette, color_statistics(frame))
    content_image = frame_to_image(frame, device=tools.device)
    job = Job(
        frame=0,
        start=first_start(tools, content_image, config, 0),
        content=content_target(tools.network, content_image, config),
        steps=config.steps,
    )
    (image,) = optimize_batch(
        tools.network, tools.style, config, [job], on_step=on_step
    )
    return image_to_frame(image)


def stylize_image(
    content: Path,
    style: Path,
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
        style: The painting's file.
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
            learned.offer(report.step, image_to_frame(image))

    painted = paint_frame(frame, tools, config, on_step)
    write_picture(output, painted)
    if learned is not None and evolution_output is not None:
        write_evolution(learned.pictures(), evolution_output, config=learned.config)
    return output
