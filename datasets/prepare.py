"""From the layout of a public set to an index: what is there, what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..core.errors import InputError, UsageError
from ..core.progress import Report, silent
from .index import Entry, groups, read_index, write_index
from .readers.registry import LAYOUTS
from .readers.tree import Skipped, Tree
from .splits import KNOT, by_people, clean

Splits = Literal["official", "people", "none"]


@dataclass(frozen=True)
class Prepared:
    """An index that was made.

    Attributes:
        entries: with paths as the index has them.
        skipped: files and lines of lists that became no clip.
        notes: what the user should know.
        splits: where they are from; "people" where the set has no official ones.
    """

    entries: list[Entry]
    skipped: list[Skipped]
    notes: list[str]
    splits: Splits

    def to_dict(self) -> dict[str, Any]:
        """Counts, and what was left out."""
        return {
            "clips": len(self.entries),
            "labels": dict(Counter(entry.label for entry in self.entries)),
            "generators": dict(Counter(entry.generator for entry in self.entries if entry.generator)),
            "split_counts": dict(Counter(entry.split for entry in self.entries)),
            "people": len({person for entry in self.entries for person in entry.people}),
            "splits": self.splits,
            "notes": self.notes,
            "skipped": [vars(each) for each in self.skipped],
        }


def prepare(
    name: str,
    root: Path,
    out: Path,
    *,
    splits: Splits | None = None,
    licence: str = "",
    videos: Path | None = None,
    progress: Report = silent,
) -> Prepared:
    """Read the set `name` below `root` and write its index to `out`.

    Paths are relative to the index where the set lies below its folder, absolute otherwise.

    Args:
        splits: "official", by "people", or "none"; None: official ones where the set has them, otherwise by people.
        licence: in place of the set's terms as we know them.
        videos: folder to write folders of frames to, as videos; None leaves them as they are.

    Raises:
        UsageError: "usage" for an unknown name, official splits where there are none, or no folder for `out`.
        InputError: "unreadable" if `root` is no folder, "bad_corpus" for a damaged list or if there is no clip.
    """
    if name not in LAYOUTS:
        raise UsageError("usage", f"there is no reader {name!r}", f"There are: {', '.join(LAYOUTS)}.")
    layout = LAYOUTS[name]
    if not out.parent.is_dir():
        raise UsageError("no_folder", f"{out.parent} is no folder", "Make it, or name another.")
    tree = Tree(root)
    entries = sorted((made.entry(licence or layout.terms) for made in layout.read(tree)), key=lambda entry: entry.video)
    tree.left_over()
    if not entries:
        reasons = Counter(each.reason for each in tree.skipped).most_common(1)
        why = f"; {reasons[0][1]} files: {reasons[0][0]}" if reasons else ""
        expected = ", ".join(layout.tree.split("\n")[1:-1])
        raise InputError("bad_corpus", f"{root} holds no clip of {layout.title}{why}", f"Expected there: {expected}")
    entries, kind = _split(entries, splits, name, tree.notes)
    base, folder = out.parent.resolve(), root.resolve()
    entries = [replace(entry, video=_located(folder / entry.video, base)) for entry in entries]
    if videos:
        from .filming import film

        entries, broken = film(entries, base, videos, progress=progress)
        tree.skipped += broken
    elif frames := sum((base / entry.video).is_dir() for entry in entries):
        tree.notes.append(f"{frames} clips are folders of frames: trainings read videos, which --videos makes of them")
    write_index(out, entries)
    return Prepared(entries, tree.skipped, tree.notes, kind)


def join(indexes: Sequence[Path], out: Path, *, splits: Splits | None = None) -> Prepared:
    """One index of several, with paths that lead from `out`; a file that stands in two of them is listed once.

    Where a person or a source has another split in each, the strictest holds, as in `prepare`.

    Raises:
        UsageError: "usage", "no_folder".
        InputError: "unreadable", "bad_index".
    """
    if not out.parent.is_dir():
        raise UsageError("no_folder", f"{out.parent} is no folder", "Make it, or name another.")
    base = out.parent.resolve()
    entries: dict[str, Entry] = {}
    for index in indexes:
        for entry in read_index(index):
            video = _located((index.parent / entry.video).resolve(), base)
            entries.setdefault(video, replace(entry, video=video))
    notes: list[str] = []
    made, kind = _split(list(entries.values()), splits, "this set of indexes", notes)
    write_index(out, made)
    return Prepared(made, [], notes, kind)


def _located(path: Path, base: Path) -> str:
    return (path.relative_to(base) if path.is_relative_to(base) else path).as_posix()


def _split(entries: list[Entry], wish: Splits | None, name: str, notes: list[str]) -> tuple[list[Entry], Splits]:
    official = any(entry.split for entry in entries)
    if wish == "official" and not official:
        raise UsageError("usage", f"{name} has no official splits here", "Ask for splits by people.")
    if wish == "none":
        return [replace(entry, split="") for entry in entries], "none"
    if wish != "people" and official:
        made = clean(entries)
        lost = sum(bool(entry.split) and not new.split for entry, new in zip(entries, made, strict=True))
        if lost:
            notes.append(f"{lost} clips share a person or a source with a split that is tested on: they stand in none")
        return made, "official"
    made = by_people(entries)
    lost = sum(not entry.split for entry in made)
    if lost:
        notes.append(f"{lost} clips show two people of different splits: they stand in none")
    elif len(entries) > 1 and (most := Counter(groups(entries)).most_common(1)[0][1]) > KNOT * len(entries):
        notes.append(f"{most} of {len(entries)} clips hang together through people and sources: one split has them all")
    return made, "people"
