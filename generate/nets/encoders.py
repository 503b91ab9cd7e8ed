"""Hidden states of wav2vec2 and HuBERT, computed by transformers from a folder on this machine.

Baevski et al., wav2vec 2.0, NeurIPS 2020 (arXiv 2006.11477); Hsu et al., HuBERT, TASLP 2021 (2106.07447).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...core.errors import AssetError
from .audio import RATE, AudioParams, pieces

HOP, REACH = 320, 400  # samples from one hidden state to the next, and those that one sees before attention
BLOCK, MARGIN = 20 * RATE, 2 * RATE  # heard at once, and heard around it: fixed, so that memory is bounded


class SpeechEncoder:
    """An encoder as transformers stores it: `config.json` and `model.safetensors` in one folder.

    Args:
        folder: that folder; nothing is downloaded.
        params: `layers` 1 keeps the last hidden state, else all of them, the convolutions' output first.

    Raises:
        AssetError: `weights_missing` without such a folder, `bad_weights` if it holds another network,
            `transformers_missing`.
    """

    def __init__(self, folder: Path | None, params: AudioParams) -> None:
        hint = f"Put a {params.kind} encoder (config.json, model.safetensors) into a folder and name that folder."
        if folder is None or not (folder / "config.json").is_file():
            raise AssetError("weights_missing", f"there is no {params.kind} encoder in {folder or 'any folder'}", hint)
        try:
            from transformers import AutoModel
            from transformers.utils import logging
        except ImportError as error:
            install = 'Run: pip install "facewright[encoders]"'
            raise AssetError("transformers_missing", "transformers is not installed", install) from error
        shown = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # a library does not print
        try:
            net, report = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise AssetError("bad_weights", f"{folder} holds no encoder: {error}", hint) from error
        finally:
            if shown:
                logging.enable_progress_bar()
        missing = {key for key in report["missing_keys"] if key != "masked_spec_embed"}  # of training alone
        if missing or report["mismatched_keys"]:  # transformers would make them up
            raise AssetError("bad_weights", f"the encoder in {folder} lacks {min(missing, default='a shape')}", hint)
        self.net = net.eval()
        config, self.layers = self.net.config, params.layers
        if config.hidden_size != params.channels or params.layers not in (1, config.num_hidden_layers + 1):
            found = f"{config.num_hidden_layers + 1} layers of {config.hidden_size}"
            wanted = f"{params.layers} of {params.channels}"
            raise AssetError("bad_weights", f"{folder} holds {found} channels, the model wants {wanted}", hint)
        extractor = folder / "preprocessor_config.json"
        options = json.loads(extractor.read_text("utf-8")) if extractor.is_file() else {}
        self.normalises = bool(options.get("do_normalize", True))

    @torch.inference_mode()
    def hidden_states(self, samples: np.ndarray) -> Tensor:
        """Mono float32 (n,) at 16 kHz → (t, layers, channels) at 50 Hz, t = (n - 400) // 320 + 1."""
        sound = torch.from_numpy(np.pad(samples, (0, max(REACH - len(samples), 0))))
        if self.normalises:
            sound = (sound - sound.mean()) / (sound.var(unbiased=False) + 1e-7).sqrt()
        found = self.net(sound[None].to(self.net.dtype), output_hidden_states=self.layers > 1)
        # some versions of transformers list the last state before its norm
        earlier = found.hidden_states[:-1] if self.layers > 1 else ()
        return torch.stack([*earlier, found.last_hidden_state], 2)[0].float()

    def __call__(self, chunks: Iterable[np.ndarray]) -> Iterator[Tensor]:
        """Blocks (t, layers, channels); clips under 20 s are heard whole, the last state twice as their end needs."""
        for samples, seen, count in pieces(chunks, BLOCK, MARGIN, MARGIN):
            states = self.hidden_states(samples)
            first, wanted = seen // HOP, -(-count // HOP)
            states = states[first : first + wanted]
            yield torch.cat([states, states[-1:].expand(wanted - len(states), -1, -1)])
