"""The measures see what their names say."""

import cv2
import numpy as np
import pytest
from facewright.core.faces import Face
from facewright.detect.canonical import lips_mask, region_masks, skin_mask, unwrap, upright
from facewright.detect.detectors.features import LAGS, NAMES, FeatureStream

from .conftest import shaken


def measured(frames: np.ndarray, face: Face) -> dict[str, float]:
    """Mean measures of frames whose face moves as `shaken` moves it."""
    stream, rows = FeatureStream(), []
    for number, frame in enumerate(frames):
        moved = face.landmarks + np.array([4 * np.sin(number / 3), 3 * np.cos(number / 4), 0], np.float32)
        row = stream.push(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32), moved)
        assert (row is None) == (number < max(LAGS))
        if row is not None:
            rows.append(row)
    return dict(zip(NAMES, np.mean(rows, 0), strict=True))


def test_names_are_unique_and_rows_fit_them(portrait, face):
    assert len(set(NAMES)) == len(NAMES)
    assert all(np.isfinite(value) for value in measured(shaken(portrait, 14, noise=2), face).values())


def test_fresh_noise_renews_the_skin_and_a_warped_still_does_not(portrait, face):
    still = measured(shaken(portrait, 16), face)
    noisy = measured(shaken(portrait, 16, noise=4), face)
    for name in ("skin.new-fine@1", "skin.new-fine@12"):
        assert noisy[name] > still[name] + 1
    assert noisy["face.srm-level2"] > still["face.srm-level2"] + 0.3


def test_moving_light_is_seen_as_shade(portrait, face):
    frames = shaken(portrait, 14).astype(np.float32)
    ramp = np.linspace(-1, 1, 512)[None, :, None]
    lit = [frame * (1 + 0.1 * np.sin(number / 3) * ramp) for number, frame in enumerate(frames)]
    moved = np.clip(lit, 0, 255).astype(np.uint8)
    exposed = np.clip([f * (1 + 0.1 * np.sin(n / 3)) for n, f in enumerate(frames * 0.8)], 0, 255).astype(np.uint8)
    plain = measured(shaken(portrait, 14), face)["skin.shade@4"]
    shade = measured(moved, face)["skin.shade@4"]
    assert shade > plain + 0.5
    assert measured(exposed, face)["skin.shade@4"] < shade - 0.5  # a change of exposure alone does not count


def test_views_do_not_care_where_the_face_is(portrait, face):
    """Shift, scale and turn of the picture leave the unwrapped face as it was."""
    luma = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY).astype(np.float32)
    skin = unwrap(luma, face.landmarks)
    for scale, angle in ((0.6, 15), (1.4, -10)):
        matrix = cv2.getRotationMatrix2D((256, 256), angle, scale)
        turned = cv2.warpAffine(luma, matrix, (512, 512), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
        marks = face.landmarks.copy()
        marks[:, :2] = marks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        marks[:, 2] *= scale
        other = unwrap(turned, marks)
        mask = skin_mask()
        assert np.corrcoef(skin[mask], other[mask])[0, 1] > 0.97
        crop, _ = upright(turned, marks)
        middle = crop[96:160, 96:160]
        assert np.corrcoef(upright(luma, face.landmarks)[0][96:160, 96:160].ravel(), middle.ravel())[0, 1] > 0.97


def test_regions_do_not_overlap(portrait, face):
    luma = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY).astype(np.float32)
    masks = region_masks(upright(luma, face.landmarks)[1])
    assert all(mask.sum() > 300 for mask in masks.values())
    assert np.max(sum(mask.astype(int) for mask in masks.values())) == 1
    assert not (skin_mask() & lips_mask()).any()


@pytest.mark.parametrize("shift", [(-200, 0), (250, 300)])
def test_a_face_cut_off_by_the_picture_gives_gaps_not_errors(portrait, face, shift):
    landmarks = face.landmarks + np.array([*shift, 0], np.float32)
    luma = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY).astype(np.float32)
    stream = FeatureStream()
    rows = [stream.push(luma, landmarks) for _ in range(14)]
    assert rows[-1] is not None
    assert rows[-1].shape == (len(NAMES),)
    assert not np.isinf(rows[-1]).any()
