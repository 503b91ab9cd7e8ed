"""Official checkpoints: what is right becomes weights, and what is wrong or hostile is refused and leaves nothing."""

from __future__ import annotations

import argparse
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from facewright.core import weights
from facewright.core.checkpoint import named_tensors, read_checkpoint
from facewright.core.errors import AssetError, FacewrightError
from facewright.core.weights import imported_folder
from facewright.generate.importing.official import import_weights

SMALL = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "stage1.ckpt"
    torch.save(SMALL, path)
    return path


def rewritten(path: Path, pickled: bytes | None = None, compression: int = zipfile.ZIP_STORED) -> None:
    """The same archive with another pickle, or packed in another way."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, pickled if pickled and name.endswith(".pkl") else content)


def refusal(path: Path) -> str:
    with pytest.raises(AssetError) as caught:
        read_checkpoint(path)
    assert caught.value.exit_code == 5
    assert path.name in caught.value.message
    assert caught.value.hint
    return caught.value.code


def test_a_checkpoint_is_read(checkpoint):
    content = read_checkpoint(checkpoint)
    assert all(torch.equal(content[name], value) for name, value in SMALL.items())


def test_the_arguments_of_a_training_are_read(tmp_path):
    torch.save({"gen": SMALL, "args": argparse.Namespace(size=512)}, tmp_path / "0001.pt")
    assert read_checkpoint(tmp_path / "0001.pt")["args"].size == 512


def test_what_a_module_saves_is_read(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).half()
    torch.save({"state": net.state_dict(), "best": net[0].weight, "step": 3}, tmp_path / "stage1.ckpt")
    content = read_checkpoint(tmp_path / "stage1.ckpt")
    assert content["state"].keys() == net.state_dict().keys()
    assert torch.equal(content["state"]["0.weight"], net[0].weight)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(checkpoint, share):
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: int(share * len(whole))])
    assert refusal(checkpoint) == "bad_checkpoint"


def test_a_flipped_bit_is_refused(checkpoint):
    whole = bytearray(checkpoint.read_bytes())
    place = whole.index(torch.arange(6.0).numpy().tobytes())
    whole[place + 5] ^= 1
    checkpoint.write_bytes(whole)
    assert refusal(checkpoint) == "bad_checkpoint"


class Run:
    """A pickle that writes a file when somebody loads it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_code_is_neither_run_nor_accepted(checkpoint, tmp_path, protocol):
    rewritten(checkpoint, pickle.dumps({"a": Run(tmp_path / "ran")}, protocol))
    assert refusal(checkpoint) == "unsafe_checkpoint"
    assert not (tmp_path / "ran").exists()


def test_an_old_pickle_without_an_archive_is_refused(tmp_path):
    (tmp_path / "stage1.ckpt").write_bytes(pickle.dumps({"a": Run(tmp_path / "ran")}))
    assert refusal(tmp_path / "stage1.ckpt") == "bad_checkpoint"
    assert not (tmp_path / "ran").exists()


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "stage1.ckpt")
    rewritten(tmp_path / "stage1.ckpt", compression=zipfile.ZIP_DEFLATED)
    assert (tmp_path / "stage1.ckpt").stat().st_size < 1 << 16
    assert refusal(tmp_path / "stage1.ckpt") == "unsafe_checkpoint"


def test_a_tensor_that_is_larger_than_what_is_stored_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1).expand(1 << 40)}, tmp_path / "stage1.ckpt")
    assert refusal(tmp_path / "stage1.ckpt") == "unsafe_checkpoint"


def test_a_shape_beyond_its_storage_is_refused(checkpoint):
    with zipfile.ZipFile(checkpoint) as archive:
        pickled = archive.read(next(name for name in archive.namelist() if name.endswith(".pkl")))
    three = b"K\x02K\x03\x86"  # the pair (2, 3)
    assert pickled.count(three) == 1
    huge = b"\x8a\x06\x00\x00\x00\x00\x00\x01K\x03\x86"  # (2**40, 3)
    rewritten(checkpoint, pickled.replace(three, huge))
    assert refusal(checkpoint) in ("bad_checkpoint", "unsafe_checkpoint")


def test_a_pickle_that_is_too_long_is_refused(checkpoint):
    rewritten(checkpoint, pickle.dumps({"a": b"x" * (17 << 20)}, 2))
    assert refusal(checkpoint) == "unsafe_checkpoint"


def test_what_is_no_dictionary_of_tensors_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "stage1.ckpt")
    assert refusal(tmp_path / "stage1.ckpt") == "bad_checkpoint"
    with pytest.raises(AssetError, match="no plain list"):
        named_tensors({"a": 1}, "x")


def left_behind() -> list[Path]:
    return list(imported_folder().glob("*")) if imported_folder().exists() else []


@pytest.mark.parametrize(
    ("method", "file", "code", "exit_code"),
    [
        ("anitalker", "stage1.ckpt", "bad_checkpoint", 5),
        ("anitalker", "stage2_full_control_hubert.ckpt", "bad_checkpoint", 5),
        ("anitalker", "other.ckpt", "weights_missing", 5),
        ("ifmdm", "0001.pt", "bad_checkpoint", 5),
        ("meshwarp", "0001.pt", "no_official_weights", 2),
        ("nobody", "0001.pt", "unknown_method", 2),
    ],
)
def test_other_tensors_are_refused_and_nothing_is_left(tmp_path, method, file, code, exit_code):
    torch.save(SMALL, tmp_path / file)
    with pytest.raises(FacewrightError) as caught:
        import_weights(method, tmp_path)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert not left_behind()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FacewrightError) as caught:
        import_weights("anitalker", tmp_path / "none")
    assert (caught.value.code, caught.value.exit_code) == ("data_missing", 3)


def test_a_failed_import_keeps_the_earlier_one(tmp_path):
    before = imported_folder() / "anitalker-official"
    before.mkdir(parents=True)
    (before / "here").touch()
    torch.save(SMALL, tmp_path / "stage1.ckpt")
    with pytest.raises(AssetError):
        import_weights("anitalker", tmp_path)
    assert [path.name for path in before.iterdir()] == ["here"]
    assert left_behind() == [before]


def test_a_damaged_record_of_imported_weights_says_what_to_remove():
    folder = imported_folder() / "x"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{}")
    with pytest.raises(AssetError) as caught:
        weights.records()
    assert str(folder) in caught.value.hint


def test_a_pickle_that_holds_itself_ends(tmp_path):
    loop: list = []
    loop.append(loop)
    torch.save({"a": torch.ones(1), "loop": loop}, tmp_path / "stage1.ckpt")
    assert torch.equal(read_checkpoint(tmp_path / "stage1.ckpt")["a"], torch.ones(1))
