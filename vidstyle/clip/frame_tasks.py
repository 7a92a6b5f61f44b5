"""Paint frames by optimisation: where each one starts, and what it should become."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from vidstyle.clip.carry import follow, mix_carried
from vidstyle.clip.painter import PaintStep
from vidstyle.clip.prefetch import Origin, PrefetchedFrame
from vidstyle.color import guide_image, is_painted
from vidstyle.config import VideoConfig
from vidstyle.images import frame_to_image
from vidstyle.motion.consistency import (
    DRY,
    mask_paint,
)
from vidstyle.motion.warp import consistency_to_tensor
from vidstyle.optimize.pyramid import random_image
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target
from vidstyle.records import Frame, Paint
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.work_dir import FrameStore

CUT_SHARE = 0.25
"""Less than this found again: the frame is treated as the first of a shot."""
HELD = 0.5
"""Share from which on a pixel's paint counts as carried from a key frame."""
GOOD = 1.15
"""A frame is finished when its loss is at most so many times that of the frame that it
is held to."""
NEAR = 1.03
"""A frame between two key frames is finished when its loss is at most so many times
that of the worse of them."""
WET = 5
"""A frame takes all its steps from one part in so many of new paint on."""
COARSE = 2
"""Steps at half the size, where one costs a quarter, for each frame that a key frame's
paint was carried over: else its large strokes wear away from key frame to key frame."""
ENERGIES = "energies"
"""Begins the names of the stored facts of each shot: by frame that follows none, what
content errors are divided by."""


