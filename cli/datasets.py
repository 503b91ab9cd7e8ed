"""`facewright datasets`: corpora of genuine and synthetic clips."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import click

from ..core.errors import InputError, UsageError, VerifyError
from ..datasets.readers import registry as layouts
from ..generate.methods import registry
from .progress import progress
from .session import Answer, Session
from .verb import Group, Verb, option

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"}
SHOWN = 3  # examples of each reason
SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac"}


@click.group(cls=Group)
def datasets() -> None:
    """Read, make and check corpora of genuine and synthetic clips."""


@datasets.command(
    cls=Verb,
    example="""
facewright datasets synthesize corpus --portraits portraits --voices speech --count 100
facewright datasets synthesize corpus --portraits portraits --voices speech --count 100 --identity '[a-z]+_[0-9]+'
""",
)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@option("--portraits", metavar="PATH", type=click.Path(path_type=Path), required=True, multiple=True,
        help="Pictures of people who agreed, or folders of them.")  # fmt: skip
@option("--voices", metavar="PATH", type=click.Path(path_type=Path), required=True, multiple=True,
        help="Sound files, or folders of them.")  # fmt: skip
@option("--count", type=click.IntRange(1), required=True, help="Clips to make.")
@option("--method", "methods", type=click.Choice(registry.NAMES), multiple=True, default=("meshwarp",),
        show_default=True, help="May be given several times; they take turns.")  # fmt: skip
@option("--seconds", type=click.FloatRange(0.2), default=6.0, show_default=True, help="Longest clip.")
@option("--size", type=click.IntRange(256, 2160), default=512, show_default=True, help="Short side in pixels.")
@option("--crf", "crfs", type=click.FloatRange(0, 51), multiple=True, default=(18,), show_default=True,
        help="x264's rate factor; may be given several times, one is drawn for each clip.")  # fmt: skip
@option("--seed", type=int, default=0, show_default=True, help="Seed of every draw.")
@option("--spread", type=click.FloatRange(0, 1), default=0.5, show_default=True,
        help="How far controls vary; 0 leaves the defaults.")  # fmt: skip
@option("--identity", metavar="REGEX", default=".+", show_default=True,
        help="What in a portrait's file name names the person.")  # fmt: skip
@option("--licence", default="not stated", show_default=True, help="Terms of the portraits, for the index.")
@option("--held-out", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Share of people kept apart.")
@option("--genuine", metavar="PATH", type=click.Path(path_type=Path), section="Counterparts",
        help="Index of real clips, or folder with MANIFEST.csv: each made clip gets one, encoded like it.")  # fmt: skip
@option("--genuine-marked", metavar="SHARE", type=click.FloatRange(0, 1), default=1.0, show_default=True,
        section="Counterparts", help="How many of them carry the watermark, as all made clips do.")  # fmt: skip
@option("--device", default="auto", show_default=True, help="Where networks run.")
@click.pass_context
def synthesize(
    ctx: click.Context,
    out: Path,
    portraits: tuple[Path, ...],
    voices: tuple[Path, ...],
    genuine: Path | None,
    device: str,
    **values: object,
) -> Answer:
    """Make talking heads of portraits × voices × seeds × encodes, and their index.

    Every clip is watermarked and signed like any other. A run that was broken off goes on where it was. With --genuine
    each gets a real counterpart of the same size, frame rate and length, through the same encoder and mark.
    """
    from ..datasets.index import read_index
    from ..datasets.manifest import read_videos
    from ..generate.synthesis import Plan, synthesize

    real = [entry for entry in read_videos(genuine) if entry.label == "genuine"] if genuine else []
    pictures, sounds = _files(portraits, PICTURES), _files(voices, SOUNDS)
    plan = Plan(portraits=pictures, voices=sounds, genuine=real, **values)  # type: ignore[arg-type]
    with progress(ctx.ensure_object(Session)) as report:
        index = synthesize(plan, out, device=device, progress=report)
    count = sum(not entry.synthetic for entry in read_index(index))
    text = f"{index}\n  {plan.count} clips" + (f", {count} genuine counterparts" if genuine else "")
    return Answer({"index": str(index), "clips": plan.count, "genuine": count}, text)


@datasets.command(
    "list",
    cls=Verb,
    example="""
