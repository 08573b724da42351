"""Telephone numbers as some forty countries write them, with and without a country's code.

Digits alone are a telephone number only after `+`, after a word such as `tel`, or with the one
zero or the two that they are dialled with: every other numeric id would be one, too.
"""

import re
from typing import Final

from .rule import (
    ALONE,
    DIALLED,
    NO_DATE,
    NUMBER,
    NUMBER_END,
    SIGN,
    SIGN_END,
    SPACED,
    SPACED_END,
    WORD,
    Rule,
)

__all__ = ["PHONE"]

_SPACE: Final = r"[ \u00a0\u2009\u202f]"
_GAP: Final = r"[ \u00a0\u2009\u202f./()\u2010-\u2015-]"
_NO_HYPHEN: Final = r"[ \u00a0\u2009\u202f./()\u2010-\u2015]"
_AREA_END: Final = rf"(?:\){_SPACE}?-?|{_SPACE}|-)"
_EXTENSION: Final = r"(?: ?(?:x|ext\.?) ?\d{1,6})?"
_COUNTRY: Final = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-689]\d|3[578]\d|42\d|5[09]\d|6[7-9]\d|8[05789]\d|9[679]\d)"
)
# No hyphen may make three groups of four digits: UUIDs have them.
_WITH_TRUNK_ZERO: Final = "|".join(
    (
        # 030 901820, (0171) 1234567, 0470/12.34.56: an area of three to five digits.
        (
            rf"\(?0[1-9]\d{{1,3}}(?:{_SPACE}?/|\)|{_SPACE}|[\u2010-\u2015]){_GAP}{{0,2}}"
            rf"\d(?:{_GAP}?\d){{4,9}}"
        ),
        rf"0[1-9]\d(?:\d\d)?-\d(?:{_GAP}?\d){{4,9}}",  # 090-1234-5678
        rf"0[1-9]\d\d-(?:\d{{2,3}}{_GAP}\d(?:{_GAP}?\d){{2,6}}|\d{{5,8}})",  # 0171-1234567
        # 03-1234-5678, (01) 437 0000, 06-12345678: an area of two.
        (
            rf"\(?0[1-9](?:{_SPACE}?/|\)|{_SPACE}|-){_GAP}{{0,2}}{NO_DATE}"
            rf"\d{{3}}(?:{_GAP}?\d){{4,6}}"
        ),
        r"0[1-9](?:[ \u00a0\u202f.-]\d{2}){4}",  # 06 12 34 56 78
        r"0[1-9]\d{0,2}\(\d{1,4}\)\d{3,4}",  # 03(1234)5678
        r"\(?06[ -]\d{1,2}\)?[ -]\d{3}[ -]?\d{3,4}",  # 06 30 123 4567
    )
)
_WITHOUT_ZERO: Final = "|".join(
    (
        rf"(?:1{_AREA_END})?\(?[2-9]\d\d(?:{_AREA_END}|\.)[2-9]\d\d[ .-]\d{{4}}",  # 555-234-5678
        rf"\(?(?:8[ -]?\(?)?[2-9]\d\d{_AREA_END}\d{{3}}[ -]\d\d[ -]\d\d",  # 8 (495) 123-45-67
        rf"\(?[1-9]\d(?:\) ?|{_SPACE})9?\d{{4}}[ -]\d{{4}}",  # (11) 91234-5678
        rf"\(?[1-9]\d(?:\) ?|{_SPACE})\d{{3}}[ -]\d\d[ -]\d\d",  # 22 123 45 67
        r"1[3-9]\d[ -]\d{4}[ -]\d{4}",  # 138 0013 8000
        r"3[1-9]\d[ /-]\d{6,7}",  # 347 1234567
        r"0?[6-9]\d{4}[ -]\d{5}",  # 98765 43210
        r"1[38]00 \d{3} \d{3}",
    )
)
_OF_COMMON_GROUPS: Final = "|".join(
    (
        r"[2-9]\d\d \d{3} \d{3,4}|(?:5[0137]|6[069]|7[2-9]|88)\d-\d{3}-\d{3}",  # 912 345 678
        r"[6-9]\d\d(?: \d\d){3}|[49]\d\d \d\d \d{3}",  # 612 34 56 78
        r"[2-9]\d \d{3} \d{4}|9 \d{4} \d{4}",  # 21 123 4567
        r"[2-9]\d(?: \d\d){3}",  # 22 12 34 56
        r"[3689]\d{3} \d{4}",  # 6123 4567
    )
)
_ALONE: Final = "|".join(
    (
        r"0[1-9]\d{8,9}",
        (
            r"00(?:1[2-9]\d\d[2-9]\d{6}|7[3-9]\d{9}|(?:4[579]|65)\d{8}"
            r"|(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])\d{9,11})"
        ),
        r"0[1-9]\d\d-\d{4}-\d{4}",  # 0812-3456-7890
        rf"00{_COUNTRY}-\d(?:{_GAP}{{0,3}}\d){{5,11}}",
    )
)
_LOOK_ALIKE: Final = re.compile(
    r"(?<![^\W_])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![^\W_])"
    r"|(?<!\d)(?:(?:19|20)\d\d-\d\d-\d\d|\d\d([./-])\d\d\1(?:19|20)\d\d)(?!\d)",
    re.IGNORECASE,
)
_REACH: Final = 40  # characters; more than a UUID has


def _is_no_look_alike(match: re.Match[str]) -> bool:
    """Whether the match shares no character with a UUID or a date."""
    first = max(0, match.start() - _REACH)
    around = match.string[first : match.end() + _REACH]
    begin, end = match.start() - first, match.end() - first
    return not any(
        each.start() < end and begin < each.end() for each in _LOOK_ALIKE.finditer(around)
    )


PHONE: Final = Rule(
    "[phone]",
    "a phone number",
    (
        rf"{SIGN}(?:\+|\uff0b|%2B){_SPACE}?\(?[1-9](?:{_GAP}{{0,3}}\d){{6,14}}{_EXTENSION}{SIGN_END}",
        rf"{DIALLED}00(?:11)?{_SPACE}?{_COUNTRY}(?:{_NO_HYPHEN}|-\(){_GAP}{{0,2}}\d(?:{_GAP}{{0,3}}\d){{5,11}}{NUMBER_END}",
        rf"{DIALLED}(?:{_WITH_TRUNK_ZERO}){_EXTENSION}{NUMBER_END}",
        rf"{NUMBER}(?:{_WITHOUT_ZERO}){_EXTENSION}{NUMBER_END}",
        rf"{SPACED}(?:{_OF_COMMON_GROUPS}){SPACED_END}",
        rf"{ALONE}(?:{_ALONE}){NUMBER_END}",
        (
            rf"{WORD}(?:tel|telephone|telefon|phone|mobile|cell|fax|whatsapp|sms|handy)"
            rf"(?: ?(?:no|nr|number))?\.?[ :=#]{{1,3}}\(?\d(?:{_GAP}{{0,2}}\d){{6,13}}{NUMBER_END}"
        ),
    ),
    _is_no_look_alike,
)
