"""`facewright bench`: measure what facewright does, on material of your own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .progress import progress
from .session import Answer, Session
from .verb import Group, Verb, option


@click.group(cls=Group)
def bench() -> None:
    """Measure what facewright does, on material of your own.

    Each bench prints a table, and with --json one object; --out keeps both, and a plot.
    """


@bench.command(
    cls=Verb,
    example="""
facewright bench watermark clip.mp4 --out measured
facewright bench watermark clip.mp4 --attacks everyday --attacks omniseal --jobs 2
facewright bench watermark clip.mp4 --unmarked pictures --readings 10000
facewright bench watermark clip.mp4 --peer dwtDctSvd --attacks "h264 crf 28"
""",
)
@click.argument("clips", nargs=-1, required=True, type=click.Path(path_type=Path))
@option("--attacks", multiple=True, metavar="NAME", default=("everyday",), show_default=True,
        help="A list (everyday: 39; omniseal: OmniSealBench's) or a single attack; may be repeated.")  # fmt: skip
@option("--seconds", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, help="Of each clip.")
@option("--peer", "peers", multiple=True, metavar="NAME",
        help="Another mark to hold against: dwtDct, dwtDctSvd, rivaGan (pip install invisible-watermark).")  # fmt: skip
@option("--unmarked", multiple=True, metavar="PATH", type=click.Path(path_type=Path, exists=True),
        help="Files or folders without a mark; false alarms are counted on them.")  # fmt: skip
@option("--readings", type=click.IntRange(min=1), default=1000, show_default=True,
        help="How many readings of what is not marked.")  # fmt: skip
@option("--jobs", type=click.IntRange(min=1), default=1, show_default=True,
        help="Processes. Figures of time want one, and an idle machine.")  # fmt: skip
@option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
        help="Folder for watermark.json, watermark.md and watermark.svg.")  # fmt: skip
@click.pass_context
def watermark(
    ctx: click.Context,
    clips: tuple[Path, ...],
    attacks: tuple[str, ...],
    seconds: float,
    peers: tuple[str, ...],
    unmarked: tuple[Path, ...],
    readings: int,
    jobs: int,
    out: Path | None,
) -> Answer:
    """Mark clips, do to them what people do to videos, and read the mark.

    A folder stands for the videos in it; of more than eight clips it is counted how often each attack was survived.
    Also says how visible the mark is (luma PSNR, SSIM, VMAF where FFmpeg has it), how long marking and reading take,
    and with --unmarked how often a mark is found where there is none. The clips stay as they are. Needs FFmpeg.
    """
    from ..provenance.watermark.bench import clips as videos
    from ..provenance.watermark.bench import negatives, run, show

    with progress(ctx.ensure_object(Session)) as report:
        result: dict[str, Any] = run.run(
            videos.gathered(clips),
            attacks=attacks,
            peers=peers,
            seconds=seconds,
            jobs=jobs,
            scratch=None,
            progress=report,
        )
        if unmarked:
            files = [file for path in unmarked for file in (sorted(path.rglob("*.*")) if path.is_dir() else [path])]
            result["false_positives"] = negatives.count(files, readings=readings, progress=report)
    text = show.table(result)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "watermark.json").write_text(json.dumps(result, indent=1), "utf-8")
        (out / "watermark.md").write_text(text + "\n", "utf-8")
        (out / "watermark.svg").write_text(show.plot(result), "utf-8")
        result = {**result, "written": [str(out / f"watermark.{kind}") for kind in ("json", "md", "svg")]}
    return Answer(result, text)


@bench.command(
    cls=Verb,
    example="""
