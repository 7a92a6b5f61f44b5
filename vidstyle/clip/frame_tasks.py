"""Stylize frames by optimization: builds the initial image and targets of each."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from vidstyle.clip.carry import follow, mix_carried
from vidstyle.clip.painter import PaintStep
from vidstyle.clip.prefetch import Origin, PrefetchedFrame
from vidstyle.color import guide_image, is_painted
from vidstyle.config import VideoConfig
from vidstyle.images import frame_to_image
from vidstyle.motion.consistency import MATURE_AGE, mask_paint
from vidstyle.motion.warp import consistency_to_tensor
from vidstyle.optimize.pyramid import random_image
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target
from vidstyle.records import Frame, Paint
from vidstyle.stylize import Stylizer
from vidstyle.video.work_dir import FrameStore

CUT_SHARE = 0.25
"""A frame that shares less than this with its predecessor starts a shot."""
HELD = 0.5
"""Fraction from which a pixel's paint counts as carried from a key frame."""
GOOD = 1.15
"""A later key frame is finished when its loss is at most this multiple of that of its
reference, the shot's first frame if it comes close to it."""
NEAR = 1.03
"""A frame between key frames is finished when its loss is at most this multiple of the
larger of theirs."""
WET = 5
"""A frame takes all its steps if the fraction of new paint is at least 1 / ``WET``."""
COARSE = 2
"""Steps at half the size, where one costs a quarter, per frame that paint was carried
over: without them, large strokes wear away from key frame to key frame."""
ENERGIES = "energies"
"""Prefix of the stored facts of each shot: the divisors of the content errors, by frame
without a predecessor."""


