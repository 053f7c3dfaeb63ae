"""Says what is looked at, and ends with exit code 1 where something is not as promised."""

import sys


def heading(text):
    print(f"\n{text}", flush=True)


def expect(holds, otherwise):
    if not holds:
        sys.exit(f"NOT AS EXPECTED: {otherwise}")
