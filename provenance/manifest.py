"""The signed manifest (C2PA 2.4): what it says and how it is put into the file.

Actions, in order: `c2pa.opened` the picture or clip the video was made from (or `c2pa.created` where there is none),
`c2pa.edited` with the digital source type, `c2pa.placed` the voice, `c2pa.watermarked.bound` to the soft binding, whose
value is the record id that the pixels carry. Everything of our own stands in `org.facewright.generation`; see
docs/reference/manifest.md. File names and hashes of the inputs go in; paths, the command line and the machine do not.

Nothing here reaches the network: no time-stamp is asked for, no remote manifest or revocation list fetched.
"""

from __future__ import annotations

import io
import mimetypes
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any

import c2pa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ..core.errors import FacewrightError, RefusedError
from . import softbinding
from .binding import BLOCK, STUB_BLOCK, Film
from .boxes import manifest_span
from .keys import Signer
from .record import NO_CONSENT, Ingredient, Record
from .target import disk_error

SPEC_VERSION = "2.4"
GENERATION = "org.facewright.generation"
DISCLOSURE = "c2pa.ai-disclosure"
IN_MEMORY_MB = 8  # c2pa copies larger files through an unnamed temporary file: flat memory, at the cost of a copy
MEDIA_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime"}
_COORDINATE_BYTES = {"ES256": 32, "ES384": 48, "ES512": 66}

OFFLINE: dict[str, Any] = {
    "version": 1,
    "core": {
        "backing_store_memory_threshold_in_mb": IN_MEMORY_MB,
        "allowed_network_hosts": [],
    },
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
        "verify_after_sign": False,
    },  # the seal reads it back
}


def definition(record: Record, title: str) -> dict[str, Any]:
    """The manifest definition of a record, as c2pa's builder takes it; ingredients are added apart, see `described`."""
    agent = {"name": "facewright", "version": record.versions["facewright"]}
    parent = parent_of(record)
    sounds = [item for item in record.ingredients if item.role == "audio" and item is not parent]
    inputs = [item for item in record.ingredients if item.role != "audio" and item is not parent]

    def action(name: str, *used: Ingredient, **fields: Any) -> dict[str, Any]:
        labels = [_label(record, item) for item in used]
        links = {"parameters": {"ingredientIds": labels}} if labels else {}
        return {"action": name, "when": record.created, **fields, **links}

    made = {
        "digitalSourceType": record.digital_source_type,
        "softwareAgent": agent,
        "description": f"Synthesised by {record.method} {record.method_version}",
    }
    if parent:
        actions = [action("c2pa.opened", parent), action("c2pa.edited", *inputs, **made)]
    else:
        actions = [action("c2pa.created", *inputs, **made)]
    actions += [action("c2pa.placed", item) for item in sounds]
    actions.append(action("c2pa.watermarked.bound", softwareAgent=agent))
    return {
        "claim_version": 2,
        "claim_generator_info": [{**agent, "specVersion": SPEC_VERSION}],
        "title": title,
        "format": media_type(title),
        "assertions": [
            {"label": "c2pa.actions.v2", "created": True, "data": {"actions": actions, "allActionsIncluded": True}},
            *({"label": softbinding.LABEL, "created": True, "data": binding} for binding in _bindings(record)),
            *([{"label": DISCLOSURE, "created": True, "data": disclosure(record)}] if record.weights else []),
            {"label": GENERATION, "created": True, "data": generation(record)},
        ],
    }


def _bindings(record: Record) -> list[dict[str, Any]]:
    """A soft binding for the mark in the picture, and one for that in the sound if it carries one."""
    algorithms = [softbinding.ALGORITHM]
    if record.sound and record.sound["marked"]:
        algorithms.append(softbinding.SOUND_ALGORITHM)
    return [softbinding.assertion(record.record_id, algorithm) for algorithm in algorithms]


def parent_of(record: Record) -> Ingredient | None:
    """What the video was made from: the clip that was edited, else the picture that was animated."""
    for role in ("target", "portrait"):
        for item in record.ingredients:
            if item.role == role:
                return item
    return None


def disclosure(record: Record) -> dict[str, Any]:
    """The assertion `c2pa.ai-disclosure`: the model; a person chose its inputs, no one approved the result."""
    weights = ", ".join(f"{name} sha256:{digest}" for name, digest in sorted(record.weights.items()))
    return {
        "modelType": "c2pa.types.model.pytorch",
        "modelName": f"{record.method} {record.method_version}",
        "modelIdentifier": weights,
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }


def generation(record: Record) -> dict[str, Any]:
    """The assertion `org.facewright.generation`: what `replay` and an audit need and what may be public."""
    return {
        "record_id": record.record_id,
        "method": record.method,
        "method_version": record.method_version,
        "weights": dict(record.weights),
        "seed": record.seed,
        "controls": dict(record.controls),
        "ingredients": [
            {"role": item.role, "title": item.title, "sha256": item.sha256, "size": item.size}
            for item in record.ingredients
        ],
        "consent": record.consent or NO_CONSENT,
        "digital_source_type": record.digital_source_type,
        "created": record.created,
        "versions": dict(record.versions),
        "video": {"width": record.width, "height": record.height, "fps": record.fps, "frames": record.frames},
        "fingerprint_sha256": record.fingerprint_sha256,
        "pixels_sha256": record.pixels_sha256,
        **({"sound": dict(record.sound)} if record.sound else {}),
    }


