"""What must not be readable in a trace: refused in trace context, masked in recorded content.

Patterns find shapes, not meanings: a name or a street is not recognised, so do not rely on them
to make free text safe. An application adds rules of its own, such as its order references.
"""

import re
from typing import Final, NamedTuple

__all__ = ["add_rule", "looks_like", "looks_like_with_uuids", "mask"]


class _Rule(NamedTuple):
    mask: str
    name: str
    pattern: re.Pattern[str]


# Vendors' own prefixes. A generic entropy test would refuse the random ids that we ask for.
_KEYS: Final = "|".join(
    (
        r"(?:sk|pk|rk)[-_](?:lf|live|test|proj|ant|or|svcacct)?[-_]?[\w-]{16,}",
        r"gh[pousr]_\w{20,}|github_pat_\w{20,}|gl(?:pat|rt|dt)-[\w-]{16,}",
        r"xox[abeoprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{16,}",
        r"hf_\w{16,}|npm_\w{20,}|pypi-[\w-]{16,}|dop_v1_\w{20,}|shp(?:at|ca|pa|ss)_\w{16,}",
        r"SG\.[\w-]{16,}\.[\w-]{16,}|whsec_\w{16,}|lsv2_[\w-]{16,}|glsa_\w{16,}|phc_\w{16,}",
    )
)

_RULES: Final = (
    _Rule(
        "[e-mail]",
        "an e-mail address",
        re.compile(
            # Bounded as addresses are: without bounds, long text costs the square of its length.
            r"[\w.%+'-]{1,64}(?:[@\uff20]|%40|[ ]?[\[(]at[\])][ ]?)"
            r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}\.[^\W\d_]{2,63}",
            re.IGNORECASE,
        ),
    ),
    _Rule(
        "[token]",
        "a token or an API key",
        re.compile(
            r"(?<![^\W_])(?:bearer|basic)[\s:]+[\w.~+/=-]{12,}"
            rf"|(?<![^\W_])(?:{_KEYS})"
            r"|(?<![^\W_])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)*"
            r"|(?<![^\W_])(?:api[-_ ]?key|access[-_ ]?token|client[-_ ]?secret|password|passwd)"
            r"[\"']?\s*[=:]\s*[\"']?[^\s\"',;]{6,}"
            r"|-----BEGIN[A-Z ]+PRIVATE KEY-----",
            re.IGNORECASE,
        ),
    ),
    _Rule(
        "[phone]",
        "a phone number",
        re.compile(
            r"(?<![^\W_])(?<![.+])\+[1-9](?:[ ./()-]{0,2}\d){6,13}(?!\w)"  # +49 30 901820
            r"|(?<![^\W_])(?<!\d[.-])00[1-9]\d{0,2}[ ./-](?:[ ./-]?\d){6,11}(?!\w)"  # 0049 30 90182
            r"|(?<![^\W_])(?<!\d[.-])(?:0[1-9]\d{8,9}|00[1-9]\d{9,11})(?![\w-])"  # 03090182055
            r"|(?<![^\W_])(?<!\d[.-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])"
            r"[2-9]\d{2}[ .-]\d{4}(?![\w-])"  # (555) 234-5678
            r"|(?<![^\W_])(?<!\d[.-])\(?0[1-9]\d{1,3}\)?[ /-]{1,2}\d{3,4}[ -]?\d{2,5}(?![\w-])"
            r"|(?<![^\W_])(?<!\d[.-])0[1-9](?:[ .-]\d{2}){4}(?![\w-])"  # 06 12 34 56 78
        ),
    ),
)
# Words that begin like no rule's match: most ids, at a twentieth of what the rules cost.
_PLAIN: Final = re.compile(
    r"(?:(?!eyj|bearer|basic|api|acc|cli|pass|[sr]k|pk|gh|git|gl|xox|akia|asia|aiza|ya29|hf_|npm_"
    r"|pypi|dop_|shp|sg|whsec|lsv2|phc_|\d+[.-]|00?[1-9]\d{8})[a-z0-9]++[._:-]?+)++"
)
_UUID: Final = re.compile(
    r"(?<![^\W_])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![^\W_])", re.IGNORECASE
)
# A label has no question, no second sentence and no line break; what people write has.
_PROSE: Final = re.compile(r"[?\uff1f\u3002\uff01\x00-\x1f]")
_LABEL_WORDS: Final = 4
_SENTENCE_WORDS: Final = 3


_added: tuple[_Rule, ...] = ()


def add_rule(mask: str, name: str, pattern: str) -> None:
    """Add a rule of the application to those of this process, once: at import.

    Args:
        mask: What stands in a text in place of a match, such as `[order]`.
        name: What a match is, with its article: "an order reference".
        pattern: A regular expression, matched in either case. Keep its repetitions bounded: it
            meets text that strangers write.
    """
    global _added  # noqa: PLW0603 - one rule set a process, as the promise is
    rule = _Rule(mask, name, re.compile(pattern, re.IGNORECASE))
    if rule not in _added:
        _added = (*_added, rule)


def looks_like(text: str) -> str | None:
    """Return what `text` looks like, such as "an e-mail address", if it must not travel.

    UUIDs pass: `looks_like_with_uuids` refuses them too.
    """
    for rule in _added:
        if rule.pattern.search(text):
            return rule.name
    if _PLAIN.fullmatch(text.lower()):
        return None
    for rule in _RULES:
        if rule.pattern.search(text):
            return rule.name
    if _PROSE.search(text) or (" " in text and _is_prose(text.split())):
        return "free text"
    return None


def looks_like_with_uuids(text: str) -> str | None:
    """Do the same, and refuse UUIDs: for a product whose raw account ids are UUIDs."""
    return "a UUID" if _UUID.search(text) else looks_like(text)


def mask(text: str) -> str:
    """Replace e-mail addresses, tokens, phone numbers and the application's by what they were."""
    for rule in (*_added, *_RULES):
        text = rule.pattern.sub(rule.mask, text)
    return text


def _is_prose(words: list[str]) -> bool:
    if len(words) > _LABEL_WORDS:
        return True
    return len(words) >= _SENTENCE_WORDS and words[-1][-1] in ".!"
