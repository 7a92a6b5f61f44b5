"""A prepared frame and its painted predecessor -> what is optimised for it."""

from collections.abc import Mapping

from torch import Tensor

from vidstyle.coherence import Following, first_age, follow
from vidstyle.config import VideoConfig
from vidstyle.controls.masks import guide_image, is_painted
from vidstyle.first_frame import first_job
from vidstyle.images import frame_to_image
from vidstyle.motion.reuse import Age, within
from vidstyle.painting.ahead import Prepared
from vidstyle.preparation import Tools
from vidstyle.records import Frame
from vidstyle.style.init_image import random_image
from vidstyle.style.level import Job
from vidstyle.style.targets import content_target
from vidstyle.video.work_dir import FrameStore

CUT_SHARE = 0.25
"""Less of the flow trusted than this: the frame is treated as the first of a shot."""
ENERGIES = "energies"
"""Name of the stored facts: by first frame, what content errors are divided by."""


class Jobs:
    """Puts together where each frame starts and what it should become.

    It remembers of each first frame what the content errors of those that follow are
    divided by.
    """

    def __init__(self, tools: Tools, store: FrameStore, config: VideoConfig) -> None:
        """Go on with what an interrupted run remembered, if there was one.

        Args:
            tools: Network, painting, device.
            store: Of the run.
            config: How.
        """
        self._tools, self._store, self._config = tools, store, config
        self._energies: dict[str, Mapping[str, float]] = store.facts(ENERGIES) or {}

    def first(self, index: int, prepared: Prepared) -> tuple[Job, Age]:
        """Begin a shot."""
        job = first_job(
            index,
            prepared.content,
            prepared.wish,
            self._tools,
            self._config.style,
            mask=prepared.mask,
            noise=index,
        )
        self._energies[str(index)] = dict(job.content.energies)
        self._store.put_facts(ENERGIES, self._energies)
        return job, first_age(prepared.source)

    def blank(self, index: int, prepared: Prepared) -> tuple[Job, Age]:
        """Leave a frame as it is: there is nothing to paint in it."""
        image = frame_to_image(prepared.content, device=self._tools.device)
        content = content_target(self._tools.network, image, self._config.style)
        job = Job(frame=index, start=image, content=content, steps=0)
        return job, first_age(prepared.source)

    def following(
        self, index: int, prepared: Prepared, previous: Frame, age: Age
    ) -> tuple[Job, Age]:
        """Go on in a shot, unless too little of it goes on.

        Args:
            index: The frame's.
            prepared: What it needs besides.
            previous: Its painted predecessor, as stored: 8 bits, in every run.
            age: Of that one's paint. Where it was not painted, there is none to keep.
        """
        motion = prepared.motion
        if motion is not None and motion.trusted_share < CUT_SHARE:
            return self.first(index, prepared)
        look, device = self._tools.look, self._tools.device
        previous = look.worked_on(previous)
        image = frame_to_image(prepared.content, device=device)
        bound = None
        steps = self._config.next_steps
        if motion is not None and prepared.seen_again is not None:
            if prepared.mask_before is not None:
                age = within(age, is_painted(prepared.mask_before))
            bound = follow(
                previous,
                age,
                look.worked_on(prepared.source),
                motion=motion,
                seen_again=prepared.seen_again,
                device=device,
            )
            age = bound.age
            steps = round(steps * (2 - motion.trusted_share))
        mask = prepared.mask
        job = Job(
            frame=index,
            start=self._start(index, image, previous, bound),
            content=content_target(
                self._tools.network,
                image,
                self._config.style,
                self._energies_of(index),
            ),
            steps=steps,
            style=look.style(prepared.wish),
            mask=None if mask is None else guide_image(mask, device=device),
            warped=bound.warped if bound else None,
            consistency=bound.binding if bound else None,
        )
        return job, age

    def _start(
        self, index: int, image: Tensor, previous: Frame, bound: Following | None
    ) -> Tensor:
        match self._config.next_init:
            case "previous-warped" if bound is not None:
                return bound.start
            case "content":
                return image.clone()
            case "random":
                return random_image(image, seed=self._config.style.seed, index=index)
            case _:
                return frame_to_image(previous, device=self._tools.device)

    def _energies_of(self, index: int) -> Mapping[str, float]:
        """Those of the newest first frame at or before this one."""
        first = max(known for key in self._energies if (known := int(key)) <= index)
        return self._energies[str(first)]
