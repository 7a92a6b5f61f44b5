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

StrPath = str | os.PathLike[str]
"""Where a path is taken."""

Frame = npt.NDArray[np.uint8]
"""One picture: uint8 (H, W, 3), RGB, [0, 255]."""

FlowField = npt.NDArray[np.float32]
"""Motion of each pixel: float32 (H, W, 2), pixels, x to the right then y downwards."""

Consistency = npt.NDArray[np.float32]
"""How far to trust a flow: float32 (H, W) in [0, 1], 1 = trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream of a file."""

    index: int
    """Its number in the file, from 0."""
    kind: str
    """As ffmpeg says it: video, audio, subtitle, data or attachment."""
    codec: str
    name: str = ""
    """As the file calls it, such as ``avc1``, or else the codec."""
    language: str | None = None
    """Three letters; None: not said."""
    is_default: bool = False
    """Whether the file says to play it unless told otherwise."""
    is_cover: bool = False
    """Whether it is a still picture on the file's box."""
    start_s: float = 0.0
    """When it begins, in seconds after the file's own start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorInfo:
    """How the numbers of a stream stand for colors; ffmpeg's words."""

    range: str
    """``tv``: black is 16 and white 235 (in 8 bits); ``pc``: 0 and 255."""
    matrix: str
    """Such as ``bt709``; ``gbr``: none, the channels are R, G and B."""
    primaries: str
    transfer: str
    """The curve from light to numbers: ``smpte2084`` is PQ, ``arib-std-b67`` HLG."""
    bit_depth: int
    """Bits a channel."""
    assumed: tuple[str, ...] = ()
    """Which of these the file does not say."""


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
    kind: Literal["video", "folder"]
    """A file that OpenCV opens (videos, animated GIFs), or numbered pictures."""
    height: int
    """As displayed, like ``width``: rotation by metadata is already applied."""
    width: int
    fps: Fraction
    """Nominal rate; the exact time of each frame comes with the frame."""
    frame_count: int | None
    """The stored frames, of an AVI what it promises: a hint, since damage may make
    fewer. None: unknown."""
    duration_s: float | None
    """What the container promises, in seconds. None: unknown."""
    rotation: int
    """Degrees that reading applies: 0, 90, 180 or 270."""
    codec: str
    """Such as ``h264``."""
    pixel_format: str
    """Such as ``yuv420p``."""
    has_audio: bool
    container: str = ""
    """Such as ``matroska,webm``; empty for a folder."""
    file_start_s: float = 0.0
    """When the file's first stream begins, on its own clock."""
    start_s: float = 0.0
    """When the first frame is shown, in seconds after the file's own start."""
    tags: tuple[str, ...] = ()
    """Names of what the file says of itself and its streams, such as ``title``."""
    date: str | None = None
    """When it was made, as the file says it."""
    color_tags: str = ""
    """Such as ``tv, bt709, progressive``; empty: untagged."""
    audio_codecs: tuple[str, ...] = ()
    """In the file's order, like ``subtitle_codecs`` and ``streams``."""
    subtitle_codecs: tuple[str, ...] = ()
    normalizing: tuple[str, ...] = ()
    """Why ffmpeg has to decode it, since OpenCV misreads it; empty: it need not."""
    streams: tuple[StreamInfo, ...] = ()
    """Empty for a folder."""
    stream_index: int = 0
    color: ColorInfo | None = None
    """None for a folder: pictures are taken as sRGB."""
    stored_shape: tuple[int, int] = (0, 0)
    """Height and width in the file; of a folder, none."""
    pixel_aspect: Fraction = Fraction(1)
    """Width over height of a stored pixel; frames are read with square ones."""
    fields: str = "progressive"
    """``interlaced`` frames show two moments, ``mixed`` ones may, now or later, and
    each of ``separate`` ones is one field; ``unknown``: the file does not say."""
    has_alpha: bool = False
    """Whether it may be transparent; frames are read over ``background``."""
    has_times: bool = True
    """Whether its frames have times of their own; otherwise ``fps`` is assumed."""
    chapters: int = 0
    missing_numbers: int = 0
    """Of a folder: how many numbers between its first and last picture have none."""
    background: str | None = None
    """What lies behind transparent pixels, as ``#rrggbb``. None: as pictures have it,
    white."""
    bars: Bars = NO_BARS
    """Frames are read without them; height and width are with them."""

    @property
    def needs_normalizing(self) -> bool:
        """Whether OpenCV is known to misread it, so that ffmpeg decodes it first."""
        return bool(self.normalizing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFrame:
    """One frame of a clip with its place and its time."""

    index: int
    """0-based number in the source, counted as read."""
    time_s: float
    """When it is shown, in seconds after the file's own start."""
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How the content moved from one frame to the next, seen from the later frame."""

    flow_backward: FlowField
    """From the later frame to the earlier: warps the earlier onto the later."""
    consistency: Consistency

    @property
    def trusted_share(self) -> float:
        """Mean consistency: 1 where every pixel of the earlier frame is found again."""
        return float(self.consistency.mean())


@dataclass(frozen=True, slots=True)
class Paint:
    """What is known of the paint on a stylized frame."""

    age: npt.NDArray[np.uint8]
    """(H, W), for how many frames it has been there; counted up to a limit."""
    scene: Frame
    """(H, W, 3), what the source showed at each place when the paint was made."""
    loss: float = math.nan
    """``own_loss`` that frames after this one are held to; nan: none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One step of one frame's optimisation."""

    frame: int
    """Index of the frame in the source; 0 for a still picture."""
    step: int
    """1-based: the number of updates of the pixels so far, with this one."""
    steps: int
    evaluations: int
    """Of the loss, so far; a Hessian-vector product counts as one, so more than steps
    with Newton-CG only."""
    read_losses: Callable[[], Mapping[str, float]]
    """Waits for the device: what nobody looks at is never read."""
    level: int = 1
    """Which of the sizes that the frame is painted in, from 1, the smallest."""
    levels: int = 1
    """How many there are. Losses at different sizes do not compare."""
    work: float = 1.0
    """The step's pixels as a share of those of the frame's own size."""
    work_left: float | None = None
    """At most, in steps at the frame's own size. None: as many as steps are left."""
    begins_shot: bool = False
    """Whether it is a clip's frame that follows none, and so takes more work."""

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

    height: int
    """Of the result, in pixels."""
    width: int
    frames: int | None
    """How many are to be painted. None: not known yet."""
    done: int = 0
    """How many of them an earlier run has painted."""
    next_steps: int = 1
    """How many steps a frame that follows another will probably take."""
    unit: str = "frame"
    work: str = "painting"
    newest: Path | None = None
    """The file that will always hold the newest frame, to look at meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReport:
    """One frame is finished and stored."""

    frame: int
    """Index in the source."""
    steps: int = 0
    frames_known: int
    """Frames that have been read so far, so at least this many are to be painted."""
    all_known: bool = True
    shots_known: int = 1
    """Shots that begin among the frames that have been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """How far a network's weights have come."""

    name: str
    done: int
    total: int
    """In bytes, like ``done``; 0: not known."""


Event = Notice | Download | Plan | StepReport | FrameReport
"""What a run tells its subscribers: a bar, a log, the evolution."""

Listener = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Be the listener of those who do not listen."""