facewright datasets list
facewright datasets list faceforensics
""",
)
@click.argument("name", required=False, type=click.Choice(layouts.NAMES))
def list_(name: str | None) -> Answer:
    """Show the public sets that can be read: what they hold, licence, expected layout, traps."""
    shown = [layouts.LAYOUTS[name]] if name else list(layouts.LAYOUTS.values())
    result = {"readers": [layout.to_dict() for layout in shown]}
    if not name:
        return Answer(result, "\n".join(f"{each.name:<16} {each.title}: {each.holds}" for each in shown))
    (layout,) = shown
    lines = [layout.title, f"  holds    {layout.holds}", f"  licence  {layout.terms}"]
    lines.append(f"  splits   {'official' if layout.official else 'by people and sources'}")
    lines += ["  layout", *(f"    {line}" for line in layout.tree.strip().splitlines())]
    lines += ["  traps", *(f"    - {trap}" for trap in layout.traps)]
    return Answer(result, "\n".join(lines))


@datasets.command(
    cls=Verb,
    example="""
facewright datasets prepare faceforensics /data/ff --out ff.jsonl
facewright datasets prepare fakeavceleb /data/fakeavceleb --out fakeav.jsonl --splits people --json
""",
)
@click.argument("name", type=click.Choice(layouts.NAMES))
@click.argument("root", type=click.Path(path_type=Path))
@option("--out", metavar="INDEX", type=click.Path(path_type=Path, dir_okay=False), required=True,
        help="Index to write: .jsonl or .csv.")  # fmt: skip
@option("--splits", type=click.Choice(["official", "people", "none"]),
        help="Where splits come from; official ones where the set has them.")  # fmt: skip
@option("--licence", default="", help="Terms to put down in place of those we know.")
@option("--videos", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
        help="Write folders of frames there as videos, for training.")  # fmt: skip
@option("--force", is_flag=True, help="Replace the index if it exists.")
@click.pass_context
def prepare(
    ctx: click.Context,
    name: str,
    root: Path,
    out: Path,
    splits: Literal["official", "people", "none"] | None,
    licence: str,
    videos: Path | None,
    force: bool,
) -> Answer:
    """Make an index of a public set that lies below ROOT as it was unpacked.

    Says what was left out and why. No person and no source stands in two splits; clips that would are in none.
    """
    from ..datasets.prepare import prepare

    if out.exists() and not force:
        raise UsageError("output_exists", f"{out} exists", "Name another, or add --force.")
    with progress(ctx.ensure_object(Session)) as report:
        made = prepare(name, root, out, splits=splits, licence=licence, videos=videos, progress=report)
    result = {"index": str(out), **made.to_dict()}
    return Answer(result, "\n".join(_prepared(result)))


@datasets.command(
    cls=Verb,
    example="""
facewright datasets join ff.jsonl deeper.jsonl --out both.jsonl
facewright datasets join ff.jsonl dfdc.jsonl corpus/index.jsonl --out all.jsonl --splits people
""",
)
@click.argument("indexes", nargs=-1, required=True, type=click.Path(path_type=Path))
@option("--out", metavar="INDEX", type=click.Path(path_type=Path, dir_okay=False), required=True,
        help="Index to write: .jsonl or .csv.")  # fmt: skip
@option("--splits", type=click.Choice(["official", "people", "none"]),
        help="Where splits come from; those of the indexes where they have any.")  # fmt: skip
@option("--force", is_flag=True, help="Replace the index if it exists.")
def join(
    indexes: tuple[Path, ...], out: Path, splits: Literal["official", "people", "none"] | None, force: bool
) -> Answer:
    """Make one index of several, so that no person of one set stands in another split of the next."""
    from ..datasets.prepare import join

    if out.exists() and not force:
        raise UsageError("output_exists", f"{out} exists", "Name another, or add --force.")
    result = {"index": str(out), **join(indexes, out, splits=splits).to_dict()}
    return Answer(result, "\n".join(_prepared(result)))


def _prepared(result: dict[str, Any]) -> list[str]:
    count = ", ".join(f"{number} {label}" for label, number in sorted(result["labels"].items()))
    lines = [result["index"], f"  {result['clips']} clips ({count}) of {result['people']} people"]
    splits = {split: number for split, number in sorted(result["split_counts"].items()) if split}
    if splits:
        said = ", ".join(f"{number} {split}" for split, number in splits.items())
        lines.append(f"  splits {'by people' if result['splits'] == 'people' else 'official'}: {said}")
    lines += [f"  note: {note}" for note in result["notes"]]
    for reason, number in Counter(each["reason"] for each in result["skipped"]).most_common():
        paths = [each["path"] for each in result["skipped"] if each["reason"] == reason]
        more = f", … {number - SHOWN} more" if number > SHOWN else ""
        lines.append(f"  left out, {reason}: {', '.join(paths[:SHOWN])}{more}")
    return lines


@datasets.command(
    cls=Verb,
    example="""
