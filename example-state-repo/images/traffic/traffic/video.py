"""Reading clips and writing previews. Nothing here knows about vehicles."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike as Image

from traffic.stage import BadInput, write_bytes

SEQUENTIAL_LIMIT = 3000
"""Longer clips are sampled by seeking instead of by decoding them all."""
JPEG_QUALITY = 82


class Clip:
    """A recording; each iteration starts from its first frame."""

    def __init__(self, path: Path, *, max_frames: int = 0) -> None:
        self.path = path
        with silent_stderr():
            capture = cv2.VideoCapture(str(path))
            readable = capture.isOpened() and capture.read()[0]
        if not readable:
            raise BadInput(f"{path.name} is not a video that OpenCV can read")
        self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self.width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        announced = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.max_frames = max_frames
        self.frames = min(announced, max_frames) if max_frames else announced
        """As the container announces; the real number may differ."""
        capture.release()

    def __iter__(self) -> Iterator[Image]:
        capture = cv2.VideoCapture(str(self.path))
        count = 0
        while not self.max_frames or count < self.max_frames:
            found, image = capture.read()
            if not found:
                break
            count += 1
            yield image
        capture.release()

    def samples(self, count: int) -> Iterator[Image]:
        """About `count` frames spread over the clip."""
        if self.frames <= SEQUENTIAL_LIMIT:
            yield from self._samples_in_sequence(max(1, self.frames // count))
        else:
            yield from self._samples_by_seeking(count)

    def _samples_in_sequence(self, every: int) -> Iterator[Image]:
        capture = cv2.VideoCapture(str(self.path))
        index = 0
        while (not self.frames or index < self.frames) and capture.grab():
            if index % every == every // 2:
                yield capture.retrieve()[1]
            index += 1
        capture.release()

    def _samples_by_seeking(self, count: int) -> Iterator[Image]:
        capture = cv2.VideoCapture(str(self.path))
        for index in np.linspace(0, self.frames - 1, count).astype(int):
            capture.set(cv2.CAP_PROP_POS_FRAMES, int(index))
            found, image = capture.read()
            if found:
                yield image
        capture.release()


class Movie:
    """A video file in the making: it takes its name only when it is complete."""

    def __init__(self, path: Path, *, codec: str, fps: float, size: tuple[int, int]) -> None:
        self.path = path
        self._part = path.with_name(f"{path.stem}.part{path.suffix}")
        fourcc = cv2.VideoWriter.fourcc(*codec)
        with silent_stderr():
            self._writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, fourcc, fps, size)
        if not self._writer.isOpened():
            raise BadInput(f"this build of OpenCV cannot write {codec} into {path.suffix} files")

    def add(self, image: Image) -> None:
        self._writer.write(image)

    def close(self) -> None:
        self._writer.release()
        os.replace(self._part, self.path)


@contextmanager
def silent_stderr() -> Iterator[None]:
    """FFmpeg writes remarks straight to file descriptor 2 where OpenCV already returns the error."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def fitted(image: Image, width: int) -> Image:
    """The image scaled down to at most `width` pixels, both sides even (encoders want that)."""
    scale = min(1.0, width / image.shape[1])
    size = even(image.shape[1] * scale), even(image.shape[0] * scale)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def write_image(path: Path, image: Image) -> None:
    """Write a PNG or JPEG, by the suffix."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else []
    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise BadInput(f"cannot encode {path.name}")
    write_bytes(path, data.tobytes())
