"""Clips to learn by heart: a portrait that wanders and opens and shuts its mouth's place, with a voice."""

from __future__ import annotations

import cv2
import numpy as np
from facewright.core.media import VideoWriter, read_audio, read_image
from facewright.datasets.index import Entry, write_index

SIDE, FPS, FRAMES = 256, 25, 40
PEOPLE = (("anna_happy", "train"), ("bert_sad", "train"), ("cleo_happy", "val"))


def wander(portrait, speech, folder):
    """An index of three clips of 1.6 s; the third, of another name, is kept apart."""
    picture = read_image(portrait)[:400, 60:460]
    sound = read_audio(speech, rate=16000, seconds=FRAMES / FPS)
    entries = []
    for number, (name, split) in enumerate(PEOPLE):
        path = folder / f"{name}.mp4"
        with VideoWriter(path, width=SIDE, height=SIDE, fps=FPS, audio_rate=16000) as writer:
            writer.write(np.stack([frame(picture, index, number) for index in range(FRAMES)]))
            writer.write_audio(sound)
        entries.append(Entry(str(path), "genuine", name, name, "A: public domain", split=split))
    write_index(folder / "index.jsonl", entries)
    return folder / "index.jsonl"


def frame(picture, index, number):
    """The portrait turned, moved and lit a little, differently in every clip."""
    angle, phase = 8 * np.sin(index / 6 + number), index / 9 + 2 * number
    matrix = cv2.getRotationMatrix2D((200, 160), angle, SIDE / 400)
    matrix[:, 2] += (SIDE / 2 - 200 + 10 * np.cos(phase), SIDE / 2 - 175 + 8 * np.sin(phase))
    moved = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    tint = np.array([(1, 1, 1), (0.7, 0.9, 1), (1, 0.85, 0.7)][number])
    return (moved * tint).astype(np.uint8)
