"""Sizes and case names: what is printed can be typed back, and what cannot be read is answered in one helpful line."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.interface.case import LARGEST, BadName, Case, Size, format_number, parse_number

from tests.tables import table

sizes = st.builds(
    Size,
    V=st.integers(2, 10**12),
    H=st.integers(1, 10**6),
    B=st.integers(0, 10**6),
    K=st.integers(0, 1000),
    dtype=st.sampled_from(["f32", "f64"]),
    index=st.sampled_from(["i32", "i64"]),
    words=st.sampled_from(["zipf", "uniform", "repeat"]),
    threads=st.integers(1, 512),
)
names = st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True)
cases = st.builds(Case, kernel=names, slug=names, size=sizes)


TEXTS = table("cases")


def refusal_of(read: Callable[..., object], *given: str) -> str:
    """The one line with which a text is refused, and with which example."""
    with pytest.raises(BadName) as refusal:
        read(*given[:1])
    message = str(refusal.value)
    assert "\n" not in message
    assert all(example in message for example in given[1:])
    return message


@given(cases)
def test_a_printed_case_is_read_back_as_the_same_case(case: Case) -> None:
    """So no two share a name."""
    assert Case.parse(str(case)) == case
    assert Size.parse(str(case.size)) == case.size


@given(cases)
def test_a_case_names_the_problem_it_belongs_to(case: Case) -> None:
    """Implementations of one kernel at one size are measured together; the slug alone does not part them."""
    assert case.problem == Case(case.kernel, "another", case.size).problem
    assert case.problem == str(case).replace(f"/{case.slug}@", "@", 1)


def test_a_case_can_be_written_in_other_ways_than_it_is_printed() -> None:
    case = Case.parse("lookup/gather@V=100k,H=1e2,B=100,K=0,f64,i32,zipf,t1")
    assert str(case) == "lookup/gather@V=1e5,H=100,B=100,f64,i32,zipf,t1"
    assert (case.size.float_type, case.size.index_type) == (np.dtype("f8"), np.dtype("i4"))


# whole numbers


@pytest.mark.parametrize("text", ["0", "7", "100", "1e3", "3e5", "25391", "1500"])
def test_whole_numbers_are_printed_as_people_write_them(text: str) -> None:
    assert format_number(int(float(text))) == text


@given(st.integers(0, LARGEST))
def test_a_printed_whole_number_is_read_back(number: int) -> None:
    assert parse_number(format_number(number)) == number


@pytest.mark.parametrize(("text", "number"), TEXTS["read"].items())
def test_whole_numbers_are_read_in_the_ways_people_write_them(text: str, number: int) -> None:
    assert parse_number(text) == number


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 12))
def test_decimals_and_powers_mean_what_decimal_says(integer: int, fraction: int, exponent: int) -> None:
    """Exactly, without a detour over floats; and a number that is not whole is refused instead of rounded."""
    text = f"{integer}.{fraction}e{exponent}"
    value = Decimal(text)
    if value == value.to_integral_value() and value <= LARGEST:
        assert parse_number(text) == int(value)
    else:
        with pytest.raises(BadName):
            parse_number(text)


def test_a_number_of_thousands_of_digits_is_refused_in_a_short_line() -> None:
    assert len(refusal_of(parse_number, "9" * 5000, "up to 1e15")) < 200


# bad sizes and cases


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"V": 1}, ["V", "at least 2", "1"]),
        ({"V": 9, "H": 0}, ["H", "at least 1", "0"]),
        ({"V": 9, "B": -1}, ["B", "at least 0", "-1"]),
        ({"V": 9, "K": -1}, ["K", "at least 0", "-1"]),
        ({"V": 9, "threads": 0}, ["threads", "at least 1", "0"]),
        ({"V": 9, "threads": 5000}, ["threads", "at most 1024", "5000"]),
        ({"V": 9, "dtype": "float32"}, ["dtype", "f32, f64", "'float32'"]),
        ({"V": 9, "index": "i16"}, ["index dtype", "i32, i64", "'i16'"]),
        ({"V": 9, "words": "normal"}, ["words", "zipf, uniform, repeat", "'normal'"]),
    ],
)
def test_an_impossible_size_is_refused_with_what_is_possible(arguments: dict[str, object], words: list[str]) -> None:
    message = refusal_of(lambda: Size(**arguments))  # type: ignore[arg-type]
    assert all(word in message for word in words)


PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "number": (parse_number, "1e5"),
    "size": (Size.parse, "V=1e5,H=100,B=100,f32,i64,zipf,t1"),
    "case": (Case.parse, "lookup/gather@V=1e5"),
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in PARSERS for text in TEXTS[kind]])
def test_what_cannot_be_read_is_refused_with_an_example(kind: str, text: str) -> None:
    parse, example = PARSERS[kind]
    assert repr(text) in refusal_of(parse, text, example)


@pytest.mark.parametrize(("size", "culprit"), TEXTS["bad"].items())
def test_a_case_with_a_bad_size_is_refused_by_naming_the_bad_part(size: str, culprit: str) -> None:
    assert culprit in refusal_of(Case.parse, f"lookup/gather@{size}")


@given(st.text(max_size=60), st.sampled_from([Case.parse, Size.parse, parse_number]))
def test_any_text_is_either_read_or_refused_in_one_line(text: str, parse: Callable[[str], object]) -> None:
    message = ""
    try:
        parse(text)
    except BadName as refusal:
        message = str(refusal)
    assert "\n" not in message
