"""The index of a corpus: one line a clip, in JSON lines or CSV, and splits that no person or recording straddles."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from ..core.errors import InputError

LABELS = ("genuine", "synthetic", "control")
SPLITS = ("", "train", "val", "test")
_TRUTH = {"true": True, "1": True, "yes": True, "y": True, "false": False, "0": False, "no": False, "n": False}


@dataclass(frozen=True)
class Entry:
    """One clip.

    Attributes:
        video: path (relative to the index file, or absolute) of a video, a picture or a folder of frames, or a unique
            recipe name where no file is kept.
        label: "genuine" (a camera saw it move), "synthetic", or "control": a photograph under simulated camera shake
            and noise, no synthesis in the face, used to unlearn what photographs share; never counted as genuine.
        identity: whose face is shown; the unit of splits and of confidence intervals.
        source: the recording or picture the clip was cut or made from; clips that share one never part.
        licence: terms in words, with their class where one is known ("A: CC BY 4.0").
        generator: what made it; empty for clips that are not synthetic.
        split: "train", "val", "test" or empty.
        encode: the last encoding in words ("h264 crf=23 512"); empty for the file as found.
        marked: whether our watermark is in the frames.
        second: another person in it, if any: on whose body a swapped face sits, or whose motion drives it. Kept apart
            between splits as `identity` is.
    """

    video: str
    label: str
    identity: str
    source: str
    licence: str
    generator: str = ""
    split: str = ""
    encode: str = ""
    marked: bool = False
    second: str = ""

    @property
    def people(self) -> tuple[str, ...]:
        return (self.identity, self.second) if self.second else (self.identity,)

    @property
    def ties(self) -> tuple[tuple[str, str], ...]:
        """What must not stand in two splits, as (kind, name)."""
        return (*(("identity", person) for person in self.people), ("source", self.source))

    @property
    def synthetic(self) -> bool:
        return self.label == "synthetic"

    @property
    def control(self) -> bool:
        return self.label == "control"


_FIELDS = tuple(field.name for field in fields(Entry))
_REQUIRED = ("video", "label", "identity", "source", "licence")


def read_index(path: str | os.PathLike[str], *, consistent: bool = True) -> list[Entry]:
    """Read and validate an index; `.csv` is CSV with a header, anything else JSON lines.

    Args:
        consistent: refuse lines that contradict each other (`validate`).

    Raises:
        InputError: "unreadable" if the file cannot be opened, "bad_index" with the line and the reason.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("unreadable", f"The index {path} cannot be read: {error}.") from error
    rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(path, text)
    entries = [_entry(path, line, row) for line, row in rows]
    if consistent:
        validate(entries, name=str(path))
    return entries


