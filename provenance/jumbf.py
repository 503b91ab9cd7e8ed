"""The boxes of a C2PA manifest store (JUMBF, ISO 19566-5): which manifests it holds, and the active one by itself."""

from __future__ import annotations


def manifests(store: bytes) -> list[tuple[str, bytes]]:
    """Label and box of every manifest in the order they stand, the active one last (C2PA 2.4, §11.1.4).

    Empty for bytes that are no manifest store.
    """
    if _label(store) != "c2pa" or int.from_bytes(store[:4], "big") != len(store):
        return []
    found, start = [], _first_child(store)
    while start + 8 <= len(store):
        size = int.from_bytes(store[start : start + 4], "big")
        if size < 8 or start + size > len(store):
            return []
        box = store[start : start + size]
        if (label := _label(box)) is not None:
            found.append((label, box))
        start += size
    return found


def active_label(store: bytes) -> str | None:
    """The label of the active manifest, its identifier; None for bytes that are no manifest store."""
    found = manifests(store)
    return found[-1][0] if found else None


def active_only(store: bytes) -> bytes:
    """A manifest store with the active manifest alone, as it stands, without those of its ingredients."""
    found = manifests(store)
    if len(found) < 2:
        return store
    head, box = store[4 : _first_child(store)], found[-1][1]
    return (4 + len(head) + len(box)).to_bytes(4, "big") + head + box


def _first_child(box: bytes) -> int:
    """Where the box after the description box begins."""
    return 8 + int.from_bytes(box[8:12], "big")


def _label(box: bytes) -> str | None:
    """The label in the description box of a superbox."""
    if box[4:8] != b"jumb" or box[12:16] != b"jumd" or len(box) < 34 or not box[32] & 2:
        return None
    try:
        return box[33 : _first_child(box)].split(b"\0", 1)[0].decode("utf-8")
    except UnicodeDecodeError:
        return None
