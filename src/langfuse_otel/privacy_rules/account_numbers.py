"""Numbers of cards and bank accounts, whose check digits are checked, and of social security."""

import re
from typing import Final

from .rule import DIGITS, NUMBER, NUMBER_END, WORD, WORD_END, Rule

__all__ = ["CARD", "IBAN", "SSN"]

_GAP: Final = r"[ \u00a0.-]"
_SPACE: Final = r"[ \u00a0]"  # With hyphens, an IBAN would be found in UUIDs.
# By what a country's account numbers are made of, after its two letters and two check digits: n
# digits, a letters, c either (SWIFT's IBAN registry).
_IBAN_FORMS: Final = {
    "2a12n": "FK",
    "2a16n": "GE",
    "4a10n": "NL",
    "4a13c": "LV",
    "4a14c": "BH",
    "4a14n": "GB IE",
    "4a15c": "GI",
    "4a15n": "IQ",
    "4a16c": "PK RO",
    "4a16n": "VG",
    "4a19n3a": "MU",
    "4a20c": "AZ",
    "4a20n": "HN NI SV",
    "4a20n3a": "SC",
    "4a21c": "PS QA",
    "4a22c": "KW",
    "4a24c": "LC",
    "4a4n18c": "JO YE",
    "4a5n18c": "MT",
    "4a6n8c": "BG",
    "4c16n": "BY",
    "4c20n": "DO",
    "1a10n12c": "IT SM",
    "2n18c": "SA",
    "3n10c2n": "MK",
    "3n13c": "KZ LU",
    "3n16c": "OM",
    "4n20c": "LB",
    "5n12c": "CH LI",
    "6n16c": "TR",
    "6n19c": "UA",
    "7n16c": "GR",
    "8n12c": "AD",
    "8n16c": "AL CY",
    "10n11c2n": "FR MC",
    "14n15c": "RU",
    "20c": "GT MD",
    "23n1a1c": "BR",
    "11n": "NO",
    "12n": "BE",
    "14n": "DK FI FO GL SD",
    "15n": "SI",
    "16n": "AT BA EE LT MN XK",
    "17n": "HR",
    "18n": "CR DE ME RS VA",
    "19n": "AE IL SO TL",
    "20n": "CZ ES SE SK TN",
    "21n": "LY PT ST",
    "22n": "IS",
    "23n": "BI DJ MR",
    "24n": "HU PL",
    "25n": "EG",
}
_IBAN_CHARACTERS: Final = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}


def _iban_pattern(form: str, countries: str) -> str:
    account = "".join(
        rf"(?:{_SPACE}?{_IBAN_CHARACTERS[kind]}){{{count}}}"
        for count, kind in re.findall(r"(\d+)([nac])", form)
    )
    return rf"(?:{countries.replace(' ', '|')}){_SPACE}?[0-9]{{2}}{account}"


def _has_luhn_digit(match: re.Match[str]) -> bool:
    digits = [int(each) for each in reversed(match[0]) if each.isdecimal()]
    doubled = (sum(divmod(2 * each, 10)) for each in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _has_iban_digits(match: re.Match[str]) -> bool:
    text = "".join(filter(str.isalnum, match[0]))
    return int("".join(str(int(each, 36)) for each in text[4:] + text[:4])) % 97 == 1


_SIXTEEN: Final = r"(?:2[2-7]|35|[45]\d|6[0-7]|8[12])\d\d"
_FIFTEEN: Final = r"3[47]\d\d"
_FOURTEEN: Final = r"3(?:0[0-5]|[68]\d)\d"

CARD: Final = Rule(
    "[card]",
    "a card number",
    (
        (
            rf"{NUMBER}(?:{_SIXTEEN}(?:{_GAP}\d{{4}}){{3}}(?:{_GAP}\d{{3}})?"
            rf"|{_FIFTEEN}{_GAP}\d{{6}}{_GAP}\d{{5}}|{_FOURTEEN}{_GAP}\d{{6}}{_GAP}\d{{4}}){NUMBER_END}"
        ),
        # Of 17 digits and more only the commonest: ids of messages and accounts have them, too.
        (
            rf"{DIGITS}(?:{_SIXTEEN}\d{{12}}|{_FIFTEEN}\d{{11}}|{_FOURTEEN}\d{{10}}|62\d{{17}})"
            rf"{NUMBER_END}"
        ),
    ),
    _has_luhn_digit,
)
IBAN: Final = Rule(
    "[iban]",
    "an IBAN",
    (f"{WORD}(?:{'|'.join(_iban_pattern(*each) for each in _IBAN_FORMS.items())}){WORD_END}",),
    _has_iban_digits,
)
SSN: Final = Rule(
    "[ssn]",
    "a US social security number",
    (
        NUMBER
        + r"(?:00[1-9]|0[1-9]\d|[1-578]\d\d|6[0-57-9]\d|66[0-57-9])[ -](?:0[1-9]|[1-9]\d)[ -]"
        r"(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})" + NUMBER_END,
        WORD + r"ssn[ :=#]{1,3}\d{9}" + NUMBER_END,
    ),
)
