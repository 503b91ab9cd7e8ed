"""Warps, curves, layers and teeth, each by itself."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.generate.methods.meshwarp import teeth
from facewright.generate.methods.meshwarp.curve import Axes, Curve, smoothstep
from facewright.generate.methods.meshwarp.head import hold_at_borders
from facewright.generate.methods.meshwarp.layers import clean_plate, enlarge, foreground, over
from facewright.generate.methods.meshwarp.warp import Lattice, determinant, invert, thin_plate


@pytest.fixture
def random():
    return np.random.default_rng(3)


def test_thin_plates_pass_through_their_points_and_keep_planes(random):
    points, elsewhere = random.uniform(-1, 1, (40, 3)), random.uniform(-1, 1, (25, 3))
    values = random.normal(size=(40, 2))
    assert np.allclose(thin_plate(points, points) @ values, values, atol=1e-3)
    plane = points @ [[1.0], [2.0], [-3.0]] + 0.5
    assert np.allclose(thin_plate(points, elsewhere, 1e-3) @ plane, elsewhere @ [[1.0], [2.0], [-3.0]] + 0.5, atol=1e-3)


def test_smoothing_bends_less(random):
    points, values = random.uniform(-1, 1, (40, 2)), random.normal(size=(40, 1))
    fitted = [thin_plate(points, points, s) @ values for s in (0.0, 1e-2, 10.0)]
    assert fitted[0].std() > fitted[1].std() > fitted[2].std()


def test_inverting_a_warp_brings_every_node_back():
    lattice = Lattice.over(10, 20, 210, 180, 4.0)
    nodes = lattice.nodes()
    x, y = nodes[..., 0], nodes[..., 1]
    shift = np.stack([9 * np.sin(x / 40) + 4, 12 * np.exp(-(((x - 110) ** 2 + (y - 100) ** 2) / 900))], -1)
    forward = (nodes + shift).astype(np.float32)
    assert determinant(forward, lattice.step).min() > 0
    back = invert(lattice, forward)
    there = back + lattice.sample(shift.astype(np.float32), back)
    inside = np.s_[6:-6, 6:-6]
    assert np.abs(there - nodes)[inside].max() < 0.1


def test_determinant_tells_a_fold():
    lattice = Lattice.over(0, 0, 40, 40, 2.0)
    mirrored = lattice.nodes() * np.float32((-1, 1))
    assert (determinant(mirrored, 2.0) < 0).all()
    assert np.allclose(determinant(lattice.nodes() * 2, 2.0), 4)


def test_lattice_values_on_pixels_are_bilinear():
    lattice = Lattice.over(5, 7, 45, 37, 5.0)
    pixels = lattice.to_pixels(lattice.nodes(), 8, 9, 20, 10)
    x, y = np.meshgrid(np.arange(8, 28), np.arange(9, 19))
    assert np.abs(pixels - np.stack([x, y], -1)).max() < 0.1  # warpAffine counts in 1/32 of a step


def test_axes_split_and_join_are_inverse(random):
    axes = Axes.between(np.float32((10, 20)), np.float32((40, 33)))
    points = random.uniform(0, 60, (5, 7, 2)).astype(np.float32)
    assert np.allclose(axes.join(*axes.split(points)), points, atol=1e-3)
    assert np.allclose(
        np.array(axes.split(points)), np.array(axes.split(points.reshape(-1, 2))).reshape(2, 5, 7), atol=1e-3
    )
    a, b = axes.split(np.float32([(10, 20), (40, 33)]))
    assert np.allclose(a, (-axes.half, axes.half), atol=1e-4)
    assert np.allclose(b, 0, atol=1e-4)


def test_curves_pass_their_knots_and_do_not_overshoot():
    a, b = np.array([-3.0, -1, 0, 2, 4]), np.array([0.0, 2, 2, 1, 5])
    curve = Curve.through(a, b, reach=6, step=0.05)
    assert np.allclose(curve(a[None].astype(np.float32)), b, atol=0.08)
    assert curve.table.min() >= 0
    assert curve.table.max() <= 5.0001
    assert np.allclose(curve(np.float32([[-6, 6]])), [[0, 5]], atol=1e-3)


def test_smoothstep_runs_from_nought_to_one():
    assert np.allclose(smoothstep(1, 3, np.float32((0, 1, 2, 3, 4))), (0, 0, 0.5, 1, 1))


def test_a_person_over_the_plate_is_the_picture_again(random):
    image = random.integers(0, 256, (40, 50, 3), np.uint8)
    plate = random.integers(0, 256, (40, 50, 3), np.uint8)
    matte = random.random((40, 50), dtype=np.float32)
    again = over(foreground(image, matte, plate), plate)
    assert np.abs(again.astype(int) - image).max() <= 2


def test_soft_edges_carry_no_old_background():
    """A red person with a half-covered rim, before blue: the rim's own colour is red."""
    matte = np.zeros((20, 20), np.float32)
    matte[:, 8:12] = 1
    matte[:, [7, 12]] = 0.5
    red, blue = np.array((200, 0, 0)), np.array((0, 0, 200))
    image = np.rint(matte[..., None] * red + (1 - matte[..., None]) * blue).astype(np.uint8)
    plate = np.broadcast_to(blue, image.shape).astype(np.uint8)
    rim = foreground(image, matte, plate)[10, 7].astype(int)
    assert rim[2] <= 2
    assert abs(rim[0] - 100) <= 2


def test_the_clean_plate_keeps_the_background_and_drops_the_person():
    y, x = np.mgrid[:120, :160]
    background = np.stack([x, y, 100 + 0 * x], -1).astype(np.uint8)
    image, matte = background.copy(), np.zeros((120, 160), np.float32)
    image[50:, 60:100], matte[50:, 60:100] = 255, 1
    plate = clean_plate(image, matte, reach=3)
    assert (plate[:40] == background[:40]).all()
    assert (plate[:, :50] == background[:, :50]).all()
    assert np.abs(plate[60:110, 60:100].astype(int) - background[60:110, 60:100]).mean() < 25


def test_enlarged_pictures_keep_their_pixels(random):
    image = random.integers(0, 256, (17, 23, 4), np.uint8)
    assert (enlarge(image, 2)[::2, ::2] == image).all()


def test_motion_dies_out_where_the_border_cuts_the_person():
    matte = np.zeros((200, 200), np.float32)
    matte[:, 120:] = 1  # cut at the right, at the top and at the bottom
    share = hold_at_borders(matte, np.float32([(199, 100), (160, 100), (100, 100), (20, 100), (160, 0)]), 60)
    assert share[0] < 0.01
    assert share[4] < 0.01
    assert share[1:4] == pytest.approx((1, 1, 1), abs=0.05)


@pytest.mark.parametrize("upper", [True, False])
def test_teeth_stand_apart_and_end_at_their_edge(upper):
    albedo, cover = teeth.arch(upper, 300)
    width = cover.shape[1]
    edge = round((0.2 if upper else 0.04) * 300)
    beyond, inside = (cover[edge + 6 :], cover[edge - 15]) if upper else (cover[: edge - 6], cover[edge + 15])
    assert beyond.max() < 0.05
    assert inside[width // 4 : -width // 4].min() > 0.8
    row = albedo[edge - 15 if upper else edge + 15].mean(-1)
    assert row[width // 2] < 0.9 * row[width // 2 + round(0.03 * 300)]  # a line between the middle teeth
    assert row[width // 2 + 12] > 1.5 * row[-8]  # darker towards the corner of the mouth
