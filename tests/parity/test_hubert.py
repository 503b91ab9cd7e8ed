"""The HuBERT of transformers, as we call it, gives the recorded hidden states."""

from __future__ import annotations

import json

import torch
from facewright.generate.nets.audio import AudioParams
from facewright.generate.nets.encoders import SpeechEncoder
from safetensors.torch import save_file

from .fixture import Fixture


def test_hidden_states(tmp_path):
    fixture = Fixture("hubert_large_style_reduced")
    config = {name: value for name, value in fixture.config.items() if name != "samples"}
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "hubert", "architectures": ["HubertModel"], **config})
    )
    (tmp_path / "preprocessor_config.json").write_text('{"do_normalize": false}')
    save_file(fixture.weights("hubert"), tmp_path / "model.safetensors", {"format": "pt"})
    layers = config["num_hidden_layers"] + 1
    encoder = SpeechEncoder(tmp_path, AudioParams("hubert", config["hidden_size"], layers))
    sounds = fixture.inputs()["input_values"].numpy()
    states = torch.stack([encoder.hidden_states(sound) for sound in sounds])  # b t layers channels
    fixture.check({f"hidden{layer}": states[:, :, layer] for layer in range(layers)})
