"""The core object: paints frames in a style, arrays in and arrays out."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from vidstyle.color import Mask, color_statistics, composite, guide_image
from vidstyle.config import StyleConfig, check_counts
from vidstyle.devices import choose_device, memory_errors_named
from vidstyle.errors import ConfigError
from vidstyle.images import (
    as_frame,
    frame_to_image,
    image_to_frame,
    read_picture,
    resize_frame,
)
from vidstyle.networks import load_network
from vidstyle.networks.painter import PaintingNetwork, read_painter
from vidstyle.networks.vgg import FeatureNetwork, convolutions_in
from vidstyle.optimize import pyramid
from vidstyle.optimize.batch import BatchOptimization
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target
from vidstyle.records import Frame, Listener, StepReport, StrPath, ignore
from vidstyle.stylize.style_bank import (
    FrameStyle,
    StyleBank,
    painting_size,
    reduced_painting,
    working_frame,
)

Picture = Frame | StrPath  # uint8 (H, W, 3) RGB, or a file
OnStep = Callable[[StepReport, Callable[[], Frame]], None]
"""Called with a step's report and a function that renders the current picture."""


class Level(NamedTuple):
    """A coarser pyramid level of stills and first frames."""

    height: int
    width: int
    steps: int
    bank: StyleBank


