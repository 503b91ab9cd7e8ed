"""Entry point of `facewright` and `python -m facewright`."""

import sys


def main() -> None:
    from .cli.main import run  # pyright: ignore[reportMissingImports]  (see __init__)

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