class FrameOptimizer:
    """A ``FramePainter`` that optimizes a batch of frames.

    It stores the divisors of the content errors of each first frame, which the frames
    that follow use as well.
    """

    def __init__(
        self, stylizer: Stylizer, store: FrameStore, config: VideoConfig
    ) -> None:
        """Prepare to optimize; resumes with an interrupted run's facts."""
        self._stylizer, self._store, self._config = stylizer, store, config
        self._batch = stylizer.batch(
            config.batch, temporal_weight=config.temporal_weight
        )

    def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
        """Optimize frames until there are no more."""
        entered: dict[int, PrefetchedFrame] = {}

        def tasks() -> Iterator[FrameTask | None]:
            for frame in frames:
                if frame is None:
                    yield None
                else:
                    entered[frame.index] = frame
                    begun = partial(_unpacked, frame.begun)
                    yield replace(self._task(frame), begun=begun)

        for done in self._batch.run(tasks()):
            frame = entered[done.task.frame]
            picture = partial(self._picture, done.slot, frame)
            if done.is_finished and done.report is not None:
                own, goal = done.report.own_loss, frame.paint.goal
                # The shot's first frame is the reference while frames come close to it.
                if math.isnan(goal) or own > goal:
                    goal = GOOD * own
                frame.paint = replace(frame.paint, loss=own, goal=goal)
            state = partial(self._checkpoint, done.slot)
            yield PaintStep(frame, done.report, picture, done.is_finished, state)
            if done.is_finished:
                del entered[frame.index]

    def _checkpoint(self, slot: int) -> bytes:
        state = self._batch.state(slot)
        arrays: dict[str, Any] = {name: state[name].cpu().numpy() for name in state}
        archive = BytesIO()
        np.savez(archive, **arrays)
        return archive.getvalue()

    def _picture(self, slot: int, frame: PrefetchedFrame) -> Frame:
        if frame.given is not None:
            return frame.given
        return self._stylizer.finished(self._batch.result(slot), frame.source)

    def _task(self, frame: PrefetchedFrame) -> FrameTask:
        if frame.given is not None:
            return self._given(frame, frame.given)
        if frame.is_blank:
            return self._blank(frame)
        if frame.turn.after is not None and frame.origins:
            return self._between(frame)
        if frame.origins and _is_cut(frame.origins[0]):
            frame.origins = []
        return self._following(frame) if frame.origins else self._first(frame)

    def _given(self, frame: PrefetchedFrame, picture: Frame) -> FrameTask:
        """Keep a frame as the user painted it."""
        working = self._stylizer.bank.to_working(picture)
        start = frame_to_image(working, device=self._stylizer.device)
        return replace(self._first(frame), start=start, steps=0, coarser=())

    def _blank(self, frame: PrefetchedFrame) -> FrameTask:
        """Keep the source of a frame."""
        image = frame_to_image(frame.source, device=self._stylizer.device)
        return FrameTask(frame=frame.index, start=image, content=None, steps=0)

    def _first(self, frame: PrefetchedFrame) -> FrameTask:
        """Start a shot."""
        index = frame.index
        task = self._stylizer.first_task(
            index, frame.source, frame.style, mask=frame.mask, noise=index
        )
        assert task.content is not None  # noqa: S101  # first frames have one
        known = self._energies(frame)
        known[str(index)] = dict(task.content.energies)
        self._store.put_facts(_energies_name(frame), known)
        return task

    def _following(self, frame: PrefetchedFrame) -> FrameTask:
        """Continue a shot from the previous key frame; sets the frame's paint."""
        origin = frame.origins[0]
        previous, paint = frame.painted[0]
        if paint is None or origin.motion is None or origin.seen_again is None:
            return self._unbound(frame, self._start(frame, previous))
        if origin.mask is not None:  # there is no paint outside
            paint = mask_paint(paint, is_painted(origin.mask))
        bank = self._stylizer.bank
        bound = follow(
            bank.to_working(previous),
            paint,
            frame.source,
            working=bank.to_working(frame.source),
            motion=origin.motion,
            seen_again=origin.seen_again,
            frames=frame.index - origin.index,
            device=self._stylizer.device,
        )
        frame.paint = bound.paint
        is_warped = self._config.next_init == "previous-warped"
        start = bound.start if is_warped else self._start(frame, previous)
        task = replace(
            self._unbound(frame, start),
            steps=round(self._config.next_steps * (2 - origin.motion.trusted_share)),
            least_steps=self._least_steps(bound.paint),
            goal=self._goal(paint.goal),
            warped=bound.warped,
            consistency=bound.binding,
        )
        return self._coarse_first(task, frame)

    def _coarse_first(self, task: FrameTask, frame: PrefetchedFrame) -> FrameTask:
        """Take some of the steps at a pyramid level of about half the size, if any."""
        carried = frame.index - frame.origins[0].index
        steps = min(COARSE * carried, task.steps // 2)
        levels = self._stylizer.coarser
        if steps == 0 or not levels:
            return task
        level = levels[-2] if len(levels) > 1 else levels[0]

        def reduced(image: Tensor) -> Tensor:
            return adaptive_avg_pool2d(image, (level.height, level.width))

        content = frame_to_image(frame.content, device=task.start.device)
        network, style = self._stylizer.network, self._config.style
        coarse = replace(
            task,
            start=reduced(task.start),
            content=content_target(network, reduced(content), style),
            steps=steps,
            goal=math.nan,
            style=level.bank.style(frame.style),
            mask=None if task.mask is None else reduced(task.mask),
            warped=None if task.warped is None else reduced(task.warped),
            consistency=None if task.consistency is None else reduced(task.consistency),
        )
        least = max(self._config.next_min_steps, task.least_steps - steps)
        own = task.steps - steps
        return replace(task, steps=own, least_steps=least, coarser=(coarse,))

    def _between(self, frame: PrefetchedFrame) -> FrameTask:
        """Blend the paint of the surrounding key frames; optimize what neither shows.

        Such areas are carried from frame to frame and get a few more steps in each,
        unless the frame is as good as the key frames without them.
        """
        bank, device = self._stylizer.bank, self._stylizer.device
        pictures = [bank.to_working(picture) for picture, _ in frame.painted]
        mixed, held = mix_carried(frame, pictures, bank.to_working(frame.source))
        steps = self._steps_for(float((held < HELD).mean()))
        start = frame_to_image(mixed, device=device)
        if steps < max(1, self._config.next_min_steps):
            return FrameTask(frame=frame.index, start=start, content=None, steps=0)
        paints = [paint for _, paint in frame.painted if paint is not None]
        losses = [paint.loss for paint in paints if not math.isnan(paint.loss)]
        return replace(
            self._unbound(frame, start),
            steps=steps,
            goal=self._goal(NEAR * max(losses, default=math.nan)),
            warped=start,
            consistency=consistency_to_tensor(held, device=device),
        )

    def _goal(self, loss: float) -> float:
        """Return the loss that finishes a frame; none does with balanced gradients."""
        return math.nan if self._config.style.balance == "gradients" else loss

    def _least_steps(self, paint: Paint) -> int:
        """Return the minimum of steps: new paint needs them, however small its area."""
        steps = self._steps_for(float((paint.age < MATURE_AGE).mean()))
        return max(self._config.next_min_steps, steps)

    def _steps_for(self, new_share: float) -> int:
        return round(self._config.next_steps * min(1, WET * new_share))

    def _start(self, frame: PrefetchedFrame, previous: Frame) -> Tensor:
        """Return the initial image of a frame that does not start from warped paint."""
        config, device = self._config, self._stylizer.device
        if config.next_init.startswith("previous"):
            working = self._stylizer.bank.to_working(previous)
            return frame_to_image(working, device=device)
        image = frame_to_image(frame.content, device=device)
        if config.next_init == "content":
            return image
        return random_image(image, seed=config.style.seed, index=frame.index)

    def _unbound(self, frame: PrefetchedFrame, start: Tensor) -> FrameTask:
        """Make the task of a later frame of a shot, without a temporal loss."""
        stylizer, config = self._stylizer, self._config
        device = stylizer.device
        image = frame_to_image(frame.content, device=device)
        known = self._energies(frame)
        # Of the latest frame that the origin's paint may stem from.
        first = max(n for n in map(int, known) if n <= frame.origins[0].index)
        mask = frame.mask
        return FrameTask(
            frame=frame.index,
            start=start,
            content=content_target(
                stylizer.network, image, config.style, known[str(first)]
            ),
            steps=config.next_steps,
            style=stylizer.bank.style(frame.style),
            mask=None if mask is None else guide_image(mask, device=device),
        )

    def _energies(self, frame: PrefetchedFrame) -> dict[str, Mapping[str, float]]:
        """Read the divisors of a frame's shot, by frame without a predecessor."""
        return self._store.facts(_energies_name(frame)) or {}


def _unpacked(read: Callable[[], bytes]) -> dict[str, Tensor]:
    """Read a checkpoint; empty if there is none, or it is damaged."""
    errors = EOFError, ValueError, BadZipFile
    with suppress(*errors), np.load(BytesIO(read())) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}
    return {}


def _energies_name(frame: PrefetchedFrame) -> str:
    return f"{ENERGIES}-{frame.turn.start + 1:06d}"


def _is_cut(origin: Origin) -> bool:
    """Return whether too little of an origin is visible in the frame."""
    if origin.motion is None or origin.seen_again is None:
        return False
    shared = max(origin.motion.trusted_share, float(origin.seen_again.mean()))
    return shared < CUT_SHARE
