"""What is done to a sealed file before its mark is read: 39 attacks of everyday use, and the list of OmniSealBench.

An attack is an FFmpeg filter chain and an encoder. Where an attack names no codec, its pictures are kept without loss,
so that it alone is measured; every one of them comes on top of the seal's own encoding. Sizes are rounded to even
numbers, as H.264 wants them.

Sources: OmniSealBench (Meta, https://facebookresearch.github.io/omnisealbench) for names and strengths of the second
list; crops are given by side, contrast is about middle grey, JPEG quality is libjpeg's.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from ....core.errors import MachineError, UsageError
from ....core.media import VideoReader, VideoWriter

LOSSLESS = "libx264 -preset ultrafast -qp 0"
H264, HEVC = "libx264 -crf {}", "libx265 -x265-params log-level=error -crf {}"
AV1 = "libsvtav1 -preset 8 -crf {}"
VP9 = "libvpx-vp9 -b:v 0 -deadline realtime -cpu-used 6 -crf {}"


@dataclass(frozen=True)
class Attack:
    """One thing done to a file.

    Attributes:
        name: as in the tables.
        filters: FFmpeg filter chain.
        encoder: FFmpeg's name of the encoder and its options; empty for the file as it is.
        back: the result is scaled to the size before.
        jpeg: every frame goes through JPEG of this quality; then there are no filters.
    """

    name: str
    filters: str = "null"
    encoder: str = LOSSLESS
    back: bool = False
    jpeg: int | None = None

    @property
    def missing(self) -> str:
        """What this machine's FFmpeg lacks for it, or nothing."""
        encoder = self.encoder.split(" ")[0]
        filters = [step.split("=")[0] for step in self.filters.split(",") if step[:1].isalpha() and "=" in step]
        lacking = [each for each in filters if each not in _offered("filters")]
        return " ".join(lacking + ([encoder] if encoder and encoder not in _offered("encoders") else []))

    def run(self, source: Path, target: Path) -> None:
        """Write the attacked video to `target`, a Matroska file.

        Raises:
            MachineError: "attack_failed".
        """
        if not self.encoder:
            shutil.copyfile(source, target)
            return
        if self.jpeg is not None:
            _through_jpeg(source, target, self.jpeg)
            return
        pixels = "gbrp" if "rgb" in self.encoder else "yuv420p"
        picture = ["-vf", self.filters, "-pix_fmt", pixels, "-c:v", *self.encoder.split()]
        first = target.with_suffix(".first.mkv") if self.back else target
        _ffmpeg("-i", source, "-an", *picture, first)
        if self.back:
            width, height = VideoReader(source).width, VideoReader(source).height
            _ffmpeg("-i", first, "-vf", f"scale={width}:{height}:flags=bicubic", "-c:v", *LOSSLESS.split(), target)
            first.unlink()


def _ffmpeg(*arguments: str | Path) -> None:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError("attack_failed", f"FFmpeg failed: {done.stderr.strip()[-300:]}", " ".join(command))


