"""The page: self-contained, escaped, readable without colour, and open in a browser."""

import base64
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from facewright.detect.detector import REASONS, Evidence
from facewright.detect.report import page, timecode, write

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


@pytest.fixture
def hostile(report, clip_path, tmp_path):
    """The report of a file with a name that would break a careless page."""
    path = tmp_path / HOSTILE
    shutil.copy(clip_path, path)
    return replace(report, path=path)


@pytest.fixture
def text(hostile):
    return page([hostile])


def test_names_from_files_are_text_and_nothing_else(text):
    tags = Tags()
    tags.feed(text)
    assert "onerror" not in {name for _, attributes in tags.seen for name in attributes}
    assert html.unescape("".join(tags.data)).count(HOSTILE) >= 3
    assert "<img src=x" not in text
    assert "alert(1)</script>" not in text  # a detector's own words are escaped too
    scripts = [attributes for tag, attributes in tags.seen if tag == "script"]
    assert scripts == [{"type": "application/json", "class": "scan"}]


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


def test_a_file_that_has_gone_is_said(hostile):
    hostile.path.unlink()
    assert "no picture: the file has gone" in page([hostile])


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


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, 1), (400, 0)])
def test_a_browser_shows_it(report, tmp_path, width, scheme):
    """Chromium draws the page in light and dark, wide and narrow, and nothing sticks out to the side."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no chromium on this machine")
    report.to_html(tmp_path / "page.html")
    quiet = "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        *quiet.split(),
        f"--window-size={width},1600",
    ]
    command += [f"--blink-settings=preferredColorScheme={scheme}", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--screenshot={tmp_path / 'page.png'}", (tmp_path / "page.html").as_uri()]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    from PIL import Image

    with Image.open(tmp_path / "page.png") as shot:
        pixels = shot.convert("L")
    assert pixels.size[0] == width
    corner = pixels.getpixel((3, 1500))
    assert (corner > 200) == (scheme == 1)
    assert len(set(pixels.resize((64, 64)).tobytes())) > 30  # more than an empty page
    edge = pixels.crop((width - 4, 0, width, 1600))
    assert len(set(edge.tobytes())) == 1  # the margin is empty: nothing overflows
