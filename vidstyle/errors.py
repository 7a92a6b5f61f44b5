"""Exceptions that a user can cause, and their exit codes.

The library raises them with one sentence that says what failed, on which value, and
what to do next; only ``vidstyle.cli`` turns them into output and an exit code.

VidstyleError
├── InputError (3)            an input or a setting cannot be used
│   ├── ConfigError           a setting is out of range, or settings conflict
│   ├── ImageOpenError        a picture cannot be read
│   ├── VideoOpenError        a clip cannot be read
│   └── DependencyError       a required library or program is missing
├── WeightsError (4)          a network's weights are missing, damaged or do not match
├── OptimizationError (5)     the optimization cannot continue
│   └── DeviceMemoryError     the device has too little memory
├── OutputError (6)           a result cannot be written
│   └── VideoWriteError       ffmpeg could not write the video or the GIF
└── WorkDirError (7)          the work directory is unusable, or another run's
"""

from typing import ClassVar, Final

# A note that is added to an exception if the work of the run is kept.
RESUMES: Final = "run the same command again to resume"
PACKAGES: Final = {"cv2", "torch", "torchvision", "numpy", "imageio_ffmpeg"}
# By the text of the ImportError: name, and packages in Debian and Fedora.
SYSTEM_LIBRARIES: Final = {
    "libGL": ("libGL", "libgl1", "mesa-libGL"),
    "libgthread": ("GLib", "libglib2.0-0", "glib2"),
    "libglib": ("GLib", "libglib2.0-0", "glib2"),
}


class VidstyleError(Exception):
    """Base class of all errors that vidstyle reports."""

    exit_code: ClassVar[int] = 1


class InputError(VidstyleError):
    """An input or a setting cannot be used."""

    exit_code = 3


class ConfigError(InputError):
    """A setting is out of range, or two settings conflict."""


class ImageOpenError(InputError):
    """A picture cannot be read."""


class VideoOpenError(InputError):
    """A clip cannot be read."""


class DependencyError(InputError):
    """A required library or program is missing."""


class WeightsError(VidstyleError):
    """A network's weights are missing, damaged, or do not match it."""

    exit_code = 4


class OptimizationError(VidstyleError):
    """The optimization cannot continue."""

    exit_code = 5


class DeviceMemoryError(OptimizationError):
    """The device has too little memory for this size or batch."""


class OutputError(VidstyleError):
    """A result cannot be written."""

    exit_code = 6


class VideoWriteError(OutputError):
    """Ffmpeg could not write the video or the GIF."""


class WorkDirError(VidstyleError):
    """The work directory is unusable, or belongs to another run."""

    exit_code = 7


def counted(number: int, noun: str) -> str:
    """Format a number for a message: 1 frame, 2 frames."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def dependency_error(err: ImportError) -> DependencyError | None:
    """Convert a failed import of a dependency to an error that says what to install.

    None: the module is not a dependency, so this is a bug.
    """
    for word, (name, debian, fedora) in SYSTEM_LIBRARIES.items():
        if word in str(err):
            return DependencyError(
                f"OpenCV needs the system library {name}; install it (Debian, Ubuntu: "
                f"apt-get install {debian}; Fedora: dnf install {fedora})."
            )
    if "failed to map segment" in str(err):
        return DependencyError(f"not enough memory to load the program ({err}).")
    if err.name not in PACKAGES:
        return None
    return DependencyError(
        f"cannot load the Python package {err.name} ({err}); "
        "reinstall vidstyle with pip."
    )