@functools.cache
def _offered(what: str) -> frozenset[str]:
    """Names of FFmpeg's encoders or filters."""
    try:
        told = subprocess.run(["ffmpeg", "-hide_banner", f"-{what}"], capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise MachineError("no_ffmpeg", "There is no ffmpeg command here.", "Install FFmpeg.") from error
    return frozenset(line.split()[1] for line in told.splitlines() if len(line.split()) > 1)


def _through_jpeg(source: Path, target: Path, quality: int) -> None:
    reader = VideoReader(source)
    with VideoWriter(
        target.with_suffix(".mp4"), width=reader.width, height=reader.height, fps=reader.fps, crf=0, preset="ultrafast"
    ) as writer:
        for frames in reader:
            for frame in frames:
                coded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
                writer.write(cv2.imdecode(coded, cv2.IMREAD_COLOR)[None, ..., ::-1])
    target.with_suffix(".mp4").rename(target)


def _scale(factor: float) -> str:
    return f"scale=trunc(iw*{factor}/2)*2:trunc(ih*{factor}/2)*2:flags=bicubic"


def _crop(kept: float) -> str:
    """Off the centre: of what goes, 34 % goes at the left and 62 % at the top."""
    return f"crop=trunc(iw*{kept}/2)*2:trunc(ih*{kept}/2)*2:(iw-ow)*0.34:(ih-oh)*0.62"


def _rotate(degrees: float) -> str:
    """Turned about the middle within the frame; the corners become black."""
    return f"rotate={degrees}*PI/180:bilinear=1"


def _levels(expression: str) -> str:
    return "format=gbrp,lutrgb=" + ":".join(f"{channel}='clip({expression}\\,0\\,255)'" for channel in "rgb")


def _bright(factor: float) -> str:
    return _levels(f"val*{factor}")


def _contrast(factor: float) -> str:
    return _levels(f"128+(val-128)*{factor}")


def _perspective(amount: float) -> str:
    """Corners taken from this share of the sides away, each from another direction."""
    corners = {(0, 0): (0.3, 0.9), (1, 0): (-1.0, 0.2), (0, 1): (0.8, -0.5), (1, 1): (-0.4, -1.0)}
    points = (
        f"x{index}=W*{x + dx * amount:.4f}:y{index}=H*{y + dy * amount:.4f}"
        for index, ((x, y), (dx, dy)) in enumerate(corners.items())
    )
    return f"perspective={':'.join(points)}:sense=source:interpolation=cubic"


def _noise(sigma: float) -> str:
    return f"noise=alls={round(sigma * 3**0.5)}:allf=t:all_seed=1"  # FFmpeg divides its strength by the root of 3


# Off a screen: a little aslant, resampled, another gamma, noise, encoded once more.
SCREEN = f"{_perspective(0.02)},{_scale(0.83)},eq=gamma=1.15:contrast=0.95,{_noise(4)}"

EVERYDAY = (
    Attack("none", encoder=""),
    *(Attack(f"h264 crf {crf}", encoder=H264.format(crf)) for crf in (18, 23, 28, 35, 40)),
    Attack("hevc crf 28", encoder=HEVC.format(28)),
    Attack("av1 crf 35", encoder=AV1.format(35)),
    *(
        Attack(f"resize {factor}{', back' * back}", _scale(factor), back=back)
        for factor in (0.75, 0.5)
        for back in (False, True)
    ),
    *(
        Attack(f"crop {cut} %{', back' * back}", _crop(1 - cut / 100), back=back)
        for cut in (10, 25, 50)
        for back in (False, True)
    ),
    Attack("rotate 2", _rotate(2)),
    Attack("rotate 5", _rotate(5)),
    Attack("brightness 1.5", _bright(1.5)),
    Attack("brightness 0.5", _bright(0.5)),
    Attack("contrast 1.5", _contrast(1.5)),
    Attack("contrast 0.5", _contrast(0.5)),
    Attack("noise 5", _noise(5)),
    Attack("noise 15", _noise(15)),
    Attack("blur 1", "gblur=sigma=1"),
    Attack("blur 2", "gblur=sigma=2"),
    Attack("jpeg 50", jpeg=50),
    Attack("drop 20 % + crf 23", "select='mod(n\\,5)',setpts=N/FRAME_RATE/TB", H264.format(23)),
    Attack("15 fps blended + crf 23", "framerate=fps=15:interp_start=0:interp_end=255", H264.format(23)),
    Attack("15 fps dropped + crf 23", "fps=15", H264.format(23)),
    Attack("perspective", _perspective(0.04)),
    Attack("screen recording", SCREEN, H264.format(26)),
    Attack("horizontal flip", "hflip"),
    Attack("resize 0.5 + crf 30", _scale(0.5), H264.format(30)),
    Attack("resize 0.5 + crf 30, back", _scale(0.5), H264.format(30), back=True),
    Attack("crop 25 % + crf 28", _crop(0.75), H264.format(28)),
    Attack("crop 10 % + brightness 1.2 + crf 28", f"{_crop(0.9)},{_bright(1.2)}", H264.format(28)),
)
"""The 39 attacks of everyday use."""

OMNISEAL = (
    Attack("rotate 10", _rotate(10)),
    Attack("rotate 90", "transpose=clock"),
    Attack("resize 0.55", _scale(0.55)),
    Attack("resize 0.71", _scale(0.71)),
    Attack("crop to 0.55", _crop(0.55)),
    Attack("crop to 0.71", _crop(0.71)),
    Attack("perspective 0.5", _perspective(0.25)),  # torchvision's measure: corners move by up to a quarter
    Attack("saturation 0.5", "eq=saturation=0.5"),
    Attack("saturation 1.5", "eq=saturation=1.5"),
    Attack("hue 0.25", "hue=h=90"),
    Attack("grey", "hue=s=0"),
    Attack("jpeg 40", jpeg=40),
    Attack("blur 9", "gblur=sigma=1.7"),  # torchvision's sigma for a kernel of 9
    Attack("median 9", "median=radius=4"),
    *(Attack(f"h264 crf {crf}", encoder=H264.format(crf)) for crf in (30, 50)),
    *(Attack(f"h264rgb crf {crf}", encoder=f"libx264rgb -crf {crf}") for crf in (23, 30, 40, 50)),
    *(Attack(f"hevc crf {crf}", encoder=HEVC.format(crf)) for crf in (23, 30, 40, 50)),
    Attack("vp9", encoder=VP9.format(33)),
    *(
        Attack(f"crop to 0.71 + brightness 0.5 + crf {crf}", f"{_crop(0.71)},{_bright(0.5)}", H264.format(crf))
        for crf in (23, 30, 40, 50)
    ),
)
"""OmniSealBench's list, less what stands among the 39 already (flip, brightness, contrast, H.264 at CRF 23 and 40)."""

SUITES = {"everyday": EVERYDAY, "omniseal": OMNISEAL}


def named(names: Sequence[str]) -> tuple[Attack, ...]:
    """The attacks of suites and of single names, each once, in order.

    Raises:
        UsageError: "unknown_attack".
    """
    known = {attack.name: attack for suite in SUITES.values() for attack in suite}
    chosen: dict[str, Attack] = {}
    for name in names:
        if name not in SUITES and name not in known:
            raise UsageError(
                "unknown_attack",
                f"There is no attack {name!r}.",
                f"There are the suites {', '.join(SUITES)}, and: {', '.join(known)}.",
            )
        chosen |= {attack.name: attack for attack in (SUITES[name] if name in SUITES else (known[name],))}
    return tuple(chosen.values())
