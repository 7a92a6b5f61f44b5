"""The sample clip: a cat, a cup that floats past it, a cut, an astronaut; with bells.

The camera is a window that moves over a photograph; the cup is cut out of its own.
"""

import math
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from recipes.photos import Frame

HEIGHT, WIDTH = 180, 320
FPS = 24
FRAMES = 48
CUT = 25
"""The first frame of the second shot."""
SAMPLE_RATE = 48_000
OVERSIZE = 3
COLORS = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,"
    "format=yuv420p,setparams=colorspace=bt709:color_primaries=bt709:"
    "color_trc=bt709:range=tv"
)
"""Without the tags a reader would have to guess the matrix."""


@dataclass(frozen=True)
class View:
    """Where the camera looks: the middle and the width of its window, the turn."""

    x: float
    y: float
    width: float
    degrees: float = 0.0

    def toward(self, other: "View", share: float) -> "View":
        """Move on the way to another view; 0 is here, 1 is there."""
        ease = 0.5 * share + 0.5 * share * share * (3 - 2 * share)
        return View(
            *(
                start + (stop - start) * ease
                for start, stop in (
                    (self.x, other.x),
                    (self.y, other.y),
                    (self.width, other.width),
                    (self.degrees, other.degrees),
                )
            )
        )


CAT = (View(222, 172, 408), View(240, 166, 366, -2.0))
ASTRONAUT = (View(276, 138, 444), View(222, 122, 384, 1.5))
CUP = (View(296, 128, 100, 14), View(84, 118, 108, -16))
"""The cup's middle, width and turn within the frame."""


def film(cat: Frame, cup: Frame, astronaut: Frame) -> Iterator[Frame]:
    """Give the clip's frames one after the other, RGB."""
    cutout = cut_out_cup(cup)
    for index in range(FRAMES):
        if index < CUT:
            share = index / (CUT - 1)
            frame = look(cat, CAT[0].toward(CAT[1], share))
            place = CUP[0].toward(CUP[1], share)
            frame = put(frame, cutout, place, bob=6 * math.sin(2.6 * math.pi * share))
        else:
            share = (index - CUT) / (FRAMES - 1 - CUT)
            frame = look(astronaut, ASTRONAUT[0].toward(ASTRONAUT[1], share))
        small = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        yield np.clip(small, 0, 255).round().astype(np.uint8)


def look(photo: Frame, view: View) -> npt.NDArray[np.float32]:
    """Show what the camera sees, ``OVERSIZE`` times too large."""
    zoom = WIDTH * OVERSIZE / view.width
    turn = cv2.getRotationMatrix2D((view.x, view.y), view.degrees, zoom)
    turn[:, 2] += (WIDTH * OVERSIZE / 2 - view.x, HEIGHT * OVERSIZE / 2 - view.y)
    large = (WIDTH * OVERSIZE, HEIGHT * OVERSIZE)
    return cv2.warpAffine(
        photo.astype(np.float32),
        turn,
        large,
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )


def cut_out_cup(photo: Frame) -> npt.NDArray[np.float32]:
    """Cut cup and saucer out along their outline: (H, W, 4), soft at the rim."""
    mask = np.zeros(photo.shape[:2], np.uint8)
    for middle, axes, degrees in (
        ((277, 225), (199, 159), 6),
        ((290, 113), (115, 94), 3),
    ):
        cv2.ellipse(mask, middle, axes, degrees, 0, 360, 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.6).astype(np.float32) / 255
    return np.dstack([photo.astype(np.float32), soft])


def put(
    frame: npt.NDArray[np.float32],
    cutout: npt.NDArray[np.float32],
    place: View,
    *,
    bob: float,
) -> npt.NDArray[np.float32]:
    """Put the cup in front of the frame."""
    middle = (277.0, 205.0)
    zoom = place.width * OVERSIZE / 400
    turn = cv2.getRotationMatrix2D(middle, place.degrees, zoom)
    turn[:, 2] += (
        place.x * OVERSIZE - middle[0],
        (place.y + bob) * OVERSIZE - middle[1],
    )
    large = (WIDTH * OVERSIZE, HEIGHT * OVERSIZE)
    moved = cv2.warpAffine(cutout, turn, large, flags=cv2.INTER_AREA)
    alpha = moved[..., 3:]
    return frame * (1 - alpha) + moved[..., :3] * alpha


def ring() -> npt.NDArray[np.int16]:
    """Synthesise the sound, (samples, 2): small bells, and a new chord at the cut."""
    cut = CUT / FPS
    notes = [(0.0, 57), (0.0, 64), (0.26, 69), (0.52, 71), (0.78, 72)]
    notes += [(cut, 53), (cut, 65), (cut + 0.02, 72), (cut + 0.04, 76)]
    notes += [(cut + 0.26, 79), (cut + 0.52, 77), (cut + 0.74, 84)]
    time = np.arange(round(SAMPLE_RATE * FRAMES / FPS)) / SAMPLE_RATE
    sound = np.zeros((len(time), 2))
    for number, (start, pitch) in enumerate(notes):
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        t = np.clip(time - start, 0, None)
        tone = sum(
            loud * np.exp(-t * fade) * np.sin(2 * np.pi * frequency * partial * t)
            for partial, loud, fade in (
                (1.0, 1.0, 2.6),
                (2.0, 0.45, 4.0),
                (3.01, 0.18, 7.0),
                (5.43, 0.08, 14.0),
            )
        )
        attack = np.clip(t / 0.006, 0, 1)
        pan = 0.5 + 0.3 * math.sin(2.4 * number)
        sound += (tone * attack)[:, None] * np.array([1 - pan, pan])
    fade_out = np.clip((time[-1] - time) / 0.12, 0, 1)[:, None]
    sound *= fade_out * 0.75 / np.abs(sound).max()
    return (sound * 32767).round().astype("<i2")


def write_clip(path: Path, cat: Frame, cup: Frame, astronaut: Frame) -> None:
    """Write the clip as H.264 and AAC; the same bytes each time."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(ring().tobytes())
        pixels = b"".join(frame.tobytes() for frame in film(cat, cup, astronaut))
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
        command += ["-r", str(FPS), "-i", "-", "-i", str(sound)]
        command += ["-c:v", "libx264", "-preset", "slow", "-crf", "17"]
        command += ["-vf", COLORS, "-threads", "1"]
        command += ["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart"]
        command += ["-fflags", "+bitexact", "-flags:v", "+bitexact"]
        command += ["-flags:a", "+bitexact", "-map_metadata", "-1", str(path)]
        subprocess.run(command, input=pixels, check=True)  # noqa: S603
