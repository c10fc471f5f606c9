"""Written: a size is what people write, and what is none is refused."""

from pathlib import Path

import pytest

from artifacts.errors import InvalidNameError
from artifacts.written import Written, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10GB", 10**10),
        ("10 gb", 10**10),
        ("1.5GiB", 3 * 2**29),
        ("500M", 5 * 10**8),
        ("2TiB", 2**41),
        ("7kib", 7 * 2**10),
        ("12B", 12),
        ("123", 123),
    ],
)
def test_a_size_is_written_as_people_do(text: str, size: int) -> None:
    written = Written("cache_size", text, "argument", Path())
    assert parse_size(text) == written.as_field() == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "10XB", "10iB", "1.GB", "٣GB", "10GB,"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError, match="expected a size"):
        parse_size(text)
