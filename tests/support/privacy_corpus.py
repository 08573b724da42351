"""The corpus of the privacy rules: texts that must not be readable in a trace, and look-alikes."""

from pathlib import Path

_CORPUS = Path(__file__).parents[1] / "langfuse_otel" / "privacy"

REFUSED = [
    tuple(line.replace("\\n", "\n").split("\t"))
    for line in (_CORPUS / "refused.tsv").read_text().splitlines()
]
"""By kind and text; "free text" is refused as trace context and masked nowhere."""

MASKED = [(kind, text) for kind, text in REFUSED if kind != "free text"]

ALLOWED = (_CORPUS / "allowed.txt").read_text().splitlines()
