"""Official checkpoint files, filled by the rule at full size, become weights that give the recorded outputs."""

from __future__ import annotations

import argparse

import torch
from facewright.cli.main import run
from facewright.core import weights
from facewright.generate.importing.official import import_weights
from facewright.generate.methods.anitalker.model import AniTalkerMotion
from facewright.generate.methods.ifmdm.model import IFMDMMotion
from facewright.generate.nets import stored
from facewright.generate.nets.latentwarp import LatentWarp

from .fixture import Fixture
from .test_anitalker_motion import outputs, steps_of


@torch.inference_mode()
def test_anitalker(tmp_path, capsys):
    first, second = Fixture("anitalker_stage1"), Fixture("anitalker_stage2_mfcc_full_control")
    extra = {"identity_classifier.weight": torch.zeros(8, 512)}  # stage 1 comes with what only its training needed
    torch.save({f"lia.{key}": value for key, value in first.weights("model").items()} | extra, tmp_path / "stage1.ckpt")
    average = second.weights("model")
    both = {f"model.{key}": torch.zeros_like(value) for key, value in average.items()} | {"x_T": torch.zeros(4)}
    both |= {f"ema_model.{key}": value for key, value in average.items()}
    torch.save(both, tmp_path / "stage2_full_control_mfcc.ckpt")

    assert run(["weights", "import", "anitalker", str(tmp_path)]) == 0
    assert "anitalker-official" in capsys.readouterr().out
    record = weights.record("anitalker-official")
    weights.check(record)
    assert set(record.made["files"]) == {"stage1.ckpt", "stage2_full_control_mfcc.ckpt"}
    paths = {file.path.stem: file.path for file in record.files}

    motion = stored.load(AniTalkerMotion, paths["stage2_mfcc_full_control"])
    second.check(outputs(motion, second))
    net, pictures = stored.load(LatentWarp, paths["stage1"]), first.inputs()
    appearance = net.encode(pictures["x_start"])
    first.assert_close("image_drive", net.decode(appearance, pictures["alpha_drive"]))


@torch.inference_mode()
def test_ifmdm(tmp_path):
    first, second = Fixture("ifmdm_stage1_gen"), Fixture("ifmdm_stage2_dit_a0")
    rest = {"g_optim": {"state": {}, "param_groups": []}, "args": argparse.Namespace(size=256)}
    torch.save({"gen": first.weights("gen"), "dis": {}, **rest}, tmp_path / "1990000.pt")
    torch.save({"model": {}, "ema": second.weights("dit"), "opt": {}, "args": rest["args"]}, tmp_path / "0400000.pt")
    (record,) = import_weights("ifmdm", tmp_path)
    assert {file.name for file in record.files} == {"stage1.safetensors", "stage2.safetensors"}
    paths = {file.path.stem: file.path for file in record.files}
    model, given = stored.load(IFMDMMotion, paths["stage2"]), second.inputs()
    told = {"sound": given["audio"].unflatten(1, (-1, 2)), "hint": given["x_hint"]}
    told |= {"mean": given["x_mean"], "deviation": given["x_std"]}
    second.assert_close("pred", model(given["x"], steps_of(second), **told))
    net = stored.load(LatentWarp, paths["stage1"])
    first.assert_close("alpha0", net.motion(first.inputs()["img_drive"]))
