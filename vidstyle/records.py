"""Facts that pass between stages; no behaviour beyond what follows from the fields."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

StrPath = str | os.PathLike[str]  # where a path is taken
Frame = npt.NDArray[np.uint8]  # one picture: uint8 (H, W, 3), RGB, [0, 255]
# Motion of each pixel: float32 (H, W, 2), pixels, x to the right then y downwards.
FlowField = npt.NDArray[np.float32]
# How far to trust a flow: float32 (H, W) in [0, 1], 1 = trusted.
Consistency = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream of a file."""

    index: int  # its number in the file, from 0
    kind: str  # as ffmpeg says it: video, audio, subtitle, data or attachment
    codec: str
    name: str = ""  # as the file calls it, such as avc1, or else the codec
    language: str | None = None  # three letters; None: not said
    is_default: bool = False  # whether the file says to play it unless told otherwise
    is_cover: bool = False  # whether it is a still picture on the file's box
    start_s: float = 0.0  # when it begins, in seconds after the file's own start


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorInfo:
    """How the numbers of a stream stand for colors; ffmpeg's words."""

    range: str  # tv: black is 16 and white 235 (in 8 bits); pc: 0 and 255
    matrix: str  # such as bt709; gbr: none, the channels are R, G and B
    primaries: str
    transfer: str  # the curve from light to numbers: smpte2084 is PQ, arib-std-b67 HLG
    bit_depth: int  # bits a channel
    assumed: tuple[str, ...] = ()  # which of these the file does not say


class Bars(NamedTuple):
    """How many rows and columns along its borders are black in all of a clip."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


NO_BARS = Bars()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What a probe understood of a clip, before a frame of it is read.

    Names of codecs, formats and containers are ffmpeg's.
    """

    path: Path
    kind: Literal["video", "folder"]  # a file (an animated GIF, too), or pictures
    height: int  # as displayed, like width: rotation by metadata is already applied
    width: int
    fps: Fraction  # nominal rate; the exact time of each frame comes with the frame
    frame_count: int | None  # a hint: damage may make fewer; None: unknown
    duration_s: float | None  # what the container promises, in seconds; None: unknown
    rotation: int  # degrees that reading applies: 0, 90, 180 or 270
    codec: str  # such as h264
    pixel_format: str  # such as yuv420p
    has_audio: bool
    container: str = ""  # such as matroska,webm; empty for a folder
    file_start_s: float = 0.0  # when the file's first stream begins, on its own clock
    start_s: float = 0.0  # when the first frame is shown, after the file's own start
    tags: tuple[str, ...] = ()  # names of those of the file and its streams
    date: str | None = None  # when it was made, as the file says it
    color_tags: str = ""  # such as tv, bt709, progressive; empty: untagged
    audio_codecs: tuple[str, ...] = ()  # in the file's order, like what follows
    subtitle_codecs: tuple[str, ...] = ()
    normalizing: tuple[str, ...] = ()  # why OpenCV misreads it, so that ffmpeg decodes
    streams: tuple[StreamInfo, ...] = ()  # empty for a folder
    stream_index: int = 0
    color: ColorInfo | None = None  # None for a folder: pictures are taken as sRGB
    stored_shape: tuple[int, int] = (0, 0)  # height and width; of a folder, none
    pixel_aspect: Fraction = Fraction(1)  # a stored pixel's width over its height
    fields: str = "progressive"
    """``interlaced`` frames show two moments, ``mixed`` ones may, now or later, and
    each of ``separate`` ones is one field; ``unknown``: the file does not say."""
    has_alpha: bool = False  # it may be transparent; frames are read over background
    has_times: bool = True  # of its frames; otherwise fps is assumed
    chapters: int = 0
    missing_numbers: int = 0  # between the first and the last picture of a folder
    background: str | None = None  # behind transparent pixels: #rrggbb; None: white
    bars: Bars = NO_BARS  # frames are read without them; height and width are with them

    @property
    def needs_normalizing(self) -> bool:
        """Whether OpenCV is known to misread it, so that ffmpeg decodes it first."""
        return bool(self.normalizing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFrame:
    """One frame of a clip with its place and its time."""

    index: int  # 0-based number in the source, counted as read
    time_s: float  # when it is shown, in seconds after the file's own start
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How the content moved from one frame to the next, seen from the later frame."""

    flow_backward: FlowField  # to the earlier frame: warps that onto the later
    consistency: Consistency

    @property
    def trusted_share(self) -> float:
        """Mean consistency: 1 where every pixel of the earlier frame is found again."""
        return float(self.consistency.mean())


@dataclass(frozen=True, slots=True)
class Paint:
    """What is known of the paint on a stylized frame."""

    age: npt.NDArray[np.uint8]  # (H, W), in frames, counted up to a limit
    scene: Frame  # what the source showed at each place when the paint was made
    loss: float = math.nan  # own_loss of the finished frame; nan: not known
    goal: float = math.nan  # own_loss that finishes a later key frame; nan: none does


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One step of one frame's optimisation."""

    frame: int  # index of the frame in the source; 0 for a still picture
    step: int  # 1-based: the number of updates of the pixels so far, with this one
    steps: int
    evaluations: int
    """Evaluations of the loss so far; a Hessian-vector product counts as one, so there
    are more than steps with Newton-CG only."""
    read_losses: Callable[[], Mapping[str, float]]  # waits for the device
    level: int = 1  # of the sizes that the frame is painted in; 1 is the smallest
    levels: int = 1  # how many there are; losses at different sizes do not compare
    work: float = 1.0  # the step's time by that of one at the frame's own size, about
    work_left: float | None = None  # at most; None: as many as steps are left
    begins_shot: bool = False  # it is a clip's frame that follows none: more work
    picture: Callable[[], Frame] | None = None
    """Makes it as it is now, until the next step; waits for the device. None: nobody
    can here."""

    @property
    def losses(self) -> Mapping[str, float]:
        """Each term, weighted, by name: content, style, tv, temporal, range."""
        return self.read_losses()

    @property
    def loss(self) -> float:
        """The weighted sum."""
        return sum(self.losses.values())

    @property
    def own_loss(self) -> float:
        """The loss without what holds the frame to the one before."""
        return self.loss - self.losses.get("temporal", 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that a user should know while the work goes on."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The work that lies ahead, as far as it is known."""

    height: int  # of the result, in pixels
    width: int
    frames: int | None  # how many are to be painted; None: not known yet
    done: int = 0  # how many of them an earlier run has painted
    begun: int = 0  # and of how many more it has stored how far they were
    next_steps: int = 1  # that a frame which follows another will probably take
    frame_work: float = 0.0  # all else that a frame needs, in steps of as much time
    unit: str = "frame"
    work: str = "painting"
    newest: Path | None = None  # the file that always holds the newest frame


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReport:
    """One frame is finished and stored."""

    frame: int  # index in the source
    steps: int = 0
    frames_known: int  # that were read: at least so many are to be painted
    all_known: bool = True
    shots_known: int = 1  # shots that begin among the frames that have been read


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """How far a network's weights have come."""

    name: str
    done: int
    total: int  # in bytes, like done; 0: not known


# What a run tells its subscribers: a bar, a log, the evolution.
Event = Notice | Download | Plan | StepReport | FrameReport
Listener = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Be the listener of those who do not listen."""
