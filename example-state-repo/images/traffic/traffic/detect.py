"""Find moving vehicles in each frame: what differs from the empty road.

Reads the clip; writes ``detections.csv``, ``video.json``, ``background.jpg``, ``preview.webm``, ``frames/*.jpg``.
Frames are scaled down first (vehicles stay far larger than a pixel, noise averages out), aligned with the
background against camera drift, then compared with it. Three detectors: ``median`` (the median of samples
from the whole clip: best for short clips), ``mog2`` and ``knn`` (OpenCV's adaptive models: for light that changes).
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from cv2.typing import MatLike as Image

from traffic.boxes import Floats, as_boxes
from traffic.stage import BadInput, Stage, run, write_json
from traffic.tables import DETECTIONS, write_table
from traffic.video import Clip, Movie, fitted, write_image

INPUTS = {
    "video": "the recording, a file",
    "detector": "median, mog2 or knn",
    "threshold": "0 … 1: how much a pixel must differ from the empty road; lower finds more",
    "min_area": "smallest vehicle, in square pixels of the recording",
    "stabilise": "true or false: align each frame with the background",
    "max_frames": "stop after so many frames; 0 = all",
    "segment": "FIRST-LAST: look at these frames only, counted from 1; the empty road is learned from all",
}
DETECTORS = ("median", "mog2", "knn")

WORK_WIDTH = 480
"""Pixels; detection runs on frames of this width."""
FULL_CONTRAST = 80.0
"""Grey levels of 255 that count as threshold 1."""
NOISE_LEVEL = 5.0
"""Grey levels: MOG2 measures contrast in deviations of a pixel, so the level is divided by a typical one."""
BACKGROUND_SAMPLES = 40
CLOSE_WIDTH = 5
"""Pixels of the scaled frame; gaps in a vehicle narrower than this are closed (roof against windscreen)."""
LARGEST_SHARE = 0.5
"""A box wider or higher than this share of the frame is a change of light, not a vehicle."""
LARGEST_DRIFT = 0.1
"""Share of the width; a greater shift is a failed alignment and ignored."""
PREVIEW_WIDTH = 480
PREVIEW_EVERY = 4
PREVIEW_FRAMES = 300
"""A longer clip is shown as a time lapse."""
SAMPLE_FRAMES = 4
BOX_COLOUR = (60, 220, 255)


@dataclass(frozen=True)
class Settings:
    video: Path
    detector: str
    threshold: float
    min_area: float
    stabilise: bool
    max_frames: int
    first: int = 1
    last: int = 0
    """Frames that are looked at; last 0 means all."""

    @property
    def level(self) -> float:
        """Grey levels a pixel must differ by."""
        return self.threshold * FULL_CONTRAST


class Detector(Protocol):
    """Tells changed pixels from the empty road."""

    def mask(self, image: Image) -> Image:
        """255 where the (scaled, blurred) image shows something that moves, else 0."""
        ...


class MedianDetector:
    def __init__(self, background: Image, level: float) -> None:
        self._background = background
        self._level = level

    def mask(self, image: Image) -> Image:
        blue, green, red = cv2.split(cv2.absdiff(image, self._background))
        difference = cv2.max(cv2.max(blue, green), red)
        return cv2.threshold(difference, self._level, 255, cv2.THRESH_BINARY)[1]


class ModelDetector:
    """OpenCV's adaptive models, primed with samples so that they need no warm-up."""

    def __init__(self, model: cv2.BackgroundSubtractor, samples: list[Image]) -> None:
        self._model = model
        for sample in samples:
            model.apply(sample)

    def mask(self, image: Image) -> Image:
        found = self._model.apply(image)
        return cv2.threshold(found, 254, 255, cv2.THRESH_BINARY)[1]  # 127 marks shadow


class Aligner:
    """Measures camera drift by phase correlation with the background."""

    def __init__(self, background: Image) -> None:
        self._reference = grey(background)
        height, width = self._reference.shape
        self._window = cv2.createHanningWindow((width, height), cv2.CV_32F)

    def shift(self, image: Image) -> tuple[float, float]:
        """Pixels by which the image lies right of and below the background; 0, 0 unless that explains it better."""
        current = grey(image)
        # phaseCorrelate multiplies images whose size suits its transform by the window in place: hand it copies.
        (right, down), _ = cv2.phaseCorrelate(self._reference.copy(), current.copy(), self._window)
        if max(abs(right), abs(down)) > LARGEST_DRIFT * current.shape[1]:
            return 0.0, 0.0
        if self._difference(moved(current, -right, -down)) >= self._difference(current):
            return 0.0, 0.0
        return right, down

    def _difference(self, image: Image) -> float:
        return float(cv2.norm(image, self._reference, cv2.NORM_L1))


def grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.float32)


class Eye:
    """Detects in one frame after another."""

    def __init__(self, settings: Settings, clip: Clip) -> None:
        samples = [prepared(image) for image in clip.samples(BACKGROUND_SAMPLES)]
        if not samples:
            raise BadInput(f"{clip.path.name} holds no frames")
        self.background = np.median(np.stack(samples), axis=0).astype(np.uint8)
        self._detector = make_detector(settings, self.background, samples)
        self._aligner = Aligner(self.background) if settings.stabilise else None
        self._scale = clip.width / self.background.shape[1]
        self._least = settings.min_area / self._scale**2
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        self._close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSE_WIDTH, CLOSE_WIDTH))

    def look(self, frame: Image) -> Floats:
        """Rows ``x y w h score`` in pixels of the recording; score is the share of the box that moved."""
        image = prepared(frame)
        right, down = self._aligner.shift(image) if self._aligner else (0.0, 0.0)
        mask = self._detector.mask(moved(image, -right, -down))
        blank_unseen(mask, right, down)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._open)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._close)
        rows = [
            ((x + right) * self._scale, (y + down) * self._scale, w * self._scale, h * self._scale, score)
            for x, y, w, h, score in blobs(mask, self._least)
        ]
        return np.asarray(rows, dtype=np.float64).reshape(-1, 5)


def prepared(frame: Image) -> Image:
    return cv2.GaussianBlur(fitted(frame, WORK_WIDTH), (5, 5), 0)


def moved(image: Image, right: float, down: float) -> Image:
    if right == down == 0:
        return image
    matrix = np.array([[1, 0, right], [0, 1, down]], dtype=np.float32)
    return cv2.warpAffine(image, matrix, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)


def blank_unseen(mask: Image, right: float, down: float) -> None:
    """Nothing is known at the edges that alignment pulled into the picture."""
    height, width = mask.shape[:2]
    mask[: ceil(max(-down, 0))] = 0
    mask[height - ceil(max(down, 0)) :] = 0
    mask[:, : ceil(max(-right, 0))] = 0
    mask[:, width - ceil(max(right, 0)) :] = 0


def blobs(mask: Image, least: float) -> Iterator[tuple[int, int, int, int, float]]:
    """Boxes ``x y w h`` of connected regions of at least `least` pixels, with the share that is filled."""
    height, width = mask.shape[:2]
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        area = cv2.contourArea(contour)
        if area >= least and w <= LARGEST_SHARE * width and h <= LARGEST_SHARE * height:
            yield x, y, w, h, min(1.0, area / (w * h))


def make_detector(settings: Settings, background: Image, samples: list[Image]) -> Detector:
    history = len(samples)
    if settings.detector == "mog2":
        deviations = settings.level / NOISE_LEVEL
        mog2 = cv2.createBackgroundSubtractorMOG2(10 * history, deviations**2, True)
        return ModelDetector(mog2, samples)
    if settings.detector == "knn":
        knn = cv2.createBackgroundSubtractorKNN(10 * history, settings.level**2, True)
        return ModelDetector(knn, samples)
    return MedianDetector(background, settings.level)


def drawn(frame: Image, found: Floats, width: int) -> Image:
    """The frame scaled to at most `width`, with a box around each detection."""
    image = fitted(frame, width).copy()
    scale = image.shape[1] / frame.shape[1]
    for x, y, w, h in (found[:, :4] * scale).round().astype(int).tolist():
        cv2.rectangle(image, (x, y), (x + w, y + h), BOX_COLOUR, 2)
    return image


def sample_frames(first: int, last: int) -> set[int]:
    """Numbers of a few frames, evenly spread from the first to the last one; at least one, however few there are."""
    shares = (np.arange(SAMPLE_FRAMES) + 0.5) / SAMPLE_FRAMES
    return {first + int(share * max(last - first + 1, 1)) for share in shares}


