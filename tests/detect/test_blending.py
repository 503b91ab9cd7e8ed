"""Self-blends change the face where their mask says, by the seed, and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
from facewright.core.faces import CropRecipe, crop_face
from facewright.core.faces.crop import transform
from facewright.core.random import generator
from facewright.detect.blending import MOUTH, WHOLE, camera, region_mask, self_blend


@pytest.fixture(scope="module")
def crop(portrait, face):
    """A face of 256 px, and its landmarks there."""
    cut = crop_face(portrait, face, CropRecipe(256, 0.3))
    return cut.image, transform(face.landmarks, cut.matrix)


@pytest.mark.parametrize("region", WHOLE + MOUTH)
def test_a_blend_changes_what_its_mask_covers_and_nothing_else(crop, region):
    image, landmarks = crop
    changed = []
    for number in range(3):
        pair = self_blend(image, landmarks, generator(number, region), region)
        assert pair.blended.dtype == np.uint8
        assert pair.mask.shape == (256, 256)
        assert 0.2 < pair.mask.max() <= 1
        outside = pair.mask == 0
        assert outside.mean() > 0.4
        np.testing.assert_array_equal(pair.blended[outside], pair.genuine[outside])
        changed.append(np.abs(pair.blended[~outside].astype(int) - pair.genuine[~outside]).mean())
    assert max(changed) > 0.5


def test_the_same_draw_gives_the_same_blend(crop):
    image, landmarks = crop
    one, same, other = (self_blend(image, landmarks, generator(seed), "jaw") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.blended, same.blended)
    assert (one.blended != other.blended).any()


def test_mouth_regions_stay_below_the_eyes_and_faces_hold_them(crop):
    image, landmarks = crop
    eyes = landmarks[[33, 263], 1].mean()
    for region in MOUTH:
        rows = np.flatnonzero(region_mask(landmarks, image.shape[:2], region).any(1))
        assert rows.min() > eyes, region
    for region in WHOLE:
        mask = region_mask(landmarks, image.shape[:2], region)
        for point in landmarks[[159, 386, 13]].round().astype(int):  # lids and upper lip
            assert mask[point[1], point[0]] == 255, region


def test_a_mouth_is_sampled_anew_and_so_loses_its_finest_grain(crop):
    image, landmarks = crop
    grain = generator(3).normal(0, 12, image.shape)
    grainy = np.clip(image + grain, 0, 255).astype(np.uint8)
    pairs = [self_blend(grainy, landmarks, generator(seed), "half") for seed in range(6)]
    kept = [np.diff(p.blended.astype(float), axis=1)[p.mask[:, 1:] > 0.9].std() for p in pairs if p.mask.max() > 0.9]
    before = [np.diff(p.genuine.astype(float), axis=1)[p.mask[:, 1:] > 0.9].std() for p in pairs if p.mask.max() > 0.9]
    assert kept
    assert np.median(np.array(kept) / before) < 0.9


def test_one_camera_takes_both_of_a_pair(crop):
    image, _ = crop
    taken = camera(generator(0))
    np.testing.assert_array_equal(taken(image), taken(image.copy()))
    assert any((camera(generator(seed))(image) != image).any() for seed in range(4))