def write_index(path: str | os.PathLike[str], entries: Iterable[Entry]) -> None:
    """Validate and write an index in the format that the suffix names, replacing the file in one step.

    Raises:
        InputError: "bad_index" if the entries contradict each other.
    """
    path, entries = Path(path), list(entries)
    validate(entries, name=str(path))
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.DictWriter(file, _FIELDS)
            writer.writeheader()
            writer.writerows({**asdict(entry), "marked": str(entry.marked).lower()} for entry in entries)
        else:
            file.writelines(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
    partial.replace(path)


def validate(entries: Sequence[Entry], *, name: str = "The index") -> None:
    """Check what lines say about each other.

    Raises:
        InputError: "bad_index" if a video stands twice, a label and its generator disagree, or one identity or one
            source stands in two splits.
    """
    for reason in contradictions(entries):
        raise _bad(name, reason, "Use split()." if "in both" in reason else "")


def contradictions(entries: Sequence[Entry]) -> Iterator[str]:
    """Everything that `validate` would refuse, one sentence each; a person or source in two splits is named once."""
    seen: set[str] = set()
    splits: dict[tuple[str, str], str] = {}
    told: set[tuple[str, str]] = set()
    for entry in entries:
        if entry.video in seen:
            yield f"{entry.video!r} stands twice"
        seen.add(entry.video)
        if entry.synthetic != bool(entry.generator):
            yield f"{entry.video!r}: synthetic clips name their generator, and no others have one"
        for kind, group in entry.ties if entry.split else ():
            first = splits.setdefault((kind, group), entry.split)
            if first != entry.split and (kind, group) not in told:
                told.add((kind, group))
                yield f"{kind} {group!r} stands in both {first!r} and {entry.split!r}"


def groups(entries: Sequence[Entry]) -> list[str]:
    """The group of each entry: clips that share a person or a source, directly or through others, share it."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(node, node) != node:
            parent[node] = node = parent[parent[node]]
        return node

    for entry in entries:
        first, *others = entry.ties
        for node in others:
            one, other = sorted((root(first), root(node)))
            parent[other] = one
    return ["/".join(root(("identity", entry.identity))) for entry in entries]


def split(entries: Sequence[Entry], shares: Mapping[str, float], *, salt: str = "") -> list[Entry]:
    """Give every entry a split by the hash of its group, so that a corpus that grows keeps its splits.

    Args:
        shares: share of each split, for example `{"train": 0.7, "val": 0.15, "test": 0.15}`; they sum to 1.
        salt: another salt is another draw.
    """
    unknown = [name for name in shares if name not in SPLITS[1:]]
    if unknown or abs(sum(shares.values()) - 1) > 1e-6 or min(shares.values()) < 0:
        raise InputError("bad_index", f"Shares {dict(shares)} are no split.", f"Name {SPLITS[1:]} and sum to 1.")

    def draw(group: str) -> str:
        edges = itertools.accumulate(shares.values())
        point = _hash(salt, group)
        return next((name for name, edge in zip(shares, edges, strict=True) if point < edge), list(shares)[-1])

    return [replace(entry, split=draw(group)) for entry, group in zip(entries, groups(entries), strict=True)]


def folds(entries: Sequence[Entry], count: int, *, salt: str = "") -> list[int]:
    """A fold in `range(count)` for each entry: groups stay whole, and each kind's groups are dealt out in turn.

    The kind of a group is its first entry's label: a control shares its photograph with the clips made of it.

    Raises:
        InputError: "bad_index" if a label has fewer groups than there are folds.
    """
    group_of = groups(entries)
    labels: dict[str, str] = {}
    for group, entry in zip(group_of, entries, strict=True):
        labels.setdefault(group, entry.label)
    fold: dict[str, int] = {}
    for label in sorted(set(labels.values())):
        members = sorted((group for group in labels if labels[group] == label), key=lambda group: _hash(salt, group))
        if len(members) < count:
            raise InputError("bad_index", f"{len(members)} groups of {label} clips cannot fill {count} folds.")
        fold |= {group: number % count for number, group in enumerate(members)}
    return [fold[group] for group in group_of]


def _hash(salt: str, group: str) -> float:
    digest = hashlib.sha256(f"{salt}\0{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _bad(name: str, reason: str, hint: str = "") -> InputError:
    return InputError("bad_index", f"{name}: {reason}.", hint)


def _csv_rows(text: str) -> list[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    return [(reader.line_num, {**row}) for row in reader]


def _json_rows(path: Path, text: str) -> list[tuple[int, dict[str, object]]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _bad(f"{path}, line {number}", f"not JSON ({error})") from error
        if not isinstance(row, dict):
            raise _bad(f"{path}, line {number}", "not an object")
        rows.append((number, row))
    return rows


def _entry(path: Path, line: int, row: dict[str, object]) -> Entry:
    name = f"{path}, line {line}"
    if unknown := sorted(str(key) for key in row if key not in _FIELDS):
        raise _bad(name, f"unknown fields {unknown}", f"Fields are {list(_FIELDS)}.")
    if missing := [key for key in _REQUIRED if not row.get(key)]:
        raise _bad(name, f"{missing} missing or empty")
    marked = row.get("marked", False)
    if not isinstance(marked, bool):
        marked = _TRUTH.get(str(marked or "false").strip().lower())
    values = {key: "" if row.get(key) is None else row[key] for key in _FIELDS if key in row and key != "marked"}
    if marked is None or not all(isinstance(value, str) for value in values.values()):
        raise _bad(name, "marked is true or false, every other field a string")
    for key, allowed in (("label", LABELS), ("split", SPLITS)):
        if values.get(key, "") not in allowed and key in values:
            raise _bad(name, f"{key} is {values[key]!r}", f"One of {[choice for choice in allowed if choice]}.")
    return Entry(marked=marked, **values)  # type: ignore[arg-type]