facewright datasets check corpus/index.jsonl
facewright datasets check ff.jsonl --sample 500 --deep --json
""",
)
@click.argument("index", type=click.Path(path_type=Path))
@option("--deep", is_flag=True, help="Decode frames in the middle and near the end of each file too.")
@option("--sample", type=click.IntRange(1), help="Look into so many files of each label; are they all there, of all.")
@click.pass_context
def check(ctx: click.Context, index: Path, deep: bool, sample: int | None) -> Answer:
    """Check that a corpus is fit to learn from.

    Every file there and readable, nobody in two splits, no content twice, and nothing but the faces that tells the
    labels apart: neither size, rate, length and codec nor the watermark. Exit code 10 if something grave was found.
    """
    from ..datasets.checking import check

    with progress(ctx.ensure_object(Session)) as report:
        found = check(index, deep=deep, sample=sample, progress=report)
    result = {"index": str(index), **found.to_dict()}
    text = "\n".join(_checked(result))
    if found.sound:
        return Answer(result, text)
    first = found.findings[0]
    error = VerifyError("corpus_flawed", f"{index}: {first.message}", "What is marked ! should be mended first.")
    return Answer(result, text, error.exit_code, error=error.to_dict())


def _checked(result: dict[str, Any]) -> list[str]:
    count = ", ".join(f"{number} {label}" for label, number in sorted(result["labels"].items()))
    lines = [f"{result['clips']} clips ({count}) of {result['people']} people; {result['looked_into']} looked into"]
    for label, each in result["containers"].items():
        words = "  ".join(f"{name} {'/'.join(each[name])}" for name in ("codec", "sound"))
        size = f"{each['width']:.0f}×{each['height']:.0f}"
        rates = f"{each['fps']:g} fps  {each['seconds']:.1f} s  {each['bit_rate'] / 1000:.0f} kbit/s"
        lines.append(f"  {label:<10} {size}  {rates}  {words}")
    if told := result["baseline"]:
        span = f"90 % interval {told['low']:.2f} to {told['high']:.2f}"
        lines.append(f"  container alone: AUC {told['auc']:.2f} ({span}); 0.5 or less gives nothing away")
        lines.append(f"  bit rate alone: AUC {result['bit_rate']['auc']:.2f}")
    for each in result["findings"]:
        lines.append(f"{'!' if each['grave'] else '-'} {each['code']}: {each['message']} ({each['count']})")
        lines += [f"    {example}" for example in each["examples"]]
    return lines if result["findings"] else [*lines, "nothing to mend"]


@datasets.command(
    cls=Verb,
    example="""
facewright datasets pack corpus/index.jsonl packed --size 256
facewright train ifmdm --stage 1 --data packed/index.jsonl --out runs/001
""",
)
@click.argument("data", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@option("--size", type=click.IntRange(32, 1024), default=256, show_default=True,
        help="Side of the crops; training may take less.")  # fmt: skip
@option("--limit", type=click.FloatRange(1), default=64.0, show_default=True, help="MiB that the folder may have.")
@option("--cache", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
        help="Where crops are kept that were cut before, such as RUN/cache.")  # fmt: skip
@option("--workers", type=click.IntRange(0), default=0, show_default=True, help="Processes that cut at the same time.")
@click.pass_context
def pack(
    ctx: click.Context, data: Path, out: Path, size: int, limit: float, cache: Path | None, workers: int
) -> Answer:
    """Find the faces of a corpus once, and keep crops, landmarks and sound in a small folder to learn from elsewhere.

    The machine that learns needs no face finder. Crops are those of AniTalker, IF-MDM and INFP.
    """
    from ..core.media import probe
    from ..datasets.crops import face_crops
    from ..datasets.packing import pack
    from ..generate.latent.samples import MARGIN, SHIFT_UP

    recipe: dict[str, Any] = {"margin": MARGIN, "shift_up": SHIFT_UP}
    with progress(ctx.ensure_object(Session)) as report, tempfile.TemporaryDirectory() as spare:
        crops = face_crops(data, cache or Path(spare), size=size, workers=workers, progress=report, **recipe)
        index = pack(crops, out, limit=int(limit * 2**20), progress=report, **recipe)
    count, used = len(crops.clips), sum(file.stat().st_size for file in out.iterdir())
    seconds = sum(probe(file).seconds for file in out.glob("*.mp4"))
    result = {"index": str(index), "clips": count, "seconds": round(seconds, 2), "bytes": used}
    return Answer(result, f"{index}\n  {count} clips, {seconds:.0f} s, {used / 2**20:.1f} MiB")


def _files(paths: tuple[Path, ...], kinds: set[str]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError("unreadable", f"there is nothing at {path}", "Name a file or a folder.")
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in kinds) if path.is_dir() else [path]
        if not inside:
            raise InputError("unreadable", f"{path} holds no file of the kinds {', '.join(sorted(kinds))}")
        found += inside
    return found
