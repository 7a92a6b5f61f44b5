"""Data types passed between stages: pure data, with derived properties at most."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

StrPath = str | os.PathLike[str]  # accepted by the public API wherever a path is
Frame = npt.NDArray[np.uint8]  # one picture: uint8 (H, W, 3), RGB, [0, 255]
# Displacement of each pixel: float32 (H, W, 2), in pixels; x to the right, y down.
FlowField = npt.NDArray[np.float32]
# Reliability of a flow: float32 (H, W) in [0, 1], 1 = trusted.
Consistency = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream of a file."""

    index: int  # 0-based stream index
    kind: str  # ffmpeg's media type: video, audio, subtitle, data or attachment
    codec: str
    name: str = ""  # the codec tag, such as avc1, or else the codec
    language: str | None = None  # three letters; None: untagged
    is_default: bool = False  # has the default disposition
    is_cover: bool = False  # an attached picture (cover art)
    start_s: float = 0.0  # start time in seconds, relative to the file's start


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorInfo:
    """The color space of a stream, in ffmpeg's terms."""

    range: str  # tv: limited, 16 to 235 in 8 bits; pc: full, 0 to 255
    matrix: str  # such as bt709; gbr: RGB
    primaries: str
    transfer: str  # transfer curve; smpte2084 is PQ, arib-std-b67 HLG
    bit_depth: int  # per channel
    assumed: tuple[str, ...] = ()  # names of the fields that are untagged in the file


class Bars(NamedTuple):
    """Black bars along a clip's borders, in rows and columns."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


NO_BARS = Bars()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """Metadata of a clip, as probed before any frame is read.

    Names of codecs, formats and containers are ffmpeg's.
    """

    path: Path
    kind: Literal["video", "folder"]  # a file (including GIF), or an image sequence
    height: int  # as displayed, like width: rotation by metadata is already applied
    width: int
    fps: Fraction  # nominal rate; frames carry exact timestamps
    frame_count: int | None  # a hint: damage may leave fewer; None: unknown
    duration_s: float | None  # according to the container; None: unknown
    rotation: int  # in degrees, applied when reading: 0, 90, 180 or 270
    codec: str  # such as h264
    pixel_format: str  # such as yuv420p
    container: str = ""  # such as matroska,webm; empty for a folder
    file_start_s: float = 0.0  # start time of the file's first stream
    start_s: float = 0.0  # timestamp of the first frame, relative to file_start_s
    tags: tuple[str, ...] = ()  # names of the metadata tags of the file and its streams
    date: str | None = None  # creation date, as tagged
    normalizing: tuple[str, ...] = ()  # reasons why ffmpeg decodes instead of OpenCV
    streams: tuple[StreamInfo, ...] = ()  # empty for a folder
    stream_index: int = 0
    color: ColorInfo | None = None  # None for a folder: pictures are converted to sRGB
    stored_shape: tuple[int, int] = (0, 0)  # height and width as coded; not of a folder
    crop: tuple[int, int] = (0, 0)  # rows and columns that metadata crops from these
    is_turned: bool = False  # rotated or mirrored by metadata
    pixel_aspect: Fraction = Fraction(1)  # width over height of a stored pixel
    fields: str = "progressive"
    """Or ``interlaced``; ``mixed``: may be interlaced anywhere; ``separate``: each
    frame is a single field; ``unknown``: not signaled."""
    has_alpha: bool = False  # has an alpha channel; frames are composited
    has_times: bool = True  # frames have timestamps; otherwise fps is assumed
    chapters: int = 0
    missing_numbers: int = 0  # gaps in the numbering of a folder's pictures
    background: str | None = None  # behind transparent pixels: #rrggbb; None: white
    bars: Bars = NO_BARS  # cropped from frames, but included in height and width

    @property
    def needs_normalizing(self) -> bool:
        """Whether ffmpeg has to decode it, since OpenCV would misread it."""
        return bool(self.normalizing)

    @property
    def has_audio(self) -> bool:
        return bool(self.of_kind("audio"))

    def of_kind(self, kind: str) -> list[StreamInfo]:
        """List the streams of a kind, such as audio, in file order."""
        return [stream for stream in self.streams if stream.kind == kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFrame:
    """One frame of a clip, with its index and timestamp."""

    index: int  # 0-based, counted as read
    time_s: float  # presentation time in seconds, relative to the file's start
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Motion between two frames, defined on the later one."""

    flow_backward: FlowField  # from the later to the earlier frame: warps the earlier
    consistency: Consistency

    @property
    def trusted_share(self) -> float:
        """Mean consistency: 1 if every pixel is found again in the earlier frame."""
        return float(self.consistency.mean())


@dataclass(frozen=True, slots=True)
class Paint:
    """The history of each pixel of a stylized frame, as paint is warped along."""

    age: npt.NDArray[np.uint8]  # (H, W), frames since it was optimized, up to a limit
    scene: Frame  # the source's pixels at the time when it was optimized
    loss: float = math.nan  # own_loss of the finished frame; nan: unknown
    goal: float = math.nan  # own_loss at which a later key frame is done; nan: none


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One optimization step of one frame."""

    frame: int  # index of the frame in the source; 0 for a still picture
    step: int  # 1-based number of this update
    steps: int
    evaluations: int
    """Loss evaluations so far, including Hessian-vector products; exceeds ``step`` with
    Newton-CG only."""
    read_losses: Callable[[], Mapping[str, float]]  # synchronizes with the device
    level: int = 1  # 1-based level of the size pyramid, the coarsest first
    levels: int = 1  # losses at different levels are not comparable
    work: float = 1.0  # approximate cost, relative to a step at the frame's full size
    work_left: float | None = None  # upper bound; None: the number of steps left
    begins_shot: bool = False  # first frame of a clip's shot, which takes more work
    picture: Callable[[], Frame] | None = None
    """Returns the current picture, valid until the next step; synchronizes with the
    device. None: not available."""

    @property
    def losses(self) -> Mapping[str, float]:
        """The weighted terms by name: content, style, tv, temporal, range."""
        return self.read_losses()

    @property
    def loss(self) -> float:
        return sum(self.losses.values())

    @property
    def own_loss(self) -> float:
        """The total without the temporal term."""
        return self.loss - self.losses.get("temporal", 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message to the user during a run."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The work ahead, as far as it is known."""

    height: int  # of the result, in pixels
    width: int
    frames: int | None  # total number to stylize; None: not known yet
    done: int = 0  # number that an earlier run has stylized
    begun: int = 0  # number of others whose intermediate state it has stored
    next_steps: int = 1  # expected number of steps of a later frame of a shot
    frame_work: float = 0.0  # per-frame overhead, in steps of the same duration
    unit: str = "frame"
    work: str = "painting"
    newest: Path | None = None  # file that always holds the latest frame


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReport:
    """A frame has been finished and stored."""

    frame: int  # index in the source
    steps: int = 0
    frames_known: int  # number of frames read so far
    all_known: bool = True  # the whole clip has been read
    shots_known: int = 1  # number of shots that start in the frames read so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Progress of a download."""

    name: str
    done: int
    total: int  # in bytes, like done; 0: unknown


Event = Notice | Download | Plan | StepReport | FrameReport
Listener = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Listen to nothing."""
