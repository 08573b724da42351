"""The privacy rules in the real Collector, text by text: what it masks and what RE2 cannot say."""

import json
from random import Random

import pytest
from guard_corpus import Span
from guarded_collector import Guard

from langfuse_otel.privacy import looks_like
from langfuse_stack.guard import CONFIG, guarded
from support.privacy_corpus import ALLOWED, MASKED

# A quotation mark that is masked would end JSON.
QUOTED = {'"api_key": "abcdef123456"', "password = 'hunter22'"}
# Without look-around, what stands before digits can be kept in texts alone, not in arrays.
PLAIN_DIGITS = {
    *("00493090182055", "00442079460958", "07911123456", "0301234567", "09012345678"),
    *("usr:07911123456", "0033612345678", "004930901820", "0612345678", "0142345678"),
    *("0412345678", "09876543210", "4111111111111111", "5555555555554444", "2223003122003222"),
    *("378282246310005", "6011111111111117", "3530111333300000", "30569309025904"),
    *("6200000000000005", "6759649826438453", "card 4242424242424242 please"),
    *("card:4242424242424242", "usr_4000056655665556", "card-4012888888881881"),
    *("0049-30-901820", "0812-3456-7890"),
}
# It does not count check digits, nor look whether a number continues a date or an id.
MASKED_NONETHELESS = {
    *("4111111111111112", "4111 1111 1111 1112", "6011 1111 1111 1118"),
    *("DE89370400440532013001", "GB82WEST12345698765433"),
    *("INV-0123-45678", "042-2026-11-21", "01-20261121"),
}


def test_the_configuration_is_that_of_the_rules() -> None:
    """`make guard` would change nothing."""
    assert guarded(CONFIG.read_text()) == CONFIG.read_text()


@pytest.mark.parametrize("form", ["{}", "see {} there", '{{"a": {}, "b": 1}}', "[1,{}]"])
def test_what_the_application_masks_is_masked(guard: Guard, form: str) -> None:
    """Alone, in a sentence and in JSON, which stays JSON."""
    is_json = form[0] in "{[" and form != "{}"
    texts = [form.format(json.dumps(text) if is_json else text) for _, text in MASKED]
    arrived = _values(guard, texts)
    if is_json:
        arrived = [json.dumps(json.loads(text), ensure_ascii=False) for text in arrived]
    assert _readable(arrived) == QUOTED


def test_in_an_array_digits_alone_are_left(guard: Guard) -> None:
    """An array is masked as the JSON text that it becomes, by the patterns for words."""
    arrived = guard.pass_through([Span(attributes={"list": [text]}) for _, text in MASKED])
    assert _readable([str(dict(each.attributes or {})["list"]) for each in arrived]) == (
        QUOTED | PLAIN_DIGITS
    )


def test_a_telephone_number_leaves_what_stands_behind_it_whole(guard: Guard) -> None:
    """It is masked to its own last digit, and does not take the first ones of a card."""
    telephones = ("+1 555 234 9999", "+44 20 7946 0958", "+86 138 0013 8000", "0171 1234567")
    others = ("4111 1111 1111 1111", "4242424242424242", "078-05-1120", "ssn 078051120")
    others += ("DE89 3704 0044 0532 0130 00", "+1 555 234 9999")
    texts = [f"{first} {second}" for first in telephones for second in others]
    assert _values(guard, texts) == ["**** ****"] * len(texts)


def test_look_alikes_are_left_alone(guard: Guard) -> None:
    """To the letter, but for the ones that RE2 cannot tell."""
    changed = {
        text for text, value in zip(ALLOWED, _values(guard, ALLOWED), strict=True) if text != value
    }
    assert changed == MASKED_NONETHELESS


def test_ids_and_measurements_are_left_alone(guard: Guard) -> None:
    """UUIDs of digits mostly, trace ids, fractions and times, alone and in JSON."""
    random = Random(13)
    texts = []
    for _ in range(2_000):
        digits = "".join(random.choices("0123456789" * 3 + "abcdef", k=32))
        texts += [
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}",
            json.dumps(
                [random.random(), random.getrandbits(40), f"{random.getrandbits(128):032x}"]
            ),
            f"2026-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}T03:34:42.123456Z",
        ]
    assert _values(guard, texts) == texts


def _values(guard: Guard, texts: list[str]) -> list[str]:
    arrived = guard.pass_through([Span(attributes={"note": text}) for text in texts])
    return [str(dict(each.attributes or {})["note"]) for each in arrived]


def _readable(arrived: list[str]) -> set[str]:
    """Return the texts of the corpus that can still be read in what arrived for them."""
    return {
        text
        for (_, text), value in zip(MASKED, arrived, strict=True)
        if "****" not in value or looks_like(value.replace("****", "x")) not in {None, "free text"}
    }