def sign(source: Path, target: Path, record: Record, signer: Signer, title: str) -> bytes:
    """Copy `source` to the new file `target` with a signed manifest inside.

    Args:
        source: a finished MP4 or QuickTime file.
        target: must not exist; never the source itself.
        title: the file name the manifest shall show.

    Returns:
        The manifest store, `application/c2pa`.

    Raises:
        RefusedError: "sign_failed", with the signer's own error as its cause.
        MachineError: "disk_full".
    """
    claims: list[bytes] = []  # what is to be signed
    disk: list[OSError] = []

    def callback(data: bytes) -> bytes:
        claims.append(data)
        return stand_in

    try:
        stand_in = secrets.token_bytes(_signature_size(signer))  # the claim still changes; it is signed at the end
        film = Film.of(source)
        with (
            c2pa.Context.from_dict(_offline(STUB_BLOCK if film else BLOCK)) as context,
            c2pa.Builder.from_json(definition(record, title), context=context) as builder,
            c2pa.Signer.from_callback(callback, _algorithm(signer), signer.chain) as native,
            io.BytesIO(film.stub()) if film else open(source, "rb") as reading,
            _Output(io.FileIO(target, "x+b"), disk) as writing,
        ):
            for item in record.ingredients:
                _add_ingredient(builder, record, item)
            manifest = builder.sign(native, media_type(title), reading, io.BytesIO() if film else writing)
            manifest, data = softbinding.as_bytes(manifest, claims[-1], record.record_id)
            if film:
                manifest, data = film.write(writing, manifest, data)
            signature = _signature(signer, data)
            span = (film.place, 0) if film else manifest_span(writing)
            if manifest.count(stand_in) != 1 or len(signature) != len(stand_in) or span is None:
                raise softbinding.unexpected()
            manifest = manifest.replace(stand_in, signature)
            writing.seek(span[0])
            writing.write(manifest)
            return manifest
    except FacewrightError:
        raise
    except Exception as error:
        if isinstance(error, OSError):
            disk.append(error)
        if disk:
            raise disk_error(disk[0], target) from error
        if number := re.search(r"\(os error (\d+)\)$", str(error)):
            raise disk_error(OSError(int(number[1]), str(error)), Path(tempfile.gettempdir())) from error
        raise _failed(error) from error


def native_signer(signer: Signer, authority: str | None = None) -> c2pa.Signer:
    """A signer as c2pa takes it; `authority` is the URL of a time-stamp authority to be asked with each signature."""
    return c2pa.Signer.from_callback(
        lambda data: _raw_signature(signer, data), _algorithm(signer), signer.chain, authority
    )


def _signature(signer: Signer, data: bytes) -> bytes:
    try:
        return _raw_signature(signer, data)
    except FacewrightError:
        raise
    except Exception as error:  # whatever a key service raises, a network's OSError as well
        raise _failed(error) from error


def _failed(error: Exception) -> RefusedError:
    hint = "Check the certificate chain and its key."
    return RefusedError("sign_failed", f"Signing failed, so no file was written: {error}.", hint)


class _Output(io.BufferedRandom):
    """A file that remembers why writing failed: c2pa passes on a number at best."""

    def __init__(self, raw: io.FileIO, failures: list[OSError]) -> None:
        super().__init__(raw)
        self._failures = failures

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self._failures.append(error)
            raise

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._failures.append(error)
            raise


def media_type(name: str | Path) -> str:
    """The media type of an output by its extension."""
    return MEDIA_TYPES[Path(name).suffix.lower()]


def _add_ingredient(builder: c2pa.Builder, record: Record, item: Ingredient) -> None:
    """With the manifest that the input itself may carry, so that its own marking is not lost."""
    kind = mimetypes.guess_type(item.title)[0] or "application/octet-stream"
    relationship = {"audio": "componentOf", "video": "inputTo"}.get(item.role, "inputTo")
    described = {
        "title": item.title,
        "format": kind,
        "label": _label(record, item),
        "relationship": "parentOf" if item is parent_of(record) else relationship,
        "instance_id": f"urn:sha256:{item.sha256}",
    }
    if item.path and kind in c2pa.Builder.get_supported_mime_types():
        try:
            with open(item.path, "rb") as stream:
                return builder.add_ingredient(described, kind, stream)
        except (OSError, c2pa.C2paError):
            described["description"] = "If it carries a manifest of its own, that could not be read."
    return builder.add_ingredient(described, "application/octet-stream", io.BytesIO(b"\0"))


def _label(record: Record, item: Ingredient) -> str:
    return f"{item.role}-{record.ingredients.index(item)}"


def _raw_signature(signer: Signer, data: bytes) -> bytes:
    """COSE wants r‖s of fixed width; most libraries and key services give DER."""
    signature = signer.sign(data)
    if (width := _COORDINATE_BYTES.get(signer.algorithm)) and len(signature) != 2 * width:
        signature = b"".join(part.to_bytes(width, "big") for part in decode_dss_signature(signature))
    return signature


def _signature_size(signer: Signer) -> int:
    """Bytes of a raw signature."""
    key = signer.leaf.public_key()
    if signer.algorithm in _COORDINATE_BYTES:
        return 2 * _COORDINATE_BYTES[signer.algorithm]
    return key.key_size // 8 if isinstance(key, rsa.RSAPublicKey) else 64


def _offline(block: int) -> dict[str, Any]:
    """The settings for signing, with blocks of the media of so many bytes, their hashes all in the manifest."""
    merkle = {"merkle_tree_chunk_size_in_kb": block >> 10, "merkle_tree_max_proofs": 0}
    return {**OFFLINE, "core": {**OFFLINE["core"], **merkle}}


def _algorithm(signer: Signer) -> c2pa.C2paSigningAlg:
    return c2pa.C2paSigningAlg[signer.algorithm.upper()]
