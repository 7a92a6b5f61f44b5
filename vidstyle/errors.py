"""The exceptions that a user can cause, and the exit code of each.

The library raises them with one sentence that says what failed, on which value,
and what to do next; only ``vidstyle.cli`` turns them into text and an exit code.

VidstyleError
├── InputError (3)            something that the user gave cannot be used
│   ├── ConfigError           a setting is outside its range, or settings disagree
│   ├── ImageOpenError        a picture cannot be read
│   ├── VideoOpenError        a clip cannot be read
│   └── DependencyError       a library or program that we stand on is not there
├── WeightsError (4)          a network's weights are missing, damaged or not its own
├── OptimizationError (5)     the optimisation cannot go on
│   └── DeviceMemoryError     the device has too little memory for this size
├── OutputError (6)           a result cannot be written
│   └── VideoWriteError       ffmpeg could not write the video or the GIF
└── WorkDirError (7)          the work directory is not usable, or holds other work
"""

from typing import ClassVar, Final

# Noted on whatever stops a run that has kept something.
RESUMES: Final = "run the same command again to resume"
PACKAGES: Final = {"cv2", "torch", "torchvision", "numpy", "imageio_ffmpeg"}
# By what an ImportError says: their names, and their packages in Debian and Fedora.
SYSTEM_LIBRARIES: Final = {
    "libGL": ("libGL", "libgl1", "mesa-libGL"),
    "libgthread": ("GLib", "libglib2.0-0", "glib2"),
    "libglib": ("GLib", "libglib2.0-0", "glib2"),
}


class VidstyleError(Exception):
    """Anything that vidstyle itself reports as an error."""

    exit_code: ClassVar[int] = 1


class InputError(VidstyleError):
    """Something that the user gave cannot be used."""

    exit_code = 3


class ConfigError(InputError):
    """A setting is outside its range, or two settings disagree."""


class ImageOpenError(InputError):
    """A picture cannot be read."""


class VideoOpenError(InputError):
    """A clip cannot be read."""


class DependencyError(InputError):
    """A library or a program that vidstyle stands on is not there."""


class WeightsError(VidstyleError):
    """A network's weights are missing, damaged, or another network's."""

    exit_code = 4


class OptimizationError(VidstyleError):
    """The optimisation cannot go on."""

    exit_code = 5


class DeviceMemoryError(OptimizationError):
    """The device has too little memory for this size or batch."""


class OutputError(VidstyleError):
    """A result cannot be written."""

    exit_code = 6


class VideoWriteError(OutputError):
    """Ffmpeg could not write the video or the GIF."""


class WorkDirError(VidstyleError):
    """The work directory is not usable, or holds the work of another run."""

    exit_code = 7


def dependency_error(err: ImportError) -> DependencyError | None:
    """Name what to install where a library that we stand on cannot be loaded.

    None: it is none of those, so something is wrong with us.
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
