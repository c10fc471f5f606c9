"""Uri: what users write is taken apart once, and credentials never get past the door."""

from __future__ import annotations

import pytest

from artifacts.errors import InvalidError
from artifacts.storage import Uri

SECRET = "hush"


@pytest.mark.parametrize(
    ("text", "recorded", "root", "key", "version"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b", "s3://bucket", "a/b", None),
        ("S3://bucket/a?versionId=v7", "s3://bucket/a", "s3://bucket", "a", "v7"),
        ("s3://bucket/a?b#c", "s3://bucket/a?b#c", "s3://bucket", "a?b#c", None),
        ("s3://bucket", "s3://bucket/", "s3://bucket", "", None),
        ("gs://bucket/a#17", "gs://bucket/a", "gs://bucket", "a", "17"),
        ("az://box/a?versionId=x", "az://box/a", "az://box", "a", "x"),
        ("abfss://box@acc.dfs.core.windows.net/a",) * 2
        + ("abfss://box@acc.dfs.core.windows.net", "a", None),
        (
            "https://acc.blob.core.windows.net/box/a/b?versionId=x",
            "https://acc.blob.core.windows.net/box/a/b",
            "az://box",
            "a/b",
            "x",
        ),
        (
            "https://host:1/a?page=2#top",
            "https://host:1/a?page=2",
            "https://host:1",
            "a?page=2",
            None,
        ),
        ("file:///a//b/../c", "file:///a/c", "file://", "/a/c", None),
    ],
)
def test_uri_says_where_to_ask_and_what_to_record(
    text: str, recorded: str, root: str, key: str, version: str | None
) -> None:
    uri = Uri.parse(text)

    assert (uri.text, uri.root, uri.key, uri.version) == (recorded, root, key, version)


@pytest.mark.parametrize(
    "text", ["a/b", "", "://a", "s3://", "s3:///a", "zip://a::s3://b", "http:///a"]
)
def test_what_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        Uri.parse(text)


def test_a_missing_slash_is_told() -> None:
    with pytest.raises(InvalidError, match="write s3://…"):
        Uri.parse("s3:/bucket/key")


@pytest.mark.parametrize(
    "text",
    [
        f"https://me:{SECRET}@host/a",
        f"https://{SECRET}@host/a",
        f"ftp://me:{SECRET}@host/a",
        f"s3://key:{SECRET}@bucket/a",
        f"https://host/a?X-Amz-Signature={SECRET}",
        f"https://host/a?x=1&X-Goog-Credential={SECRET}",
        f"https://acc.blob.core.windows.net/box/a?sv=1&sig={SECRET}",
        f"https://host/a?access_token={SECRET}",
        f"https://host/a?AWSAccessKeyId={SECRET}",
        f"https://host/a?api_key={SECRET}",
    ],
)
def test_credentials_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        Uri.parse(text)

    assert "reference_options" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["https://host/a?monkey=1", "https://host/a?design=2&id=3"])
def test_queries_that_hold_none_are_taken(text: str) -> None:
    assert Uri.parse(text).text == text
