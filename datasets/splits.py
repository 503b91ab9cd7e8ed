"""Splits for sets of clips that show more than one person, and for official splits that are not clean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .index import Entry, groups, split

SHARES: Mapping[str, float] = {"train": 0.7, "val": 0.1, "test": 0.2}
KNOT = 0.5  # share of the clips above which people who are tied together through swaps are dealt out one by one
_STRICTEST = ("test", "val", "train")


def by_people(entries: Sequence[Entry], shares: Mapping[str, float] = SHARES, *, salt: str = "") -> list[Entry]:
    """Every entry with a split that neither a person nor a source straddles; by hash, so a set that grows keeps it.

    Where clips of two people tie most people of a set into one knot, people are dealt out alone, and a clip whose
    people fall into different splits stands in none.
    """
    if not entries or Counter(groups(entries)).most_common(1)[0][1] <= KNOT * len(entries):
        return split(entries, shares, salt=salt)
    alone = [entry for entry in entries if not entry.second]
    home = {tie: group for entry, group in zip(alone, groups(alone), strict=True) for tie in entry.ties}
    for source, people in _people_of_sources(entries).items():
        if people:  # whose recording it is, though its original is not here
            person = ("identity", min(people))
            home.setdefault(("source", source), home.setdefault(person, "/".join(person)))
    homes = {tie: home.get(tie, "/".join(tie)) for entry in entries for tie in entry.ties}
    names = sorted(set(homes.values()))
    drawn = split([Entry(name, "genuine", name, name, "") for name in names], shares, salt=salt)
    split_of = {entry.video: entry.split for entry in drawn}
    return [_placed(entry, {split_of[homes[tie]] for tie in entry.ties}) for entry in entries]


def _people_of_sources(entries: Sequence[Entry]) -> dict[str, set[str]]:
    """People whom all clips of a source share."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    first: set[str] = set()
    for entry in entries:
        people[entry.source] = people[entry.source] & {*entry.people} if entry.source in first else {*entry.people}
        first.add(entry.source)
    return people


def _placed(entry: Entry, splits: set[str]) -> Entry:
    return replace(entry, split=splits.pop() if len(splits) == 1 else "")


def clean(entries: Sequence[Entry]) -> list[Entry]:
    """Official splits without their leaks: "test" stays as it is, and of the rest what shares nothing with it.

    Clips of "val" that share a person or a source with "test" stand in no split, nor do clips of "train" that share one
    with either.
    """
    taken: set[tuple[str, str]] = set()
    kept: dict[str, str] = {}
    for name in _STRICTEST:
        own = [entry for entry in entries if entry.split == name and taken.isdisjoint(entry.ties)]
        kept |= {entry.video: name for entry in own}
        taken |= {tie for entry in own for tie in entry.ties}
    return [replace(entry, split=kept.get(entry.video, "")) for entry in entries]