facewright bench generate --clip corpus/clip.mp4 --out measured
facewright bench generate --method meshwarp --method anitalker:mine --portrait face.jpg --voice a.wav --voice b.wav
facewright bench generate --method ifmdm --random paper --portrait face.jpg --voice a.wav
""",
)
@option("--method", "methods", multiple=True, default=("meshwarp",), show_default=True, metavar="NAME[:WEIGHTS]",
        help="May be repeated.")  # fmt: skip
@option("--clip", "clips", multiple=True, metavar="FILE", type=click.Path(path_type=Path, exists=True),
        help="Video of somebody who agreed; each method re-enacts it from its first frame.")  # fmt: skip
@option("--portrait", "portraits", multiple=True, metavar="FILE", type=click.Path(path_type=Path, exists=True),
        help="Picture of somebody who agreed; it speaks every voice.")  # fmt: skip
@option("--voice", "voices", multiple=True, metavar="FILE", type=click.Path(path_type=Path, exists=True),
        help="Sound of somebody who speaks English.")  # fmt: skip
@option("--seconds", type=click.FloatRange(min=1), default=10.0, show_default=True, help="Of each clip and voice.")
@option("--size", type=click.IntRange(256, 2160), default=512, show_default=True, help="Short side in pixels.")
@option("--seed", type=int, default=0, show_default=True, help="Of every clip.")
@option("--device", default="auto", show_default=True, help="Where networks run.")
@option("--random", metavar="PRESET",
        help="Time networks of a preset's sizes that have learned nothing, and measure no more.")  # fmt: skip
@option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
        help="Folder for generate.json, generate.md and, with --clip, side-by-side.mp4.")  # fmt: skip
@click.pass_context
def generate(ctx: click.Context, out: Path | None, **values: Any) -> Answer:
    """Make clips with every method and measure them against the clip itself, and against the portrait standing still.

    Re-enactment: PSNR, SSIM, landmarks of mouth and face, shape of the face. Speech: do lips say what the voice says,
    better than another voice; head motion, blinks, sharpness. What is made is marked, and the video beside it sealed.
    Speed: the time of a frame, stage by stage, and each network against the machine's own matrix products.
    """
    from ..generate.bench import run, show

    bench = run.Bench(**values)
    with progress(ctx.ensure_object(Session)) as report:
        result = run.run(bench, progress=report)
    text = show.table(result)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "generate.json").write_text(json.dumps(result, indent=1), "utf-8")
        (out / "generate.md").write_text(text + "\n", "utf-8")
        written = [str(out / f"generate.{kind}") for kind in ("json", "md")]
        if bench.clips and not bench.random:
            written.append(str(run.side_by_side(bench, bench.clips[0], out / "side-by-side.mp4")))
        result = {**result, "written": written}
    return Answer(result, text)


@bench.command(
    cls=Verb,
    example="""
facewright bench detect corpus/index.jsonl --out measured
facewright bench detect corpus/index.jsonl --quick --confront others/index.jsonl
""",
)
@click.argument("index", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@option("--detector", "names", multiple=True, default=("residual", "temporal"), show_default=True, metavar="NAME",
        help="residual and temporal are trained anew, others taken as they ship; may be repeated.")  # fmt: skip
@option("--confront", metavar="INDEX", type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Clips of other people and generators, which a panel trained on all of INDEX is asked about.")  # fmt: skip
@option("--quick", is_flag=True, help="One level of each perturbation instead of five.")
@option("--sweep/--no-sweep", default=True, show_default=True, help="Measure without mark, compressed, perturbed, too.")
@option("--seed", type=int, default=0, show_default=True, help="Of folds and draws.")
@option("--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
        help="Folder for detect.json, detect.md and detect.png.")  # fmt: skip
@click.pass_context
def detect(ctx: click.Context, index: Path, out: Path | None, **values: Any) -> Answer:
    """Judge detectors on people, generators and encodings that they never met.

    Every clip is cut about its face, marked and encoded alike. What is measured is kept in INDEX.measured, so that an
    interrupted run goes on. The clips stay as they are.
    """
    from ..detect.bench import run, show

    with progress(ctx.ensure_object(Session)) as report:
        result = run.run(index, progress=report, **values)
    text = show.table(result)
    if out:
        import cv2

        out.mkdir(parents=True, exist_ok=True)
        (out / "detect.json").write_text(json.dumps(result, indent=1), "utf-8")
        (out / "detect.md").write_text(text + "\n", "utf-8")
        cv2.imwrite(str(out / "detect.png"), show.plot(result)[..., ::-1])
        result = {**result, "written": [str(out / f"detect.{kind}") for kind in ("json", "md", "png")]}
    return Answer(result, text)
