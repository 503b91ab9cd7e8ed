"""The corpus index: what is written is read, what contradicts itself is refused, and no group straddles a split."""

import json
from dataclasses import replace

import pytest
from facewright.core.errors import InputError
from facewright.datasets.index import Entry, folds, groups, read_index, split, validate, write_index
from hypothesis import given, settings
from hypothesis import strategies as st

REAL = Entry("a.mp4", "genuine", "ann", "talk", "A: CC BY 4.0")
FAKE = Entry('b,"b"\u2028é.mp4', "synthetic", "bob", "bob.jpg", "A", "meshwarp", encode="h264 crf=23", marked=True)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"index{suffix}"
    write_index(path, [REAL, FAKE])
    assert read_index(path) == [REAL, FAKE]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 1: not JSON"),
        ("[1]", "line 1: not an object"),
        ('{"video": "a"}', "missing or empty"),
        (json.dumps({**vars(REAL), "frames": 3}), "unknown fields"),
        (json.dumps({**vars(REAL), "label": "real"}), "label is 'real'"),
        (json.dumps({**vars(REAL), "split": "holdout"}), "split is 'holdout'"),
        (json.dumps({**vars(REAL), "marked": "perhaps"}), "marked is true or false"),
        (json.dumps({**vars(REAL), "source": 7}), "every other field a string"),
        (json.dumps({**vars(REAL), "generator": "meshwarp"}), "no others have one"),
        (json.dumps({**vars(FAKE), "generator": ""}), "name their generator"),
        (json.dumps(vars(REAL)) + "\n" + json.dumps(vars(REAL)), "stands twice"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, says):
    path = tmp_path / "index.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match=says) as error:
        read_index(path)
    assert error.value.code == "bad_index"


def test_a_missing_index_is_unreadable(tmp_path):
    with pytest.raises(InputError) as error:
        read_index(tmp_path / "none.jsonl")
    assert error.value.code == "unreadable"


@pytest.mark.parametrize("field", ["identity", "source"])
def test_a_leak_between_splits_is_refused(field):
    other = replace(REAL, video="c.mp4", identity="cy", source="other", split="test")
    other = replace(other, **{field: getattr(REAL, field)})
    with pytest.raises(InputError, match=f"{field} .* stands in both"):
        validate([replace(REAL, split="train"), other])


def test_groups_join_through_identity_and_source():
    chain = [replace(REAL, video=str(n), identity=i, source=s) for n, (i, s) in enumerate(["ax", "ay", "by", "cz"])]
    first, second, third, apart = groups(chain)
    assert first == second == third != apart


people = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(people, st.text(max_size=3))
def test_no_identity_or_source_straddles_a_split(rows, salt):
    entries = [
        Entry(str(n), "synthetic" if fake else "genuine", f"{fake}{i}", f"{fake}{s}", "A", "m" if fake else "")
        for n, (i, s, fake) in enumerate(rows)
    ]
    drawn = split(entries, {"train": 0.5, "val": 0.2, "test": 0.3}, salt=salt)
    validate(drawn)  # refuses leaks
    assert all(entry.split for entry in drawn)
    again = split(entries[::-1], {"train": 0.5, "val": 0.2, "test": 0.3}, salt=salt)[::-1]
    assert drawn == again  # neither order nor process matters


@settings(max_examples=60, deadline=None)
@given(people)
def test_folds_keep_groups_whole_and_deal_labels_out(rows):
    entries = [
        Entry(str(n), "synthetic" if fake else "genuine", f"{fake}{i}", f"{fake}{s}", "A", "m" if fake else "")
        for n, (i, s, fake) in enumerate(rows)
    ]
    group_of = groups(entries)
    per_label = [
        len({g for g, e in zip(group_of, entries, strict=True) if e.label == label})
        for label in {e.label for e in entries}
    ]
    if min(per_label) < 2:
        with pytest.raises(InputError):
            folds(entries, 2)
        return
    fold = folds(entries, 2)
    assert len(set(zip(group_of, fold, strict=True))) == len(set(group_of))
    for label in ("genuine", "synthetic"):
        assert {f for f, e in zip(fold, entries, strict=True) if e.label == label} in ({0, 1}, set())


def test_a_growing_corpus_keeps_its_splits():
    entries = [replace(REAL, video=f"{n}", identity=f"p{n}", source=f"s{n}") for n in range(400)]
    shares = {"train": 0.7, "val": 0.1, "test": 0.2}
    small, large = split(entries[:100], shares), split(entries, shares)
    assert small == large[:100]
    count = sum(entry.split == "test" for entry in large)
    assert 50 <= count <= 110


def test_shares_that_are_no_split_are_refused():
    with pytest.raises(InputError):
        split([REAL], {"train": 0.5})
