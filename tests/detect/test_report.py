"""The page: self-contained, escaped, readable without colour, and open in a browser."""

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from facewright.core.errors import MachineError
from facewright.detect.detector import REASONS, Evidence
from facewright.detect.heat import Heat
from facewright.detect.pictures import veiled
from facewright.detect.printing import browser, print_page
from facewright.detect.report import Page, page, section, timecode, write

HOSTILE = "<img src=x onerror=alert(1)> & \"q\" 'a' {{7*7}} ‮ .mp4"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.data.append(data)


@pytest.fixture(scope="module")
def hostile(report, clip_path, tmp_path_factory):
    """The report of a file with a name that would break a careless page."""
    path = tmp_path_factory.mktemp("hostile") / HOSTILE
    shutil.copy(clip_path, path)
    return replace(report, path=path)


@pytest.fixture(scope="module")
def text(hostile):
    return page([hostile])


def test_names_from_files_are_text_and_nothing_else(text):
    tags = Tags()
    tags.feed(text)
    assert "onerror" not in {name for _, attributes in tags.seen for name in attributes}
    shown = HOSTILE.replace("\u202e", "\N{REPLACEMENT CHARACTER}")  # it would turn the rest of the line around
    assert html.unescape("".join(tags.data)).count(shown) >= 3
    assert "<img src=x" not in text
    assert "alert(1)</script>" not in text  # a detector's own words are escaped too
    scripts = [attributes for tag, attributes in tags.seen if tag == "script"]
    assert scripts == [{"type": "application/json", "class": "scan"}]


def test_names_that_are_no_text(report, tmp_path):
    odd = replace(report, path=tmp_path / "a\udcff\x1b[31m\nb.mp4")
    write(tmp_path / "page.html", [odd])
    assert "\N{REPLACEMENT CHARACTER}" in (tmp_path / "page.html").read_text("utf-8")
    assert (
        odd.to_text().splitlines()[0]
        == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b.mp4"
    )


def test_nothing_is_fetched(text):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "script-src" not in policy[1]
    tags = Tags()
    tags.feed(text)
    for _, attributes in tags.seen:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in text
    assert "@import" not in text


def test_the_answer_for_machines_is_inside(text, hostile):
    body = re.search(r'<script type="application/json" class="scan">(.*?)</script>', text, re.DOTALL)
    saved = re.search(r'href="data:application/json;base64,([^"]+)"', text)
    assert body
    assert saved
    answer = json.loads(body[1])
    assert answer["input"] == str(hostile.path)
    assert json.loads(base64.b64decode(saved[1])) == answer


def test_pictures_are_jpegs_and_the_timeline_has_words(text):
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert len(pictures) >= 3
    assert all(base64.b64decode(data).startswith(b"\xff\xd8") for data in pictures)
    assert "Scores from 0:00.0 to 0:02.9" in text
    assert "strong evidence" in text


def test_a_file_that_has_gone_is_said(report, tmp_path):
    assert "no picture: the file has gone" in page([replace(report, path=tmp_path / "gone.mp4")])


def test_abstention_and_several_files(report, tmp_path):
    face = replace(report.faces[0], evidence=Evidence.abstention("too_dark"))
    write(tmp_path / "page.html", [replace(report, faces=(face,)), report, replace(report, faces=())])
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "<h1>3 files</h1>" in text
    assert 'id="file3"' in text
    assert REASONS["too_dark"] in text
    assert REASONS["no_face"] in text
    for word in ("authentic", "fake"):
        assert word not in re.sub(r"base64,[^\"]+", "", text).lower()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00.0"), (63.44, "1:03.4"), (59.97, "1:00.0"), (3723.4, "1:02:03.4")]
)
def test_timecodes(seconds, words):
    assert timecode(seconds) == words


@pytest.fixture
def of_a_panel(report):
    """The report, as if a panel had spoken: one member with a map, one that listened, one that abstained."""
    (face,) = report.faces
    said, (when, _) = face.evidence, face.strongest()[0]
    x0, y0, x1, y1 = (float(value) for value in face.box(when))
    cells = np.zeros((4, 4), int)
    cells[3, 1:3] = 255
    corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    drawn = {"heat": [{"seconds": when, "corners": corners, "cells": cells.tolist()}]}
    members = {
        "pixels": replace(said, details=drawn),
        "lips": replace(said, score=0.25, details={"offset": np.float32(0.04), "confidence": float("nan")}),
        "dark <b>": Evidence.abstention("too_dark"),
    }
    panel = replace(said, details={"detectors": members})
    return replace(report, faces=(replace(face, evidence=panel),), warnings=("ended early <i>",))


