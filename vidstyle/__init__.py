"""Neural style transfer for video.

``Stylizer`` works on arrays; ``stylize_video``, ``stylize_image``, ``stylize_album``
and ``preview_video`` on files; ``video_status`` and ``finish_video`` on an unfinished
run. The settings are ``VideoConfig``, ``StyleConfig``, ``AlbumConfig``,
``EncodingConfig`` and ``EvolutionConfig``. Progress is reported to a ``Listener`` as
``Event`` records; every error that a user can cause is a ``VidstyleError``.

Names are imported on first use, so that importing vidstyle, as the command line does,
does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vidstyle.clip.pipeline import VideoResult as VideoResult
    from vidstyle.clip.pipeline import stylize_video as stylize_video
    from vidstyle.clip.preview import preview_video as preview_video
    from vidstyle.clip.unfinished import VideoStatus as VideoStatus
    from vidstyle.clip.unfinished import finish_video as finish_video
    from vidstyle.clip.unfinished import video_status as video_status
    from vidstyle.config import AlbumConfig as AlbumConfig
    from vidstyle.config import EncodingConfig as EncodingConfig
    from vidstyle.config import EvolutionConfig as EvolutionConfig
    from vidstyle.config import LayerWeight as LayerWeight
    from vidstyle.config import Region as Region
    from vidstyle.config import StyleConfig as StyleConfig
    from vidstyle.config import VideoConfig as VideoConfig
    from vidstyle.errors import ConfigError as ConfigError
    from vidstyle.errors import DependencyError as DependencyError
    from vidstyle.errors import DeviceMemoryError as DeviceMemoryError
    from vidstyle.errors import ImageOpenError as ImageOpenError
    from vidstyle.errors import InputError as InputError
    from vidstyle.errors import OptimizationError as OptimizationError
    from vidstyle.errors import OutputError as OutputError
    from vidstyle.errors import VideoOpenError as VideoOpenError
    from vidstyle.errors import VideoWriteError as VideoWriteError
    from vidstyle.errors import VidstyleError as VidstyleError
    from vidstyle.errors import WeightsError as WeightsError
    from vidstyle.errors import WorkDirError as WorkDirError
    from vidstyle.records import Download as Download
    from vidstyle.records import Event as Event
    from vidstyle.records import FrameReport as FrameReport
    from vidstyle.records import Listener as Listener
    from vidstyle.records import Notice as Notice
    from vidstyle.records import Plan as Plan
    from vidstyle.records import StepReport as StepReport
    from vidstyle.stylize import Stylizer as Stylizer
    from vidstyle.stylize.album import AlbumResult as AlbumResult
    from vidstyle.stylize.album import stylize_album as stylize_album
    from vidstyle.stylize.image import stylize_image as stylize_image

    __version__: str

_NAMES: Final = {
    "clip.pipeline": "VideoResult stylize_video",
    "clip.preview": "preview_video",
    "clip.unfinished": "VideoStatus finish_video video_status",
    "config": (
        "AlbumConfig EncodingConfig EvolutionConfig LayerWeight Region "
        "StyleConfig VideoConfig"
    ),
    "errors": (
        "ConfigError DependencyError DeviceMemoryError ImageOpenError "
        "InputError OptimizationError OutputError VideoOpenError "
        "VideoWriteError VidstyleError WeightsError WorkDirError"
    ),
    "records": "Download Event FrameReport Listener Notice Plan StepReport",
    "stylize.album": "AlbumResult stylize_album",
    "stylize.image": "stylize_image",
    "stylize": "Stylizer",
}
"""The public names, by module."""
_HOMES: Final = {
    name: module for module, names in _NAMES.items() for name in names.split()
}
__all__ = sorted(["__version__", *_HOMES])  # noqa: PLE0605


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("vidstyle")
    if name in _HOMES:
        return getattr(import_module(f"vidstyle.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
