"""How much of the mark can be seen: luma PSNR, SSIM, VMAF, and what lies in plain areas."""

from __future__ import annotations

import functools
import os
import subprocess
from importlib import util
from pathlib import Path

import cv2
import numpy as np

from ....core.media import VideoReader

_PLAIN = 1.0  # grey levels of detail below which a place is plain


def compare(marked: Path, before: Path) -> dict[str, float | None]:
    """Luma PSNR (dB), SSIM and VMAF of a video against another, of equal size and length.

    Also `vmaf_ceiling`, what VMAF gives to the video against itself: less than 100 where little moves, so the yardstick
    of `vmaf`. Both are None where no FFmpeg with libvmaf is found. `plain` is the rms change of luma in grey levels
    where the picture is plain, and so would hide nothing; a change of less than half a level of 8 bits is not shown.
    """
    found: dict[str, float | None] = {
        "psnr_y": _measured("ffmpeg", marked, before, "psnr", "y:"),
        "ssim_y": _measured("ffmpeg", marked, before, "ssim", "Y:"),
        "vmaf": None,
        "vmaf_ceiling": None,
        "plain": _plain(marked, before),
    }
    if command := with_vmaf():
        found["vmaf"] = _measured(command, marked, before, "libvmaf", "VMAF score:")
        found["vmaf_ceiling"] = _measured(command, before, before, "libvmaf", "VMAF score:")
    return found


@functools.cache
def with_vmaf() -> str | None:
    """An FFmpeg that has libvmaf: $FFMPEG_VMAF, the system's, or the one in the package imageio-ffmpeg."""
    commands = [os.environ.get("FFMPEG_VMAF"), "ffmpeg"]
    if util.find_spec("imageio_ffmpeg"):
        from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore

        commands.append(get_ffmpeg_exe())
    for command in filter(None, commands):
        told = subprocess.run([command, "-hide_banner", "-filters"], capture_output=True, text=True, check=False)
        if " libvmaf " in told.stdout:
            return command
    return None


def _measured(command: str, marked: Path, before: Path, measure: str, label: str) -> float:
    graph = f"[0:v]setpts=N/TB/25[a];[1:v]setpts=N/TB/25[b];[a][b]{measure}"
    arguments = ["-hide_banner", "-nostdin", "-i", marked, "-i", before, "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True, check=True).stderr
    return float(said.rsplit(label, 1)[1].split()[0])


def _plain(marked: Path, before: Path) -> float | None:
    total = places = 0.0
    for ours, theirs in zip(VideoReader(marked), VideoReader(before), strict=True):
        for new, old in zip(ours[::10], theirs[::10], strict=True):
            now, then = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in (new, old))
            detail = cv2.GaussianBlur(np.abs(then - cv2.GaussianBlur(then, (0, 0), 3)), (0, 0), 3)
            where = detail < _PLAIN
            total += float(np.sum((now - then)[where] ** 2))
            places += float(np.sum(where))
    return float(np.sqrt(total / places)) if places else None
