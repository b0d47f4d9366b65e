"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenarios.units import format_rate, format_size, parse_rate, parse_size, parse_time


@given(st.integers(0, 10**9), st.sampled_from([("", 1), ("B", 1), ("kB", 1000), ("KiB", 1024), ("MiB", 2**20)]))
def test_a_size_is_its_number_times_its_unit(number, unit):
    """Decimal and binary units are told apart."""
    assert parse_size(f"{number}{unit[0]}") == number * unit[1]


@given(st.integers(0, 10**6))
def test_bits_and_bytes_per_second_differ_by_eight(number):
    """`mbit` counts bits, `mbps` bytes, as in tc."""
    assert parse_rate(f"{number}mbps") == pytest.approx(8 * parse_rate(f"{number}mbit"))


@given(st.text(max_size=12))
def test_any_text_is_parsed_or_refused_with_a_value_error(text):
    """No other exception escapes, and nothing parsed is negative."""
    for parse in (parse_size, parse_rate, parse_time):
        try:
            assert parse(text) >= 0
        except ValueError:
            continue


def test_quantities_for_people_have_few_digits():
    """Four significant digits, in the largest unit that fits."""
    assert format_size(8 * 2**20) == "8 MiB"
    assert format_size(1.5 * 2**30) == "1.5 GiB"
    assert format_rate(1e6) == "8 Mbit/s"
