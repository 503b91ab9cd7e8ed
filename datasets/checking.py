"""Is a corpus fit to learn from: files there and whole, nobody in two splits, no short cut to the label."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.progress import Progress, Report, silent
from ..core.random import generator
from .index import Entry, contradictions, read_index

if TYPE_CHECKING:
    from .container import Baseline, Container

FAIR = 0.6  # AUC of the container-only baseline above which a corpus has a short cut
UNEVEN = 10  # clips of one label for one of the other that deserve a word
EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """Something about a corpus that its user should know.

    Attributes:
        code: stable name.
        grave: a detector trained on it would learn, or be judged on, something else than synthesis.
        message: one sentence.
        count: clips or sentences concerned.
        examples: some of them.
    """

    code: str
    grave: bool
    message: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What `check` found; `containers` are summaries by label, `splits` counts by split and label.

    `baseline` is what the container alone gives away, `bit_rate` what that of the picture does.
    """

    clips: int
    looked_into: int
    labels: dict[str, int]
    generators: dict[str, int]
    splits: dict[str, dict[str, int]]
    people: int
    containers: dict[str, dict[str, Any]]
    baseline: Baseline | None
    bit_rate: Baseline | None
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing grave was found."""
        return not any(finding.grave for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def check(index: Path, *, deep: bool = False, sample: int | None = None, progress: Report = silent) -> Checked:
    """Examine the corpus of an index.

    Args:
        deep: decode frames in the middle and near the end of each file too.
        sample: look into so many files of each label only; whether they are there is checked of all.

    Raises:
        InputError: "unreadable" or "bad_index" for an index that cannot be parsed.
    """
    entries = read_index(index, consistent=False)
    findings = [*_contradictions(entries), *_balance(entries), *_watermark(entries)]
    there = [entry for entry in entries if _home(index, entry).exists()]
    if absent := [entry.video for entry in entries if not _home(index, entry).exists()]:
        findings.append(_finding("missing", True, "files of the index are not there", absent))
    seen, broken = _look(index, _drawn(there, sample), deep, progress)
    if broken:
        findings.append(_finding("unreadable", True, "files cannot be read", broken))
    findings += _duplicates(index, there)
    judged = [(entry, container) for entry, container in seen if not entry.control]
    told = bits = None
    if len({entry.label for entry, _ in judged}) == 2:
        from .container import baseline

        clips, containers = [entry for entry, _ in judged], [container for _, container in judged]
        told, bits = baseline(clips, containers), baseline(clips, containers, ["bit_rate"])
        findings += [*_short_cut(told), *_bit_rate(bits, clips)]
    return Checked(
        clips=len(entries),
        looked_into=len(seen) + len(broken),
        labels=dict(Counter(entry.label for entry in entries)),
        generators=dict(Counter(entry.generator for entry in entries if entry.generator)),
        splits={
            split: dict(Counter(entry.label for entry in entries if entry.split == split))
            for split in sorted({entry.split for entry in entries})
        },
        people=len({person for entry in entries for person in entry.people}),
        containers=_summaries(seen),
        baseline=told,
        bit_rate=bits,
        findings=tuple(sorted(findings, key=lambda finding: not finding.grave)),
    )


def _home(index: Path, entry: Entry) -> Path:
    return index.parent / entry.video


def _finding(code: str, grave: bool, message: str, examples: Sequence[str], count: int = 0) -> Finding:
    shown = (text if text.isprintable() else ascii(text) for text in examples[:EXAMPLES])
    return Finding(code, grave, message, count or len(examples), tuple(shown))


def _contradictions(entries: Sequence[Entry]) -> Iterator[Finding]:
    said = list(contradictions(entries))
    if leaks := [reason for reason in said if "in both" in reason]:
        yield _finding("leak", True, "people or sources stand in two splits", leaks)
    if others := [reason for reason in said if "in both" not in reason]:
        yield _finding("contradiction", True, "lines contradict each other", others)


def _balance(entries: Sequence[Entry]) -> Iterator[Finding]:
    labels = Counter(entry.label for entry in entries)
    if not labels["genuine"] or not labels["synthetic"]:
        yield _finding("one_label", False, f"there are {' and '.join(labels) or 'no'} clips alone", [], len(entries))
        return
    for split in sorted({entry.split for entry in entries}):
        count = Counter(entry.label for entry in entries if entry.split == split)
        genuine, synthetic = count["genuine"], count["synthetic"]
        said = f"{split or 'in no split'}: {genuine} genuine and {synthetic} synthetic clips"
        if split and not (genuine and synthetic):
            yield _finding("one_label", False, f"{said}; nothing can be measured on it alone", [], genuine + synthetic)
        elif max(genuine, synthetic) > UNEVEN * min(genuine, synthetic) > 0:
            yield _finding("balance", False, said, [], genuine + synthetic)


def _watermark(entries: Sequence[Entry]) -> Iterator[Finding]:
    marked = {
        label: [entry.marked for entry in entries if entry.label == label]
        for label in ("genuine", "synthetic")
        if any(entry.label == label for entry in entries)
    }
    if len(marked) < 2:
        return
    genuine, synthetic = (sum(flags) / len(flags) for flags in marked.values())
    said = f"{genuine:.0%} of the genuine and {synthetic:.0%} of the synthetic clips carry the watermark"
    if bool(genuine) != bool(synthetic):
        yield _finding("watermark", True, f"{said}: it tells them apart", [], sum(map(sum, marked.values())))
    elif abs(genuine - synthetic) > 0.25:
        yield _finding("watermark", False, said, [], sum(map(sum, marked.values())))


def _drawn(entries: Sequence[Entry], sample: int | None) -> list[Entry]:
    if sample is None:
        return list(entries)
    drawn: list[Entry] = []
    for label in sorted({entry.label for entry in entries}):
        own = [entry for entry in entries if entry.label == label]
        order = generator(0, "check", label, len(own)).permutation(len(own))[:sample]
        drawn += [own[number] for number in sorted(order)]
    return drawn


def _look(
    index: Path, entries: Sequence[Entry], deep: bool, progress: Report
) -> tuple[list[tuple[Entry, Container]], list[str]]:
    from .container import look

    seen, broken = [], []
    for number, entry in enumerate(entries):
        progress(Progress("check files", number, len(entries), "files"))
        try:
            seen.append((entry, look(_home(index, entry), deep=deep)))
        except InputError as error:
            broken.append(f"{entry.video}: {error.message}")
    progress(Progress("check files", len(entries), len(entries), "files"))
    return seen, broken


def _summaries(seen: Sequence[tuple[Entry, Container]]) -> dict[str, dict[str, Any]]:
    from .container import summary

    labels = sorted({entry.label for entry, _ in seen})
    return {label: summary([container for entry, container in seen if entry.label == label]) for label in labels}


def _duplicates(index: Path, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Files of the same bytes; only those of one size are read."""
    by_size: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if (path := _home(index, entry)).is_file():
            by_size[path.stat().st_size].append(entry)
    by_content: defaultdict[str, list[Entry]] = defaultdict(list)
    for same in by_size.values():
        for entry in same if len(same) > 1 else ():
            try:
                with _home(index, entry).open("rb") as file:
                    by_content[hashlib.file_digest(file, "sha256").hexdigest()].append(entry)
            except OSError:
                continue  # told as unreadable
    doubles = [same for same in by_content.values() if len(same) > 1]
    grave = [same for same in doubles if len({(entry.label, entry.split) for entry in same}) > 1]
    for code, is_grave, message, found in (
        ("duplicate_apart", True, "files of the same content under different labels or splits", grave),
        ("duplicate", False, "files of the same content", [same for same in doubles if same not in grave]),
    ):
        if found:
            names = [" = ".join(entry.video for entry in same[:3]) for same in found]
            yield _finding(code, is_grave, message, names, sum(map(len, found)))