def test_every_detector_has_its_row(of_a_panel):
    text = page([of_a_panel])
    assert "<td>pixels</td><td>0.95</td>" in text
    assert "offset 0.04" in text
    assert "cannot tell: " + REASONS["too_dark"] in text
    assert "dark &lt;b&gt;" in text
    assert "fits the lips" not in text  # for somebody listened
    assert "ended early &lt;i&gt;" in text
    assert "pixels drew this map" in text
    assert text.count("brighter where the evidence lies") == 1  # the one moment that has a map


def test_the_answer_of_a_panel_fits_the_schema(of_a_panel):
    from jsonschema import Draft202012Validator

    schema = json.loads((Path(__file__).parents[2] / "core/schemas/scan.json").read_text("utf-8"))
    one = {"$ref": "#/$defs/report", "$defs": schema["$defs"]}
    answer = json.loads(json.dumps(of_a_panel.to_dict(), allow_nan=False))
    Draft202012Validator(one).validate(answer)
    documented = schema["$defs"]["report"]["properties"]
    assert set(answer) == set(documented)
    assert set(answer["detection"]) == set(documented["detection"]["properties"])
    assert set(answer["faces"][0]) == set(documented["faces"]["items"]["properties"])
    assert answer["detection"]["detectors"] == {"pixels": 0.95, "lips": 0.25, "dark <b>": None}
    assert answer["faces"][0]["detectors"]["lips"]["details"] == {"offset": 0.04, "confidence": None}


def test_a_map_lies_where_it_belongs():
    heat = Heat(np.array([[0, 0], [0, 1]], np.float32), np.array([[40, 40], [80, 40], [80, 80], [40, 80]], np.float32))
    shift = np.array([[1.0, 0, -20], [0, 1, -20]])
    change = np.abs(veiled(np.full((100, 100, 3), 90, np.uint8), heat, shift).astype(int) - 90).sum(-1)
    assert change[51, 51] == pytest.approx(change.max(), rel=0.2)
    assert change[22, 22] < 0.1 * change.max()
    assert change[80, 80] == 0


def browser_or_skip() -> str:
    try:
        return browser()
    except MachineError:
        pytest.skip("no chromium on this machine")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it(of_a_panel, tmp_path, width, scheme):
    """Chromium draws the page in light and dark, wide and narrow, and nothing sticks out to the side."""
    of_a_panel.to_html(tmp_path / "page.html")
    quiet = "--headless --no-sandbox --disable-gpu --hide-scrollbars --disable-quic --no-first-run --disable-sync"
    command = [browser_or_skip(), *quiet.split(), "--disable-background-networking", "--disable-component-update"]
    command += [f"--window-size={width},1600", f"--blink-settings=preferredColorScheme={scheme}"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={tmp_path / 'page.png'}"]
    subprocess.run([*command, (tmp_path / "page.html").as_uri()], check=True, timeout=120, capture_output=True)
    from PIL import Image

    with Image.open(tmp_path / "page.png") as shot:
        pixels = np.array(shot.convert("L"))
    assert pixels.shape[1] == width
    assert (pixels[1500, 3] > 200) == (scheme == 1)
    assert np.ptp(pixels[:, -6:].astype(int)) <= 3  # a margin on the right from top to bottom, but for a shadow
    assert len(np.unique(pixels)) > 100  # more than an empty page


@pytest.mark.slow
def test_it_prints(of_a_panel, tmp_path):
    browser_or_skip()
    with Page() as one:
        one.add(section(of_a_panel))
        print_page(one, tmp_path / "page.pdf")
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert len(data) > 20_000


def test_a_page_of_many_files_stays_on_disk(report, tmp_path):
    one = section(replace(report, path=tmp_path / "gone.mp4"))
    with Page(earlier=2) as whole:
        for _ in range(3):
            whole.add(one)
        text = whole.text()
    assert text.count('<section class="file">') == len(whole) == 3
    assert "2 more files of this batch" in text
