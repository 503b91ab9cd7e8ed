"""Splits of clips that show two people, and official splits cleaned of their leaks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from facewright.core.errors import UsageError
from facewright.datasets.index import Entry, read_index, validate, write_index
from facewright.datasets.prepare import join
from facewright.datasets.splits import SHARES, by_people, clean
from hypothesis import given, settings
from hypothesis import strategies as st


def swap(number: int, shown: str, body: str) -> Entry:
    return Entry(f"f{number}", "synthetic", shown, f"take of {body}", "ours", "swap", second=body)


def film(person: str, number: int = 0) -> Entry:
    return Entry(f"r{person}{number}", "genuine", person, f"take of {person}", "ours")


def test_a_knot_of_swaps_is_cut():
    people = [f"p{n}" for n in range(60)]
    entries = [film(person) for person in people]
    random = Random(0)
    entries += [swap(n, *random.sample(people, 2)) for n in range(600)]
    made = by_people(entries)
    validate(made)
    count = Counter(entry.split for entry in made)
    assert set(count) == {"", *SHARES}
    assert all(entry.split for entry in made if not entry.synthetic)
    assert sum(entry.split == "train" for entry in made[60:]) > 200
    assert by_people(made[::-1])[::-1] == made


def test_pairs_stay_whole():
    entries = [entry for n in range(40) for entry in (film(f"a{n}"), film(f"b{n}"), swap(n, f"a{n}", f"b{n}"))]
    made = by_people(entries)
    validate(made)
    assert all(entry.split for entry in made)


def test_a_swap_without_its_original_goes_with_the_person_it_was_filmed_of():
    people = [f"p{n}" for n in range(30)]
    entries = [film(f"{person}", 1) for person in people]
    entries = [Entry(e.video, e.label, e.identity, f"another {e.source}", "") for e in entries]
    random = Random(1)
    entries += [swap(n, *random.sample(people, 2)) for n in range(300)]
    made = by_people(entries)
    validate(made)
    split_of = {entry.identity: entry.split for entry in made if not entry.synthetic}
    for entry in made[30:]:
        shared = split_of[entry.identity] == split_of[entry.second]
        assert entry.split == (split_of[entry.identity] if shared else "")


rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from(["", *SHARES])), max_size=50)


@settings(max_examples=80, deadline=None)
@given(rows)
def test_nobody_straddles_a_split_whatever_was_official(found):
    entries = [
        Entry(str(n), "synthetic", f"p{one}", f"s{other}", "", "m", split, second=f"p{other}" if n % 3 else "")
        for n, (one, other, split) in enumerate(found)
    ]
    validate(by_people(entries))
    cleaned = clean(entries)
    validate(cleaned)
    for before, after in zip(entries, cleaned, strict=True):
        assert after.split in ("", before.split)
        if before.split == "test":
            assert after.split == "test"


def test_indexes_join_without_leaks_and_without_doubles(tmp_path):
    one, other = tmp_path / "a" / "one.jsonl", tmp_path / "b" / "other.csv"
    for index in (one, other):
        index.parent.mkdir()
    write_index(one, [replace(film("ann"), split="test"), replace(film("bob"), split="train")])
    shared = replace(film("bob"), video="../a/rbob0", split="train")
    write_index(other, [replace(swap(1, "cy", "ann"), split="train"), shared, replace(film("dan"), split="val")])
    made = join([one, other], tmp_path / "all.jsonl")
    assert read_index(tmp_path / "all.jsonl") == made.entries
    assert {entry.video: entry.split for entry in made.entries} == {
        "a/rann0": "test",
        "a/rbob0": "train",
        "b/f1": "",  # Ann is tested on
        "b/rdan0": "val",
    }
    assert "1 clips share a person" in made.notes[0]
    assert {entry.split for entry in join([one, other], tmp_path / "none.csv", splits="none").entries} == {""}
    validate(join([one, other], tmp_path / "people.jsonl", splits="people").entries)
    far = join([one], other.parent / "far.jsonl").entries
    assert far[0].video == (tmp_path / "a" / "rann0").as_posix()
    with pytest.raises(UsageError):
        join([one], tmp_path / "nowhere" / "x.jsonl")
