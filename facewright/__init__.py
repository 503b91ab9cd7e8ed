"""facewright: make, mark and audit synthetic faces.

    talker = facewright.load("meshwarp")
    sealed = talker("face.jpg", "speech.wav", seed=7).save("out.mp4")
    facewright.verify("out.mp4").state
    facewright.scan("out.mp4").to_html("report.html")

Names are imported on first use, so that `import facewright` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core.version import VERSION  # pyright: ignore[reportMissingImports]

if TYPE_CHECKING:  # the rooms lie one floor up on disk, beside this folder, and inside the package once installed
    from .core.errors import (  # pyright: ignore[reportMissingImports]
        AssetError,
        FacewrightError,
        InputError,
        MachineError,
        RefusedError,
        UsageError,
        VerifyError,
    )
    from .detect.scan import scan  # pyright: ignore[reportMissingImports]
    from .generate import SpeechDrive, VideoDrive, load, replay  # pyright: ignore[reportMissingImports]
    from .generate.methods.registry import cards as methods  # pyright: ignore[reportMissingImports]
    from .provenance import verify  # pyright: ignore[reportMissingImports]


__version__ = VERSION

__all__ = [
    "AssetError",
    "FacewrightError",
    "InputError",
    "MachineError",
    "RefusedError",
    "SpeechDrive",
    "UsageError",
    "VerifyError",
    "VideoDrive",
    "load",
    "methods",
    "replay",
    "scan",
    "verify",
]

_ELSEWHERE = {
    "SpeechDrive": ("generate", "SpeechDrive"),
    "VideoDrive": ("generate", "VideoDrive"),
    "load": ("generate", "load"),
    "methods": ("generate.methods.registry", "cards"),
    "replay": ("generate", "replay"),
    "scan": ("detect.scan", "scan"),
    "verify": ("provenance", "verify"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _ELSEWHERE.get(name, ("core.errors", name))
    value = globals()[name] = getattr(import_module(f".{module}", __name__), attribute)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
