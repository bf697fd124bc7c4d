"""Diagnostics are data: where, what, and the edit that mends it.

python examples/catch_mistakes.py
"""

import archlang

WRONG = "res(4x<linear256, layernorm, silu>)*250"


def main() -> None:
    text = WRONG
    try:
        archlang.parse(text)
    except archlang.SpecError as error:
        print(error)
        edits = [diagnostic.replacement for diagnostic in error.diagnostics if diagnostic.replacement]
        for edit in sorted(edits, key=lambda edit: -edit.span.start):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    print(f"mended: {text}")
    print(f"{archlang.check(text, in_features=256).params:,} parameters")


if __name__ == "__main__":
    main()
