"""The mesh is a sound surface, its groups mean what they say, and its record matches its file."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from facewright.core.faces import topology as t

LOOPS = ("LIPS_OUTER", "LIPS_INNER", "LEFT_EYE", "RIGHT_EYE", "LEFT_BROW", "RIGHT_BROW", "OVAL")
ROWS = (
    *("LIPS_UPPER_OUTER", "LIPS_LOWER_OUTER", "LIPS_UPPER_INNER", "LIPS_LOWER_INNER"),
    *("LEFT_EYE_UPPER", "LEFT_EYE_LOWER", "RIGHT_EYE_UPPER", "RIGHT_EYE_LOWER"),
)


def directed(triangles: np.ndarray) -> Counter:
    return Counter((int(a), int(b)) for tri in triangles for a, b in zip(tri, np.roll(tri, -1), strict=True))


def test_the_mesh_is_an_oriented_manifold_with_four_holes():
    edges = directed(t.TRIANGLES)
    assert max(edges.values()) == 1  # no edge twice in one direction: consistent, and at most two faces an edge
    border = dict(edge for edge in edges if edge[::-1] not in edges)
    rings = []
    while border:
        ring = [next(iter(border))]
        while (after := border.pop(ring[-1])) != ring[0]:
            ring.append(after)
        rings.append(frozenset(ring))
    assert set(rings) == {frozenset(map(int, ring)) for ring in (t.OVAL, t.LIPS_INNER, t.LEFT_EYE, t.RIGHT_EYE)}
    assert len(np.unique(t.TRIANGLES)) == 468
    assert 468 - len(t.EDGES) + len(t.TRIANGLES) == 1 - 3  # Euler: a disc with three holes


def test_every_point_has_one_fan_of_triangles():
    for point in range(468):
        fan = [set(tri) - {point} for tri in t.TRIANGLES.tolist() if point in tri]
        joined = fan.pop()
        while near := [pair for pair in fan if pair & joined]:
            joined |= near[0]
            fan.remove(near[0])
        assert not fan, f"point {point} joins two sheets"


def test_triangles_turn_clockwise_in_the_picture():
    a, b, c = np.moveaxis(t.MEAN_FACE[t.TRIANGLES][..., :2], 1, 0)
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (turn > 0).mean() > 0.99  # a few lie edge-on in the nostrils


@pytest.mark.parametrize("name", LOOPS)
def test_closed_contours_start_left_and_run_over_the_top(name):
    ring = t.MEAN_FACE[getattr(t, name), :2]
    assert len(set(getattr(t, name).tolist())) == len(ring)
    x, y = ring.T
    assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0  # clockwise, y down
    assert ring[0, 0] <= x.min() + 0.025  # a brow's inner end is a short edge
    assert ring[1, 1] < ring[-1, 1]


@pytest.mark.parametrize("name", ROWS)
def test_rows_run_from_left_to_right(name):
    x = t.MEAN_FACE[getattr(t, name), 0]
    assert x[0] == x.min()
    assert x[-1] == x.max()
    assert np.diff(x).min() > -0.015  # at a lip's corner two points share a place


def test_left_is_left_upper_is_upper():
    face = t.MEAN_FACE
    for part in ("EYE", "BROW", "IRIS"):
        assert face[getattr(t, f"LEFT_{part}"), 0].max() < 0 < face[getattr(t, f"RIGHT_{part}"), 0].min()
    for part in ("LIPS_{}_OUTER", "LIPS_{}_INNER", "LEFT_EYE_{}", "RIGHT_EYE_{}"):
        upper, lower = (face[getattr(t, part.format(row))][2:-2, 1] for row in ("UPPER", "LOWER"))
        assert (upper < lower).all()
    for iris, eye in (("LEFT_IRIS", "LEFT_EYE"), ("RIGHT_IRIS", "RIGHT_EYE")):
        (x, y), ring = face[getattr(t, iris)[0], :2], face[getattr(t, eye), :2]
        assert ring[:, 0].min() < x < ring[:, 0].max()
        assert ring[:, 1].min() < y < ring[:, 1].max()


def test_the_mean_face_is_in_head_units_and_symmetric():
    face = t.MEAN_FACE.astype(float)
    assert face.shape == (t.POINTS, 3)
    assert face[263, 0] - face[33, 0] == pytest.approx(1, abs=1e-5)
    assert face[t.RIGID].mean(0) == pytest.approx([0, 0, 0], abs=1e-6)
    assert np.array_equal(t.MIRROR[t.MIRROR], np.arange(t.POINTS))
    assert face[t.MIRROR] * [-1, 1, 1] == pytest.approx(face, abs=1e-6)
    assert set(t.MIRROR[t.RIGID]) == set(t.RIGID)
    assert face[4, 2] == face[:, 2].min()  # the tip of the nose is nearest to the camera
    assert 1.8 < np.ptp(face[t.OVAL, 1]) < 2.1


def test_rigid_points_keep_clear_of_lips_lids_and_chin():
    rigid = set(t.RIGID.tolist())
    assert not rigid & set(np.concatenate([t.LIPS_OUTER, t.LIPS_INNER, t.LEFT_BROW, t.RIGHT_BROW]).tolist())
    assert t.MEAN_FACE[t.RIGID, 1].max() < t.MEAN_FACE[2, 1]
    assert np.ptp(t.MEAN_FACE[t.RIGID, :2], axis=0).min() > 0.8  # wide enough to tell a turn


def test_nobody_can_change_it_by_mistake():
    for name in ("MEAN_FACE", "TRIANGLES", "RIGID", "LIPS_OUTER"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(t, name)[0] = 0


def test_the_record_matches_the_file():
    folder = Path(t.__file__).parent / "data"
    record = json.loads((folder / "record.json").read_text())
    content = (folder / "topology.npz").read_bytes()
    assert record["files"] == [
        {"file": "topology.npz", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    ]
    assert "CC BY 4.0" in " ".join(record["data"])