def _short_cut(told: Baseline | None) -> Iterator[Finding]:
    if told is None:
        message = "too few people of each label to measure what the container gives away"
        yield _finding("baseline", False, message, [], 0)
    elif told.auc > FAIR and told.low > 0.5:
        best = sorted(told.alone.items(), key=lambda item: -item[1])[:3]
        said = ", ".join(f"{name} {auc:.2f}" for name, auc in best if auc > 0.55)
        message = f"the container alone tells the labels apart: AUC {told.auc:.2f}"
        yield _finding("container", True, f"{message} (by itself: {said})" if said else message, [], told.clips)


def _bit_rate(told: Baseline | None, entries: Sequence[Entry]) -> Iterator[Finding]:
    """At one rate factor a calmer or cleaner picture takes fewer bits; that is no fault of the corpus."""
    if told is None or told.auc <= FAIR or told.low <= 0.5:
        return
    encodes = [{entry.encode for entry in entries if entry.label == label} for label in ("genuine", "synthetic")]
    alike = encodes[0] == encodes[1] and "" not in encodes[0]
    why = "both were encoded alike, so it lies in the pictures" if alike else "were both encoded alike?"
    yield _finding(
        "bit_rate", not alike, f"the bit rate tells the labels apart: AUC {told.auc:.2f}; {why}", [], told.clips
    )