class Preview:
    """What a person looks at: a small film and a few frames, both with boxes."""

    def __init__(self, stage: Stage, clip: Clip, first: int, last: int) -> None:
        self._folder = stage.path("frames")
        self._every = max(PREVIEW_EVERY, clip.frames // PREVIEW_FRAMES)
        size = fitted(np.zeros((clip.height, clip.width, 3), np.uint8), PREVIEW_WIDTH).shape
        self._movie = Movie(
            stage.path("preview.webm"),
            codec="VP80",
            fps=max(1.0, clip.fps / PREVIEW_EVERY),
            size=(size[1], size[0]),
        )
        self._samples = sample_frames(first, last)

    def add(self, number: int, frame: Image, found: Floats) -> None:
        if (number - 1) % self._every == 0:
            self._movie.add(drawn(cv2.blur(frame, (3, 3)), found, PREVIEW_WIDTH))  # noise costs bytes
        if number in self._samples:
            write_image(self._folder / f"{number:06d}.jpg", drawn(frame, found, 960))

    def close(self) -> None:
        self._movie.close()


def read_settings(stage: Stage) -> Settings:
    first, last = read_segment(stage.text("segment", ""))
    return Settings(
        video=stage.file("video"),
        detector=stage.choice("detector", "median", DETECTORS),
        threshold=stage.number("threshold", 0.35, low=0.01, high=1.0),
        min_area=stage.number("min_area", 300.0, low=0.0),
        stabilise=stage.flag("stabilise", True),
        max_frames=stage.whole("max_frames", 0),
        first=first,
        last=last,
    )


def read_segment(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not text:
        return 1, 0
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise BadInput(f"input segment is {text!r}, not FIRST-LAST")
    return int(first), int(last)


def watch(stage: Stage, settings: Settings, clip: Clip, eye: Eye) -> tuple[int, list[list[float]]]:
    """Look at every frame; returns the number of frames and the rows of the table."""
    last = min(settings.last or clip.frames, clip.frames)
    preview = Preview(stage, clip, settings.first, last)
    rows: list[list[float]] = []
    began = time.monotonic()
    number = 0
    for number, frame in enumerate(clip, start=1):
        if number < settings.first:
            continue
        if settings.last and number > settings.last:
            number -= 1
            break
        found = eye.look(frame)
        preview.add(number, frame, found)
        rows += [[number, *(round(float(value), 2) for value in row)] for row in found]
        rate = number / max(time.monotonic() - began, 1e-3)
        looked_at, all_of_it = number - settings.first + 1, last - settings.first + 1
        percent = min(99.0, 100 * looked_at / max(all_of_it, looked_at))
        stage.progress(percent, f"{looked_at}/{all_of_it} frames {rate:.0f} fps")
    preview.close()
    return number, rows


def detect(stage: Stage) -> None:
    settings = read_settings(stage)
    clip = Clip(settings.video, max_frames=settings.max_frames)
    stage.progress(0, f"{clip.path.name}: {clip.width}x{clip.height}, {clip.frames} frames; learning the empty road")
    eye = Eye(settings, clip)
    frames, rows = watch(stage, settings, clip, eye)
    write_table(stage.path("detections.csv"), DETECTIONS, rows)
    write_image(stage.path("background.jpg"), cv2.resize(eye.background, (clip.width, clip.height)))
    video = {"name": clip.path.name, "fps": clip.fps, "width": clip.width, "height": clip.height, "frames": frames}
    video |= {"first": settings.first, "last": frames}
    choice = {"detector": settings.detector, "threshold": settings.threshold, "min_area": settings.min_area}
    write_json(stage.path("video.json"), video | choice)
    boxes = as_boxes([row[1:5] for row in rows])
    looked_at = frames - settings.first + 1
    stage.metric("frames", looked_at)
    stage.metric("detections", len(rows))
    stage.metric("detections_per_frame", len(rows) / max(looked_at, 1))
    stage.metric("mean_box_area_px", (boxes[:, 2] * boxes[:, 3]).mean() if len(boxes) else 0)
    stage.finish(f"{len(rows)} detections in {looked_at} frames", detections=len(rows), frames=looked_at)


if __name__ == "__main__":
    sys.exit(run("detect", INPUTS, detect))
