"""What must not be readable in a trace: refused in trace context, masked in recorded content.

Patterns find shapes, not meanings: a name or a street is not recognised, so do not rely on them
to make free text safe. An application adds rules of its own, such as its order references.
"""

import re
from typing import Final

from .privacy_rules import RULES, Rule

__all__ = ["add_rule", "looks_like", "looks_like_with_uuids", "mask", "rules"]

_UUID_SHAPE: Final = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_UUID: Final = re.compile(rf"(?<![^\W_]){_UUID_SHAPE}(?![^\W_])", re.IGNORECASE)
# Words that begin like no rule's match: most ids, at a twentieth of what the rules cost.
_PLAIN: Final = re.compile(
    rf"(?:{_UUID_SHAPE}(?=[._:]|$)[._:]?|"
    r"(?!a(?:pi|cc|kia|sia|iza|tatt|ge)|b(?:earer|asic)|c(?:li|ell)|d(?:ckr|api|o[opr]_)|eyj|f(?:ax|ig|w_)|g(?:h|it|l|o|s)"
    r"|h(?:f_|v|oo|an)|key|id.?tok|l(?:in_|sv)|mobi|n(?:pm|tn|ra|va)|p(?:[kyplcma]|scale|h[cx]_|hon|wd)"
    r"|r(?:k|8_|ef|ub)|s(?:[bghkqsmn]|ecret_)|t(?:el|vly)|wh|x(?:ox|ap|ai)|ya29"
    r"|[a-z]{2}\d\d[0-9a-z]{11}|\d{3,5}[.-]|0\d[.-]|[18]-|\d{8,10}:|[02-9]\d{8})[a-z0-9]++[._:-]?+)++"
)
# A label has no question, no second sentence and no line break; what people write has.
_PROSE: Final = re.compile(r"[?\uff1f\u3002\uff01\x00-\x1f]")
_LABEL_WORDS: Final = 4
_SENTENCE_WORDS: Final = 3


_added: tuple[Rule, ...] = ()


def add_rule(mask: str, name: str, pattern: str, *, contains: str = "") -> None:
    """Add a rule of the application to those of this process, once: at import.

    Args:
        mask: What stands in a text in place of a match, such as `[order]`.
        name: What a match is, with its article: "an order reference".
        pattern: A regular expression, matched in either case. Keep its repetitions bounded: it
            meets text that strangers write.
        contains: What every match contains, in lower case. Texts without it, most ids among
            them, are not searched.
    """
    global _added  # noqa: PLW0603 - one rule set a process, as the promise is
    rule = Rule(mask, name, (pattern,), contains=contains)
    if rule not in _added:
        _added = (*_added, rule)


def rules() -> tuple[Rule, ...]:
    """Return the rules of this process, the application's first: a Collector's guard needs them."""
    return (*_added, *RULES)


def looks_like(text: str) -> str | None:
    """Return what `text` looks like, such as "an e-mail address", if it must not travel.

    UUIDs pass: `looks_like_with_uuids` refuses them too.
    """
    lowered = text.lower()
    for rule in _added:
        if rule.contains in lowered and rule.occurs_in(text):
            return rule.name
    if _PLAIN.fullmatch(lowered):
        return None
    for rule in RULES:
        if rule.occurs_in(text):
            return rule.name
    if _PROSE.search(text) or (" " in text and _is_prose(text.split())):
        return "free text"
    return None


def looks_like_with_uuids(text: str) -> str | None:
    """Do the same, and refuse UUIDs: for a product whose raw account ids are UUIDs."""
    return "a UUID" if _UUID.search(text) else looks_like(text)


def mask(text: str) -> str:
    """Replace what the rules find, an e-mail address or a token, by what it was: `[e-mail]`."""
    for rule in rules():
        text = rule.masked(text)
    return text


def _is_prose(words: list[str]) -> bool:
    if len(words) > _LABEL_WORDS:
        return True
    return len(words) >= _SENTENCE_WORDS and words[-1][-1] in ".!"