class FrameOptimizer:
    """A ``FramePainter`` that optimises a batch of frames.

    It remembers of each first frame what the content errors of those that follow are
    divided by.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        store: FrameStore,
        config: VideoConfig,
        guided: bool,
    ) -> None:
        """Go on with what an interrupted run remembered. ``guided``: with masks."""
        self._stylizer, self._store, self._config = stylizer, store, config
        self._energies: dict[int, dict[str, Mapping[str, float]]] = {}  # by shot
        self._batch = stylizer.batch(
            config.batch, temporal_weight=config.temporal_weight, guided=guided
        )

    def run(self, frames: Iterator[PrefetchedFrame | None]) -> Iterator[PaintStep]:
        """Optimise frames until there are no more."""
        entered: dict[int, PrefetchedFrame] = {}

        def tasks() -> Iterator[FrameTask | None]:
            for frame in frames:
                if frame is None:
                    yield None
                else:
                    entered[frame.index] = frame
                    yield replace(self._task(frame), begun=frame.begun)

        for done in self._batch.run(tasks()):
            frame = entered[done.task.frame]
            picture = partial(self._picture, done.slot, frame.source)
            if done.is_finished and done.report is not None:
                own, goal = done.report.own_loss, frame.paint.goal
                # Frames are held to the shot's first one, as long as they come near it.
                goal = goal if own <= goal else GOOD * own
                frame.paint = replace(frame.paint, loss=own, goal=goal)
            state = partial(self._batch.state, done.slot)
            yield PaintStep(frame, done.report, picture, done.is_finished, state)
            if done.is_finished:
                del entered[frame.index]

    def _picture(self, slot: int, source: Frame) -> Frame:
        return self._stylizer.finished(self._batch.result(slot), source)

    def _task(self, frame: PrefetchedFrame) -> FrameTask:
        """Put together what is optimised for a frame."""
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
        """Leave a frame as the user has painted it."""
        working = self._stylizer.bank.to_working(picture)
        start = frame_to_image(working, device=self._stylizer.device)
        return replace(self._first(frame), start=start, steps=0, coarser=())

    def _blank(self, frame: PrefetchedFrame) -> FrameTask:
        """Leave a frame as it is."""
        image = frame_to_image(frame.source, device=self._stylizer.device)
        return FrameTask(frame=frame.index, start=image, content=None, steps=0)

    def _first(self, frame: PrefetchedFrame) -> FrameTask:
        """Begin a shot."""
        index = frame.index
        task = self._stylizer.first_task(
            index, frame.source, frame.style, mask=frame.mask, noise=index
        )
        assert task.content is not None  # noqa: S101  # of a first frame it is measured
        start = frame.turn.start
        known = self._energies_of(start)
        known[str(index)] = dict(task.content.energies)
        self._store.put_facts(_energies_name(start), known)
        return task

    def _following(self, frame: PrefetchedFrame) -> FrameTask:
        """Go on in a shot from its newest key frame, and describe the paint."""
        (origin,), ((previous, paint),) = frame.origins, frame.painted
        if paint is None or origin.motion is None or origin.seen_again is None:
            return self._unbound(frame, self._start(frame, previous))
        if origin.mask is not None:  # elsewhere there is no paint to keep
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
        """Take a part of the steps at about half the size, if there is such a size."""
        carried = frame.index - frame.origins[0].index
        steps = min(COARSE * carried, task.steps // 2)
        if not steps or not self._stylizer.coarser:
            return task
        level = self._stylizer.coarser[-2:][0]

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
        """Carry the paint of the key frames on both sides, and paint what neither has.

        What is new there is carried on from frame to frame, and gets a few more steps
        in each, unless the frame is as good as the key frames without them.
        """
        bank, device = self._stylizer.bank, self._stylizer.device
        pictures = [bank.to_working(picture) for picture, _ in frame.painted]
        mixed, held = mix_carried(frame, pictures, bank.to_working(frame.source))
        new = float((held < HELD).mean())
        steps = round(self._config.next_steps * min(1, WET * new))
        start = frame_to_image(mixed, device=device)
        if steps < max(1, self._config.next_min_steps):
            return FrameTask(frame=frame.index, start=start, content=None, steps=0)
        losses = [paint.loss for _, paint in frame.painted if paint is not None]
        return replace(
            self._unbound(frame, start),
            steps=steps,
            goal=self._goal(NEAR * max(losses, default=math.nan)),
            warped=start,
            consistency=consistency_to_tensor(held, device=device),
        )

    def _goal(self, loss: float) -> float:
        """Return the loss that finishes a frame; with balanced gradients none does."""
        return math.nan if self._config.style.balance == "gradients" else loss

    def _least_steps(self, paint: Paint) -> int:
        """Give new paint the time that it needs, however little of the frame it is."""
        config = self._config
        wet = float((paint.age < DRY).mean())
        wanted = round(config.next_steps * min(1, WET * wet))
        return max(config.next_min_steps, wanted)

    def _start(self, frame: PrefetchedFrame, previous: Frame) -> Tensor:
        """Make what a frame starts from that takes nothing along."""
        config, device = self._config, self._stylizer.device
        if config.next_init.startswith("previous"):
            working = self._stylizer.bank.to_working(previous)
            return frame_to_image(working, device=device)
        image = frame_to_image(frame.content, device=device)
        if config.next_init == "content":
            return image
        return random_image(image, seed=config.style.seed, index=frame.index)

    def _unbound(self, frame: PrefetchedFrame, start: Tensor) -> FrameTask:
        """Make the task of a frame that nothing holds to its predecessor."""
        stylizer, config = self._stylizer, self._config
        device = stylizer.device
        image = frame_to_image(frame.content, device=device)
        known = self._energies_of(frame.turn.start)
        firsts = sorted(map(int, known))
        # Before this one there is none if a blank key frame was all that came before.
        first = firsts[max(0, bisect_right(firsts, frame.index) - 1)]
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

    def _energies_of(self, start: int) -> dict[str, Mapping[str, float]]:
        """Return those of the frames of a shot that follow none, so far."""
        if start not in self._energies:
            known = self._store.facts(_energies_name(start))
            self._energies[start] = known or {}
        return self._energies[start]


def _energies_name(start: int) -> str:
    return f"{ENERGIES}-{start + 1:06d}"


def _is_cut(origin: Origin) -> bool:
    """Whether too little of an origin is found again for its paint to be any use."""
    if origin.motion is None or origin.seen_again is None:
        return False
    found = max(origin.motion.trusted_share, float(origin.seen_again.mean()))
    return found < CUT_SHARE
