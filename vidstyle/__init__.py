"""Turn a video into a painting that moves.

``Stylizer`` paints arrays; ``stylize_video``, ``stylize_image``, ``stylize_album`` and
``preview_video`` go from file to file; ``video_status`` and ``finish_video`` look at an
unfinished run. ``VideoConfig``, ``StyleConfig``,
``AlbumConfig``, ``EncodingConfig`` and ``EvolutionConfig`` say how; a listener is told
what goes on, as the records that make up ``Event``; whatever a user can cause is a
``VidstyleError``.

Names are loaded when they are first used, so that importing vidstyle, as its command
line does, does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vidstyle.clip.pipeline import VideoResult, stylize_video
    from vidstyle.clip.preview import preview_video
    from vidstyle.clip.unfinished import VideoStatus, finish_video, video_status
    from vidstyle.config import (
        AlbumConfig,
        EncodingConfig,
        EvolutionConfig,
        LayerWeight,
        Region,
        StyleConfig,
        VideoConfig,
    )
    from vidstyle.errors import (
        ConfigError,
        DependencyError,
        DeviceMemoryError,
        ImageOpenError,
        InputError,
        OptimizationError,
        OutputError,
        VideoOpenError,
        VideoWriteError,
        VidstyleError,
        WeightsError,
        WorkDirError,
    )
    from vidstyle.records import (
        Download,
        Event,
        FrameReport,
        Listener,
        Notice,
        Plan,
        StepReport,
    )
    from vidstyle.stylize.album import AlbumResult, stylize_album
    from vidstyle.stylize.image import stylize_image
    from vidstyle.stylize.stylizer import Stylizer

    __version__: str

__all__ = [
    "AlbumConfig",
    "AlbumResult",
    "ConfigError",
    "DependencyError",
    "DeviceMemoryError",
    "Download",
    "EncodingConfig",
    "Event",
    "EvolutionConfig",
    "FrameReport",
    "ImageOpenError",
    "InputError",
    "LayerWeight",
    "Listener",
    "Notice",
    "OptimizationError",
    "OutputError",
    "Plan",
    "Region",
    "StepReport",
    "StyleConfig",
    "Stylizer",
    "VideoConfig",
    "VideoOpenError",
    "VideoResult",
    "VideoStatus",
    "VideoWriteError",
    "VidstyleError",
    "WeightsError",
    "WorkDirError",
    "__version__",
    "finish_video",
    "preview_video",
    "stylize_album",
    "stylize_image",
    "stylize_video",
    "video_status",
]

_HOMES: Final = (
    "config",
    "errors",
    "records",
    "clip.unfinished",
    "stylize.stylizer",
    "stylize.image",
    "clip.pipeline",
    "clip.preview",
    "stylize.album",
)
"""The modules that have the public names; those that need torch come last."""


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("vidstyle")
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"vidstyle.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