class Stylizer:
    """Paints frames in the style of paintings; loads its network once.

    Attributes:
        bank: The paintings measured for the current frame size.
        coarser: The coarser pyramid levels, the smallest first.
        painter: A network whose output the optimization starts from; None: it starts
            from ``config.init``.
    """

    def __init__(
        self,
        paintings: Picture | Sequence[Picture],
        config: StyleConfig | None = None,
        *,
        size: tuple[int, int] | None = None,
        times_s: Sequence[float] = (),
        regions: int = 0,
        network: FeatureNetwork | None = None,
        listener: Listener = ignore,
    ) -> None:
        """Load the network and, if the size is known, measure the paintings.

        Args:
            paintings: One or several, each a file or uint8 (H, W, 3) RGB.
            config: None: the defaults.
            size: Height and width of the frames; None: the paintings are measured when
                the first frame is stylized.
            times_s: Time in the clip at which each painting has full weight; empty: the
                mix is constant.
            regions: Number of paintings, the last ones, that belong to regions.
            network: One loaded for this configuration; None: load it.
            listener: Receives which network was chosen and why.

        Raises:
            ImageOpenError: If a painting's file cannot be read.
            ConfigError: If there is no painting, the network lacks a layer, the device
                is unavailable, or the numbers of weights and paintings differ.
            WeightsError: If the weights of the configured network cannot be loaded.
        """
        self.config = config = config or StyleConfig()
        if not isinstance(paintings, list | tuple):
            paintings = [cast("Picture", paintings)]
        if not paintings:
            raise ConfigError("there is no painting; give at least one.")
        check_counts(config, times_s, len(paintings) - regions)
        self.paintings = [as_frame(painting) for painting in paintings]
        start = config.init
        self._start = read_picture(start) if isinstance(start, Path) else None
        self._listener = listener
        self.device = choose_device(config.device)
        self.painter: PaintingNetwork | None = None
        if config.painter is not None:
            self.painter = read_painter(config.painter, self.device, self.card())
        self.network = network or load_for(config, listener)
        self._bank = partial(
            StyleBank,
            network=self.network,
            config=config,
            device=self.device,
            times_s=times_s,
            regions=regions,
        )
        self._size: tuple[int, int] | None = None
        if size is not None:
            self.fit(*size)

    def card(self) -> dict[str, str]:
        """Describe the style that a painting network learns, to identify its file."""
        digest = hashlib.sha256(b"".join(map(np.ndarray.tobytes, self.paintings)))
        return {
            "painting": digest.hexdigest()[:16],
            "style-mix": str(self.config.style_mix),
            "recolor": str(self.config.recolor),
            "keep-color": self.config.keep_color,
        }

    def fit(self, height: int, width: int) -> None:
        """Measure the paintings for a frame size, unless that is the current one."""
        if self._size == (height, width):
            return
        paintings = []
        for painting in self.paintings:
            tall, wide = painting_size(painting, self.config, max(height, width))
            paintings.append(resize_frame(painting, height=tall, width=wide))
        self.bank = self._bank(paintings)
        steps = self.config.steps
        factors = pyramid.factors(min(self.config.pyramid, steps), min(height, width))
        shares = pyramid.shared_steps(steps, len(factors) + 1)  # the last is full size
        coarser = list[Level]()
        for factor, share in zip(factors, shares, strict=False):
            tall, wide = round(height * factor), round(width * factor)
            bank = self._bank([reduced_painting(image, factor) for image in paintings])
            coarser.append(Level(height=tall, width=wide, steps=share, bank=bank))
        self.coarser = tuple(coarser)
        self._size = height, width

    def stylize(
        self,
        frame: Picture,
        *,
        masks: Sequence[Mask] = (),
        time_s: float = 0.0,
        on_step: OnStep | None = None,
    ) -> Frame:
        """Stylize one frame independently of others.

        Args:
            frame: A file, or uint8 (H, W, 3) RGB; not modified.
            masks: One (H, W) mask in [0, 1] per region, at the size of the result. Each
                region is a separate sample of one batch and reported as a frame.
            time_s: Time in the clip, for paintings that change over time.
            on_step: Called after each step.

        Returns:
            uint8 (H, W, 3) RGB, no longer than ``config.long_side``.

        Raises:
            ImageOpenError: If its file cannot be read.
            ConfigError: If a side of the result or of a painting would be too short, or
                the masks do not fit.
            OptimizationError: If the optimization fails.
        """
        frame = working_frame(as_frame(frame), self.config)
        self.fit(*frame.shape[:2])
        parts = self.bank.parts(frame, masks, time_s)
        if not parts:  # all regions are empty
            return frame.copy()
        tasks = [
            self.first_task(number, frame, style, mask=mask)
            for number, (style, mask) in enumerate(parts)
        ]
        visible = [mask for _, mask in parts if mask is not None]
        newest = [task.start for task in tasks]

        def picture() -> Frame:
            for slot, task in batch.entered.items():
                newest[task.frame] = batch.result(slot)
            images = [self.finished(image, frame) for image in newest]
            return composite(frame, images, visible) if visible else images[0]

        batch = self.batch(len(tasks))
        for done in batch.run(tasks):
            if on_step is not None and done.report is not None:
                on_step(done.report, picture)
            if done.is_finished:
                newest[done.task.frame] = batch.result(done.slot)
        return picture()

    def batch(self, slots: int, *, temporal_weight: float = 0.0) -> BatchOptimization:
        return BatchOptimization(
            self.network,
            self.bank.plain_style(),
            self.config,
            slots=slots,
            temporal_weight=temporal_weight,
            listener=self._listener,
        )

    def finished(self, image: Tensor, source: Frame) -> Frame:
        """Convert an optimized image (1, 3, H, W) of a source to a frame."""
        return self.bank.restore_chroma(image_to_frame(image), source)

    def first_task(
        self,
        number: int,
        source: Frame,
        style: FrameStyle | None = None,
        *,
        mask: Mask | None = None,
        noise: int = 0,
    ) -> FrameTask:
        """Prepare the optimization of a still, or of a shot's first frame.

        ``number`` identifies it in reports, ``source`` is at working size, a style of
        None is that at the start of the clip, ``mask`` (H, W) is that of its region,
        and ``noise`` seeds a random start, together with ``config.seed``.
        """
        style = style or self.bank.at(0, color_statistics(source))
        content = self.bank.content(source, style)
        guide = None if mask is None else guide_image(mask, device=self.device)
        coarser = list[FrameTask]()
        levels, steps_left = self.coarser, self.config.steps
        if self.painter is not None:  # it needs no coarser levels
            levels, steps_left = (), self.config.touch_up

        def task(frame: Frame, bank: StyleBank, steps: int) -> FrameTask:
            image = frame_to_image(frame, device=self.device)
            if self.config.init == "random" and coarser:
                # Fresh noise would not match the coarser level.
                start = pyramid.enlarged(coarser[-1].start, image)
            else:
                start = self._start_image(style, image, noise)
            if self.painter is not None and steps == 0:
                return FrameTask(frame=number, start=start, content=None, steps=0)
            size = frame.shape[0], frame.shape[1]
            return FrameTask(
                frame=number,
                start=start,
                content=content_target(self.network, image, self.config),
                steps=steps,
                style=bank.style(style),
                mask=None if guide is None else adaptive_avg_pool2d(guide, size),
                coarser=tuple(coarser),
            )

        for level in levels:
            small = resize_frame(content, height=level.height, width=level.width)
            coarser.append(task(small, level.bank, level.steps))
            steps_left -= level.steps
        return task(content, self.bank, steps_left)

    def _start_image(self, style: FrameStyle, content: Tensor, noise: int) -> Tensor:
        """Return the initial image, a new (1, 3, H, W) tensor."""
        if self.painter is not None:
            height, width = content.shape[-2:]
            is_bf16 = self.network.precision == "bf16"
            with (
                memory_errors_named(f"a frame of {width}x{height}"),
                convolutions_in(self.network.precision),
                torch.autocast(self.device.type, torch.bfloat16, enabled=is_bf16),
                torch.no_grad(),
            ):
                return cast("Tensor", self.painter(content))
        if self.config.init == "random":
            return pyramid.random_image(content, seed=self.config.seed, index=noise)
        if self.config.init == "style":
            return pyramid.fitted_image(self.bank.strongest(style), content)
        if self._start is not None:
            start = self.bank.to_working(self._start)
            image = frame_to_image(start, device=self.device)
            return pyramid.fitted_image(image, content)
        return content.clone()


def load_for(config: StyleConfig, listener: Listener) -> FeatureNetwork:
    return load_network(
        config.network,
        device=choose_device(config.device),
        pooling=config.pooling,
        layers={name for name, _ in (*config.content_layers, *config.style_layers)},
        weights=config.weights,
        precision=config.precision,
        listener=listener,
    )
