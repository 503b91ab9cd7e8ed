"""Time-stamps (RFC 3161): an authority's word for when a signature existed, as a C2PA update manifest.

Off unless an authority is named: `FACEWRIGHT_TSA_URL` for every seal, or `facewright stamp` later for a file that was
signed offline. Only a hash leaves the machine, and it goes to that address alone. The update manifest is appended; what
was signed before it stays byte for byte, so the stamp shows that the signature is not younger.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import c2pa

from ..core.errors import InputError, RefusedError, UsageError
from ..core.version import VERSION
from .keys import Signer, default_signer
from .manifest import OFFLINE, SPEC_VERSION, media_type, native_signer
from .reading import ManifestReading, read_manifest
from .target import SUFFIXES, check_target, claim


def authority() -> str | None:
    """The URL that `FACEWRIGHT_TSA_URL` names, or None."""
    return os.environ.get("FACEWRIGHT_TSA_URL") or None


def stamp(
    path: str | Path,
    target: str | Path,
    *,
    url: str | None = None,
    signer: Signer | None = None,
    force: bool = False,
) -> ManifestReading:
    """Put a time-stamped copy of a sealed file at `target`.

    Args:
        path: an MP4 or QuickTime file with a manifest that holds.
        target: where the copy shall stand; see `check_target`.
        url: of the authority; default `authority()`.
        signer: of the update manifest; default: the user's identity, or the local signer.
        force: an existing target may be replaced.

    Raises:
        UsageError: "usage", "not_signed", and what `check_target` says.
        InputError: "unreadable".
        RefusedError: "stamp_failed".
    """
    path, target = Path(path), check_target(target, force, [path])
    url = url or authority()
    if not url:
        raise UsageError("usage", "No time-stamp authority is named.", "Name it: --tsa URL, or FACEWRIGHT_TSA_URL.")
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        raise InputError("unreadable", f"{path} is no MP4 or QuickTime file.", "Check the name.")
    with claim(target) as held:
        stamped = held.temporary()
        add_stamp(path, stamped, signer or default_signer(), url)
        reading = read_manifest(stamped)
        held.publish(stamped, force)
    return reading


def add_stamp(source: Path, target: Path, signer: Signer, url: str) -> None:
    """Copy a signed file to the new file `target`, with an update manifest that holds a time-stamp of its signature.

    Args:
        source: an MP4 or QuickTime file with a manifest that holds.
        target: must not exist.
        signer: signs the update.
        url: of the authority.

    Raises:
        UsageError: "usage" if the URL is none, "not_signed" if the file has no manifest that holds.
        RefusedError: "stamp_failed" if the authority gives no time-stamp.
    """
    host = urlsplit(url)
    if host.scheme not in ("http", "https") or not host.hostname:
        raise UsageError("usage", f"{url!r} is no address of a time-stamp authority.", "Give http://… or https://….")
    before = read_manifest(source)
    if not before.valid:
        raise UsageError("not_signed", f"{source} holds no manifest that is valid.", "See: facewright verify")
    settings: dict[str, Any] = copy.deepcopy(OFFLINE)
    settings["core"]["allowed_network_hosts"] = [f"{host.scheme}://{host.netloc}"]
    settings["builder"]["auto_timestamp_assertion"] = {"enabled": True, "skip_existing": False, "fetch_scope": "parent"}
    settings["builder"]["actions"] = {"all_actions_included": True}
    agent = {"name": "facewright", "version": VERSION, "specVersion": SPEC_VERSION}
    definition = {"claim_version": 2, "claim_generator_info": [agent], "format": media_type(source)}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Builder.from_json(definition, context=context) as builder,
            native_signer(signer, url) as native,
            open(source, "rb") as reading,
            open(target, "x+b") as writing,
        ):
            builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
            builder.sign(native, media_type(source), reading, writing)
    except (c2pa.C2paError, OSError) as error:
        raise _failed(f"{url}: {error}") from error
    after = read_manifest(target)
    if not after.valid or after.stamp is None or after.label != before.label:
        raise _failed("the file does not validate with its time-stamp")


def _failed(reason: str) -> RefusedError:
    hint = "Try again, name another authority, or seal without FACEWRIGHT_TSA_URL and stamp later."
    return RefusedError("stamp_failed", f"No time-stamp was made: {reason}.", hint)
