"""Readers of public sets, on miniature trees: what is there is found, named and split as its authors meant it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from facewright.datasets.index import read_index
from facewright.datasets.prepare import Prepared, prepare
from facewright.datasets.readers.registry import LAYOUTS


@pytest.fixture
def tree(tmp_path) -> Callable[..., Path]:
    """Make files below a root: by name alone a byte that stands for a clip, or a name and its content."""

    def make(*names: str, **_: None) -> Path:
        for name in names:
            put(tmp_path / "set" / name, "x")
        return tmp_path / "set"

    return make


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def read(name: str, root: Path, **wishes) -> Prepared:
    made = prepare(name, root, root.parent / "index.jsonl", **wishes)
    assert read_index(root.parent / "index.jsonl") == made.entries
    assert all((root.parent / entry.video).exists() for entry in made.entries)
    return made


def rows(made: Prepared, *fields: str) -> dict[str, tuple[str, ...]]:
    """Fields of each entry by the name of its file."""
    found = {entry.video.rpartition("/")[2]: tuple(getattr(entry, field) for field in fields) for entry in made.entries}
    assert len(found) == len(made.entries)
    return found


def reasons(made: Prepared) -> dict[str, str]:
    return {each.path.rpartition("/")[2]: each.reason for each in made.skipped}


def test_faceforensics(tree):
    fakes = [f"manipulated_sequences/{m}/c23/videos/000_003.mp4" for m in ("Deepfakes", "Face2Face")]
    root = tree(
        *(f"original_sequences/youtube/c23/videos/{n}.mp4" for n in ("000", "003", "500")),
        *fakes,
        "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4",
        "original_sequences/actors/c23/videos/01__exit_phone_room.mp4",
        "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4",
        "manipulated_sequences/FaceSwap/c23/videos/readme_clip.mp4",
    )
    put(root / "splits" / "train.json", [["003", "000"]])
    put(root / "splits" / "val.json", [["500", "501"]])
    put(root / "splits" / "test.json", [["700", "701"]])
    made = read("faceforensics", root)
    by_path = {entry.video.removeprefix("set/"): entry for entry in made.entries}
    swap, moved = (by_path[path] for path in fakes)
    assert (swap.identity, swap.second, swap.source) == ("ff:003", "ff:000", "ff:000")
    assert (moved.identity, moved.second, moved.source) == ("ff:000", "ff:003", "ff:000")
    assert (swap.split, swap.encode, swap.generator, moved.generator) == ("train", "c23", "Deepfakes", "Face2Face")
    assert by_path["original_sequences/youtube/c23/videos/500.mp4"].split == "val"
    detection = by_path["manipulated_sequences/DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4"]
    assert (detection.identity, detection.second, detection.source) == ("dfd:02", "dfd:01", "dfd:01__exit_phone_room")
    assert detection.source == by_path["original_sequences/actors/c23/videos/01__exit_phone_room.mp4"].source
    assert reasons(made).keys() == {"readme_clip.mp4", "501.mp4", "700.mp4", "701.mp4"}


def test_faceforensics_fakes_of_two_splits_stand_in_none(tree):
    root = tree(
        "original_sequences/youtube/raw/videos/000.mp4", "manipulated_sequences/FaceSwap/raw/videos/000_003.mp4"
    )
    for split, pair in (("train", ["000", "001"]), ("val", ["002", "003"]), ("test", ["004", "005"])):
        put(root / f"{split}.json", [pair])
    assert rows(read("faceforensics", root), "split") == {"000.mp4": ("train",), "000_003.mp4": ("",)}


def test_celebdf_one_is_genuine_and_the_test_list_shares_people(tree):
    root = tree(
        "Celeb-real/id0_0000.mp4",
        "Celeb-real/id0_0001.mp4",
        "Celeb-real/videos/id7_0000.mp4",  # as some copies have it
        "YouTube-real/00170.mp4",
        "YouTube-real/00171.mp4",
        "Celeb-synthesis/id7_id9_0000.mp4",
    )
    put(
        root / "List_of_testing_videos.txt",
        "1 YouTube-real/00170.mp4\r\n1 Celeb-real\\id0_0000.mp4\r\n0 YouTube-real/00171.mp4\r\n1 Celeb-real/gone.mp4\n",
    )
    made = read("celebdf", root)
    assert rows(made, "label", "identity", "second", "split") == {
        "id0_0000.mp4": ("genuine", "celebdf:id0", "", "test"),
        "id0_0001.mp4": ("genuine", "celebdf:id0", "", ""),  # shares a person with the test list
        "id7_0000.mp4": ("genuine", "celebdf:id7", "", "train"),
        "00170.mp4": ("genuine", "celebdf:yt00170", "", "test"),
        "00171.mp4": ("genuine", "celebdf:yt00171", "", "train"),
        "id7_id9_0000.mp4": ("synthetic", "celebdf:id9", "celebdf:id7", "train"),
    }
    assert any("1 clips share a person" in note for note in made.notes)
    said = [each.reason for each in made.skipped]
    assert len(said) == 2
    assert any("contradicts its folder" in reason for reason in said)
    assert any("not there" in reason for reason in said)


def test_celebdf_plus_plus_knows_its_methods(tree):
    root = tree(
        "Celeb-DF++/Celeb-real/id0_0000.mp4",
        "Celeb-DF++/Celeb-synthesis/FaceSwap/SimSwap/id0_id1_0000.mp4",
        "Celeb-DF++/Celeb-synthesis/FaceReenact/LivePortrait/id0_id2_0000.mp4",
        "Celeb-DF++/Celeb-synthesis/TalkingFace/SadTalker/id0_0000_audio3.mp4",
    )
    made = read("celebdf++", root, splits="none")
    assert rows(made, "generator", "identity", "second") == {
        "id0_0000.mp4": ("", "celebdf:id0", ""),
        "id0_id1_0000.mp4": ("SimSwap", "celebdf:id1", "celebdf:id0"),
        "id0_id2_0000.mp4": ("LivePortrait", "celebdf:id0", "celebdf:id2"),
        "id0_0000_audio3.mp4": ("SadTalker", "celebdf:id0", ""),
    }
    assert len({entry.source for entry in made.entries}) == 1


def test_dfdc(tree):
    root = tree(
        *(f"dfdc_train_part_00/dfdc_train_part_0/{name}.mp4" for name in "abcx"),
        "dfdc_train_part_7/a.mp4",
        "test/t.mp4",
    )
    put(
        root / "dfdc_train_part_00/dfdc_train_part_0/metadata.json",
        {
            "a.mp4": {"label": "REAL", "split": "train"},
            "b.mp4": {"label": "FAKE", "split": "train", "original": "a.mp4"},
            "c.mp4": {"label": "FAKE", "split": "train", "original": None},
            "gone.mp4": {"label": "FAKE", "split": "train", "original": "a.mp4"},
            "../../../test/t.mp4": {"label": "REAL", "split": "train"},
            "odd.mp4": {"label": "MAYBE"},
        },
    )
    put(root / "dfdc_train_part_7/metadata.json", {"a.mp4": {"label": "FAKE", "split": "train", "original": "z.mp4"}})
    put(root / "test/metadata.json", {"t.mp4": {"is_fake": 1, "augmentations": {}}})
    made = read("dfdc", root)
    assert {(e.video.removeprefix("set/"), e.label, e.identity, e.source, e.split) for e in made.entries} == {
        ("dfdc_train_part_00/dfdc_train_part_0/a.mp4", "genuine", "dfdc:part 0", "dfdc:a", "train"),
        ("dfdc_train_part_00/dfdc_train_part_0/b.mp4", "synthetic", "dfdc:part 0", "dfdc:a", "train"),
        ("dfdc_train_part_00/dfdc_train_part_0/c.mp4", "synthetic", "dfdc:part 0", "dfdc:c", "train"),
        ("dfdc_train_part_7/a.mp4", "synthetic", "dfdc:part 7", "dfdc:z", "train"),
        ("test/t.mp4", "synthetic", "dfdc:t", "dfdc:t", "test"),
    }
    assert reasons(made).keys() == {"x.mp4", "gone.mp4", "t.mp4", "metadata.json: odd.mp4"}
    assert any("1 fakes name an original" in note for note in made.notes)


def test_dfdc_test_labels_name_files_without_folders(tree):
    root = tree("videos/one.mp4", "videos/two.mp4", "videos/a/same.mp4", "videos/b/same.mp4")
    put(root / "labels.csv", "\ufefffilename,label,extra\none.mp4,0,x\ntwo.mp4,1,x\nsame.mp4,1,x\ngone.mp4,1,x\n")
    made = read("dfdc", root)
    assert rows(made, "label", "split") == {"one.mp4": ("genuine", "test"), "two.mp4": ("synthetic", "test")}
    assert len(made.skipped) == 3
    assert any("several files are called same.mp4" in note for note in made.notes)


def test_dfdc_preview(tree):
    fake, real = "method_A/1224068/1224068_C/1224068_C_643049_A_001.mp4", "original_videos/643049/643049_A_001.mp4"
    root = tree(f"dfdcp/{fake}", f"dfdcp/{real}", "dfdcp/original_videos/5/5_A_001.mp4")
    facts = {"swapped_id": "1224068", "target_id": "643049"}
    listed = {
        fake.replace("/", "\\"): {"label": "fake", "set": "test", **facts},
        real: {"label": "real", "set": "test"},
    }
    put(root / "dfdcp/dataset.json", listed)
    made = read("dfdc-preview", root)
    assert rows(made, "label", "identity", "second", "split", "generator") == {
        "1224068_C_643049_A_001.mp4": (
            "synthetic", "dfdcp:1224068", "dfdcp:643049", "test", "dfdc-preview method_a",
        ),
        "643049_A_001.mp4": ("genuine", "dfdcp:643049", "", "test", ""),
    }  # fmt: skip
    assert reasons(made) == {"5_A_001.mp4": "dataset.json does not say what it is"}


def test_deeperforensics_has_no_genuine_clips_and_its_actors_leak(tree):
    root = tree(
        "manipulated_videos/end_to_end/000_M101.mp4",
        "manipulated_videos/end_to_end/001_M101.mp4",
        "manipulated_videos/end_to_end_level_3/002_W005.mp4",
        "manipulated_videos/reenact_postprocess/003_W006.mp4",
        "source_videos/M101/BlendShape/camera_front/x.mp4",
    )
    put(root / "lists/splits/train.txt", "001_M101.mp4\n002_W005.mp4\n")
    put(root / "lists/splits/val.txt", "003_W006.mp4\n")
    put(root / "lists/splits/test.txt", "000_M101.mp4\n")
    meta = "lists/manipulated_videos_distortions_meta/end_to_end_level_3_meta.txt"
    put(root / meta, "end_to_end_level_3/002_W005.mp4 GNC:3\n")
    made = read("deeperforensics", root)
    assert rows(made, "generator", "identity", "source", "encode", "split") == {
        "000_M101.mp4": ("df-vae", "deeper:M101", "ff:000", "", "test"),
        "001_M101.mp4": ("df-vae", "deeper:M101", "ff:001", "", ""),
        "002_W005.mp4": ("df-vae", "deeper:W005", "ff:002", "GNC:3", "train"),
        "003_W006.mp4": ("reenact_postprocess", "deeper:W006", "ff:003", "reenact_postprocess", "val"),
    }
    assert not made.skipped


def test_wilddeepfake_takes_folders_of_frames(tree):
    root = tree(
        *(f"deepfake_in_the_wild/real_train/1/real/7/{n}.png" for n in (1, 2, 10)),
        *(f"deepfake_in_the_wild/fake train/extracted/1/fake/7/{n}.png" for n in (1, 2)),
        "deepfake_in_the_wild/fake_test/3/fake/8/1.png",
        "deepfake_in_the_wild/real_test/2.tar.gz",
        "deepfake_in_the_wild/real_test/4/real/1/1.png",
    )
    put(root / "deepfake_in_the_wild/real_test/4/real/1/2.png", "")
    made = read("wilddeepfake", root)
    assert {(entry.video, entry.label, entry.source, entry.split) for entry in made.entries} == {
        ("set/deepfake_in_the_wild/real_train/1/real/7", "genuine", "wild:real train 1", "train"),
        ("set/deepfake_in_the_wild/fake train/extracted/1/fake/7", "synthetic", "wild:fake train 1", "train"),
        ("set/deepfake_in_the_wild/fake_test/3/fake/8", "synthetic", "wild:fake test 3", "test"),
    }
    assert reasons(made) == {
        "2.tar.gz": "not unpacked",
        "1": "some of its pictures are empty, unreadable or not fetched",
    }


def test_fakeavceleb(tree):
    place = "African/men/id00076"
    root = tree(
        f"FakeAVCeleb/RealVideo-RealAudio/{place}/00109.mp4",
        f"FakeAVCeleb/RealVideo-FakeAudio/{place}/00109_fake.mp4",
        f"FakeAVCeleb/FakeVideo-FakeAudio/{place}/00109_10_id00476_wavtolip.mp4",
        f"FakeAVCeleb/FakeVideo-RealAudio/{place}/00109_1.mp4",
        *(f"FakeAVCeleb/RealVideo-RealAudio/Asian (East)/women/id{n:05d}/00001.mp4" for n in range(200, 204)),
    )
    head = "source,target1,target2,method,category,type,race,gender,path,\n"
    row = "id00076,{},-,{},D,x,African,men,{},FakeAVCeleb/{}/African/men/id00076\n"
    lines = (
        ("id00476", "wav2lip", "00109_10_id00476_wavtolip.mp4", "FakeVideo-FakeAudio"),
        ("id00999", "fsgan", "00109_1.mp4", "FakeVideo-RealAudio"),
        ("-", "real", "gone.mp4", "RealVideo-RealAudio"),
    )
    put(root / "meta_data.csv", head + "".join(row.format(*line) for line in lines))
    made = read("fakeavceleb", root)
    named = {entry.video.split("/", 2)[2]: entry for entry in made.entries}
    spoken = named[f"FakeVideo-FakeAudio/{place}/00109_10_id00476_wavtolip.mp4"]
    swapped = named[f"FakeVideo-RealAudio/{place}/00109_1.mp4"]
    assert (spoken.generator, spoken.identity, spoken.second) == ("wav2lip", "voxceleb2:id00076", "voxceleb2:id00476")
    assert (swapped.generator, swapped.second, swapped.source) == (
        "fsgan",
        "voxceleb2:id00999",
        "voxceleb2:id00076/00109",
    )
    assert named[f"RealVideo-RealAudio/{place}/00109.mp4"].source == swapped.source
    assert len(made.entries) == 7
    assert "neither label" in reasons(made)["00109_fake.mp4"]
    assert "not there" in reasons(made)["gone.mp4"]


def test_av_deepfake1m(tree):
    place = "train/id00012/-21C7YWuNYz/00001"
    root = tree(*(f"{place}/{v}_video_{a}_audio.mp4" for v in ("real", "fake") for a in ("real", "fake")))
    tree("train/id00012/-21C7YWuNYz/00002/real.mp4")
    made = read("av-deepfake1m", root)
    assert rows(made, "label", "identity", "source", "split") == {
        "real.mp4": ("genuine", "voxceleb2:id00012", "youtube:-21C7YWuNYz", "train"),
        "real_video_real_audio.mp4": ("genuine", "voxceleb2:id00012", "youtube:-21C7YWuNYz", "train"),
        "fake_video_real_audio.mp4": ("synthetic", "voxceleb2:id00012", "youtube:-21C7YWuNYz", "train"),
        "fake_video_fake_audio.mp4": ("synthetic", "voxceleb2:id00012", "youtube:-21C7YWuNYz", "train"),
    }
    assert "neither label" in reasons(made)["real_video_fake_audio.mp4"]


def test_df40(tree):
    root = tree(
        *(f"DF40/simswap/ff/frames/000_003/{n}.png" for n in range(2)),
        "DF40_train/sadtalker/ff/frames/010_011/0.png",
        "DF40/facevid2vid/cdf/frames/id0_id1_0000/0.png",
        "DF40/MidJourney/fake/a1.png",
        "DF40/MidJourney/real/b1.png",
        "DF40/heygen/fake/clip.mp4",
        "DF40/simswap/ff/masks/000_003/0.png",
    )
    folder = r"deepfakes_detection_datasets\DF40\facevid2vid\cdf\frames\id0_id1_0000"
    other = {"label": "facevid2vid_Fake", "frames": ["./DF40/gone/cdf/frames/id0_id1_0009/0.png"]}
    clips = {"id0_id1_0000": {"label": "facevid2vid_Fake", "frames": [rf"{folder}\0.png"]}, "id0_id1_0009": other}
    put(root / "facevid2vid_cdf.json", {"facevid2vid_cdf": {"facevid2vid_Fake": {"val": clips, "train": {}}}})
    made = read("df40", root)
    assert rows(made, "generator", "identity", "second", "split") == {
        "000_003": ("simswap", "ff:003", "ff:000", "test"),
        "010_011": ("sadtalker", "ff:010", "ff:011", "train"),
        "id0_id1_0000": ("facevid2vid", "celebdf:id0", "celebdf:id1", "val"),
        "a1.png": ("MidJourney", "df40:midjourney/a1", "", "test"),
        "b1.png": ("", "df40:midjourney/b1", "", "test"),
        "clip.mp4": ("heygen", "df40:heygen/clip", "", "test"),
    }
    assert any("1 clips of the lists are not there" in note for note in made.notes)


def test_ffiw_source_is_genuine_and_names_clash(tree):
    root = tree(*(f"FFIW10K-v1-release/{k}/train/videos/v1.mp4" for k in ("source", "target", "target_mask")))
    made = read("ffiw", root)
    assert {entry.video.split("/")[2]: entry.label for entry in made.entries} == {
        "source": "genuine",
        "target": "synthetic",
    }
    assert len({entry.source for entry in made.entries}) == 1
    assert not made.skipped


def test_hdtf(tree):
    names = ("RD_Radio1_000_0", "WDA_Ann_000_0", "WDA_Ann_000_1", "WDA_Ann_001_0", "WRA_Bo_000")
    root = tree(*(f"clips/{name}.mp4" for name in names))
    made = read("hdtf", root)
    assert rows(made, "identity", "source") == {
        "RD_Radio1_000_0.mp4": ("hdtf:Radio1", "hdtf:RD_Radio1_000"),
        "WDA_Ann_000_0.mp4": ("hdtf:Ann", "hdtf:WDA_Ann_000"),
        "WDA_Ann_000_1.mp4": ("hdtf:Ann", "hdtf:WDA_Ann_000"),
        "WDA_Ann_001_0.mp4": ("hdtf:Ann", "hdtf:WDA_Ann_001"),
        "WRA_Bo_000.mp4": ("hdtf:Bo", "hdtf:WRA_Bo_000"),
    }
    put(root / "HDTF_dataset/WDA_video_url.txt", "WDA_Ann_000 https://a\nWDA_Cy_000 https://b\n")
    assert reasons(read("hdtf", root)) == {"wda_cy_000": "named by the lists, but no clip of it is there"}


def test_voxceleb2_splits_keep_people_of_one_video_together(tree):
    root = tree(
        "dev/mp4/id00012/-21C7YWuNYz/00001.mp4",
        "dev/mp4/id00013/-21C7YWuNYz/00002.mp4",
        "test/mp4/id00099/AbC/00001.mp4",
        "dev/aac/id00012/-21C7YWuNYz/00001.m4a",
        "vox2_dev_mp4_partaa.zip",
    )
    made = read("voxceleb2", root)
    assert {(entry.identity, entry.source, entry.split) for entry in made.entries} == {
        ("voxceleb2:id00012", "youtube:-21C7YWuNYz", "train"),
        ("voxceleb2:id00013", "youtube:-21C7YWuNYz", "train"),
        ("voxceleb2:id00099", "youtube:AbC", "test"),
    }
    assert reasons(made) == {"vox2_dev_mp4_partaa.zip": "not unpacked"}
    by_people = read("voxceleb2", root, splits="people")
    assert len({entry.split for entry in by_people.entries if entry.source == "youtube:-21C7YWuNYz"}) == 1


def test_lrw_mead_ravdess_cremad(tree, tmp_path):
    root = tree("lipread_mp4/ABOUT/train/ABOUT_00001.mp4", "lipread_mp4/ABOUT/val/ABOUT_00001.mp4")
    assert {entry.split for entry in read("lrw", root).entries} == {"train", "val"}

    views = [f"mead/M003/video/{view}/happy/level_2/001.mp4" for view in ("front", "left_30")]
    tree(*views, "mead/W009/video/front/neutral/level_1/001.mp4", "mead/M003/audio/happy/level_2/001.m4a")
    made = read("mead", root / "mead")
    assert sorted({(entry.identity, entry.source) for entry in made.entries}) == [
        ("mead:M003", "mead:M003 happy 2 1"),
        ("mead:W009", "mead:W009 neutral 1 1"),
    ]

    take = "01-06-01-02-01-12"
    tree(f"ravdess/Actor_12/01-{take}.mp4", f"ravdess/Actor_12/02-{take}.mp4", f"ravdess/Actor_12/03-{take}.mp4")
    tree(f"ravdess/Actor_13/01-{take}.mp4")
    made = read("ravdess", root / "ravdess")
    assert [(entry.identity, entry.video.split("/")[-1]) for entry in made.entries] == [
        ("ravdess:12", f"01-{take}.mp4")
    ]
    assert sorted(each.reason for each in made.skipped) == [
        "its name and its folder name different actors",
        "the same take is there with its sound",
    ]

    tree("cremad/VideoFlash/1001_DFA_ANG_XX.flv")
    put(
        root / "cremad/VideoFlash/1002_DFA_ANG_XX.flv",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    )
    made = read("cremad", root / "cremad")
    assert rows(made, "identity") == {"1001_DFA_ANG_XX.flv": ("cremad:1001",)}
    assert "git LFS" in reasons(made)["1002_DFA_ANG_XX.flv"]


def test_celebahq_goes_through_its_mapping(tree):
    root = tree(*(f"CelebA-HQ-img/{n}.jpg" for n in range(4)))
    assert {entry.split for entry in read("celebahq", root, splits="none").entries} == {""}
    mapping = "idx orig_idx orig_file\n0 119612 119613.jpg\n1 99094 099095.jpg\n2 5 000006.jpg\n"
    put(root / "CelebA-HQ-to-CelebA-mapping.txt", mapping)
    put(root / "list_eval_partition.txt", "000006.jpg 2\n099095.jpg 1\n119613.jpg 0\n")
    put(root / "identity_CelebA.txt", "000006.jpg 17\n119613.jpg 17\n")
    assert rows(read("celebahq", root), "identity", "split") == {
        "0.jpg": ("celeba:person 17", ""),  # the same person is tested on
        "1.jpg": ("celeba:099095.jpg", "val"),
        "2.jpg": ("celeba:person 17", "test"),
        "3.jpg": ("celebahq:3", ""),
    }


def test_folders(tree):
    made = read(
        "folders", tree("genuine/ann/a.mp4", "synthetic/ours/ann/a.mp4", "genuine/loose.mp4"), licence="A: mine"
    )
    assert {(e.label, e.generator, e.identity, e.source, e.licence) for e in made.entries} == {
        ("genuine", "", "ann", "ann/a", "A: mine"),
        ("synthetic", "ours", "ann", "ann/a", "A: mine"),
    }
    assert reasons(made) == {"loose.mp4": "fits no place of the layout"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_reader_is_on_the_page(name):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "corpora.md").read_text("utf-8")
    assert f"`{name}`" in page
    assert LAYOUTS[name].title in page
