"""What a run tells before the work: what becomes what, and what will be missing."""

from pathlib import Path

from vidstyle.clip.reader import expected_span
from vidstyle.clip.regions import RegionPasses
from vidstyle.clip.results import cut_shape, result_shape
from vidstyle.config import EncodingConfig, VideoConfig
from vidstyle.records import Listener, Notice, Plan, VideoInfo
from vidstyle.video.codecs import codec_for, container_of, find_hardware, why_software
from vidstyle.video.mux import dropped_data, unsupported_streams
from vidstyle.video.write import MOST_FPS

FRAME_WORK = 1.5
"""Steps that take as long as a frame's motion and files; measured on a CPU."""


def tell_plan(
    info: VideoInfo, output: Path, config: VideoConfig, listener: Listener
) -> tuple[int, int]:
    """Report what will be made, and what of the clip the result cannot hold.

    Returns:
        The height and width of the result.
    """
    shape = result_shape(info, config)
    height, width = cut_shape(output, config.encoding, shape)
    tell_summary(info, config, f"{width}x{height}", listener)
    if any(info.bars):
        text = "black bars around the picture stay as they are"
        listener(Notice(text=text))
    if info.needs_normalizing:
        listener(Notice(text=f"decoded by ffmpeg: {'; '.join(info.normalizing)}"))
    for text in left_behind(info, output, config.encoding):
        listener(Notice(text=text, is_warning=True))
    for notice in (
        cut_notice(output, config.encoding, shape),
        data_notice(info, output),
        hardware_notice(output, config.encoding, shape),
    ):
        if notice is not None:
            listener(notice)
    return height, width


def summary(info: VideoInfo, config: VideoConfig) -> str:
    """Summarize the clip in a line."""
    taken, there = expected_frames(info, config), info.frame_count
    facts = [f"{info.width}x{info.height}", f"{float(info.fps):.4g} fps"]
    if taken is not None:
        of = "" if there in {None, taken} else f"of {there} "
        facts = [f"{taken} {of}frames", *facts]
    if info.has_audio:
        facts.append("with sound")
    return f"{info.path.name or info.path}: {', '.join(facts)}"


def tell_summary(
    info: VideoInfo, config: VideoConfig, result: str, listener: Listener
) -> None:
    """Report what becomes what, and warn of paintings after the clip's end."""
    listener(Notice(text=f"{summary(info, config)} -> {result}"))
    end_s = info.duration_s
    for time_s in config.style_at:
        if end_s is not None and time_s > end_s:
            text = f"style-at {time_s:g}: the clip ends at {end_s:.2f} s, before that "
            listener(Notice(text=f"{text}painting is alone", is_warning=True))


def announce(passes: RegionPasses, shape: tuple[int, int]) -> None:
    """Report the plan, and what an earlier run has done of it."""
    masks, stores, config = passes.masks, passes.stores, passes.masks.config
    if damaged := sum(store.drop_damaged() for store in stores):
        text = f"frames that are damaged, and painted again: {damaged}"
        passes.listener(Notice(text=text, is_warning=True))
    done = sum(len(store.painted()) for store in stores)
    if done:
        text = f"going on in {masks.store.work_dir}: {done} frames are painted"
        passes.listener(Notice(text=text))
    frames = expected_frames(masks.reader.info, config)
    passes.listener(
        Plan(
            height=shape[0],
            width=shape[1],
            frames=None if frames is None else frames * len(stores) + config.loop,
            done=done,
            next_steps=config.expected_next_steps,
            frame_work=FRAME_WORK,
            newest=stores[0].newest if len(stores) == 1 else None,
        )
    )


def expected_frames(info: VideoInfo, config: VideoConfig) -> int | None:
    """Guess how many frames will be painted, from what the container promises.

    Returns:
        For display only. None: it promises nothing.
    """
    start, stop = expected_span(info, config)
    return None if stop is None else max(0, stop - start)


def left_behind(info: VideoInfo, output: Path, encoding: EncodingConfig) -> list[str]:
    """List what of a clip a result cannot hold as it is."""
    told = []
    others = [each for each in info.streams if each.kind == "video"]
    others = [e for e in others if not e.is_cover and e.index != info.stream_index]
    if others:
        told.append(
            f"{info.path} has {len(others) + 1} video streams; number "
            f"{info.stream_index} is painted, the others are left out."
        )
    if encoding.keep_alpha and not info.has_alpha:
        told.append(f"{info.path} has no transparency that could be kept.")
    if not output.suffix:
        return told
    container = container_of(output)
    if container != "gif":
        return [*unsupported_streams(info, container), *told]
    if info.fps <= MOST_FPS:
        return []
    return [
        f"a .gif shows at most {MOST_FPS} frames a second: some of the "
        f"{float(info.fps):.4g} are left out."
    ]


def data_notice(info: VideoInfo, output: Path) -> Notice | None:
    """Name the tracks of data that a video leaves out, which nobody sees or hears."""
    if not output.suffix or container_of(output) == "gif":
        return None
    text = dropped_data(info)
    return None if text is None else Notice(text=text)


def cut_notice(
    output: Path, encoding: EncodingConfig, shape: tuple[int, int]
) -> Notice | None:
    """Warn that a file cannot hold the last row or column of such frames."""
    height, width = cut_shape(output, encoding, shape)
    sides = {"row": height < shape[0], "column": width < shape[1]}
    lost = " and ".join(name for name, is_lost in sides.items() if is_lost)
    if not lost:
        return None
    codec = codec_for(output, encoding)
    return Notice(text=f"{codec} holds even sides only: without the last {lost}")


def hardware_notice(
    output: Path, encoding: EncodingConfig, shape: tuple[int, int]
) -> Notice | None:
    """Name the hardware that will encode, or warn that none can, if it is wanted."""
    if not (encoding.hardware_encoder and output.suffix):
        return None
    codec = codec_for(output, encoding)
    found = find_hardware(codec, crf=encoding.crf, shape=shape)
    if found is None:
        return Notice(text=why_software(codec), is_warning=True)
    return Notice(text=f"encoded by {found.name}")
