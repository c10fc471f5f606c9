"""Names: what is written is read back the same, and every refused form is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.errors import InvalidNameError
from artifacts.names import (
    ArtifactName,
    CollectionName,
    DigestName,
    check_aliases,
    check_collection_name,
    check_entity,
    check_project,
    check_tags,
    check_type,
    nearest_project,
    parse_name,
    parse_version,
)

HEX = "0123456789abcdef" * 4
HERE = {"entity": "me", "project": "here"}


def is_accepted(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except InvalidNameError:
        return False
    return True


places = st.text(min_size=1, max_size=9).filter(lambda text: is_accepted(check_project, text))
collections = st.from_regex(r"[a-zA-Z0-9_\-.]{1,9}", fullmatch=True).filter(
    lambda text: text not in (".", "..")
)
numbers = st.integers(0, 10**12 - 1)
aliases = st.text(min_size=1, max_size=9).filter(lambda text: is_accepted(check_aliases, text))
versions = aliases | numbers.map("v{}".format)
artifact_names = st.builds(ArtifactName, places, places, collections, versions)
full_digests = st.text("0123456789abcdef", min_size=64, max_size=64)
digest_names = st.builds(
    DigestName,
    places,
    places,
    collections,
    st.text("0123456789abcdef", min_size=8, max_size=64),
) | st.builds(DigestName, places, places, st.none(), full_digests)


@given(artifact_names | digest_names)
def test_qualified_name_is_read_back_the_same(name: ArtifactName | DigestName) -> None:
    assert parse_name(name.qualified, **HERE) == name


@given(places, places, collections)
def test_qualified_collection_is_read_back_the_same(
    entity: str, project: str, collection: str
) -> None:
    name = CollectionName(entity, project, collection)
    assert CollectionName.parse(name.qualified, **HERE) == name


@given(artifact_names)
def test_short_forms_are_filled_from_defaults(name: ArtifactName) -> None:
    short = f"{name.collection}:{name.version}"

    read = [
        ArtifactName.parse(short, entity=name.entity, project=name.project),
        ArtifactName.parse(f"{name.project}/{short}", entity=name.entity, project="other"),
    ]

    assert read == [name, name]


@given(st.text(max_size=30) | st.text("av@:/.1 0" + HEX[10:16], max_size=30))
def test_any_text_is_a_name_or_refused_as_such(text: str) -> None:
    try:
        name = parse_name(text, **HERE)
    except InvalidNameError:
        return
    assert parse_name(name.qualified, **HERE) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnist", ArtifactName("me", "here", "mnist", "latest")),
        ("mnist:v3", ArtifactName("me", "here", "mnist", "v3")),
        ("mnist:prod", ArtifactName("me", "here", "mnist", "prod")),
        ("there/mnist", ArtifactName("me", "there", "mnist", "latest")),
        ("you/there/mnist:v0", ArtifactName("you", "there", "mnist", "v0")),
        ("you/my project/mnist:a b@c", ArtifactName("you", "my project", "mnist", "a b@c")),
        (f"{HEX}:latest", ArtifactName("me", "here", HEX, "latest")),
        (HEX, DigestName("me", "here", None, HEX)),
        (f"you/there/{HEX}", DigestName("you", "there", None, HEX)),
        (HEX[:63], ArtifactName("me", "here", HEX[:63], "latest")),
        (f"mnist@{HEX[:8]}", DigestName("me", "here", "mnist", HEX[:8])),
        (f"you/there/mnist@{HEX}", DigestName("you", "there", "mnist", HEX)),
    ],
)
def test_name_is_read(text: str, expected: ArtifactName | DigestName) -> None:
    assert parse_name(text, **HERE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/mnist",
        "mnist/",
        "a//mnist",
        "a/b/c/mnist",
        "s3://bucket/mnist",
        ".",
        "..",
        "../mnist",
        "./mnist:v0",
        "a/../mnist",
        "mni st",
        "mnist\n",
        "mnïst",
        "a#b/mnist",
        "a?b/mnist",
        "50%/mnist",
        "a\\b/mnist",
        "a:b/mnist",
        "a\x00b/mnist",
        "a\x7fb/mnist",
        "a\udc80/mnist",
        "m" * 129,
        f"{'p' * 129}/mnist",
        "mnist:",
        "mnist: ",
        "mnist:a/b",
        "mnist:a:b",
        "mnist:v01",
        "mnist:v" + "9" * 13,
        "mnist:v٣",
        "mnist:a\nb",
        f"mnist:{'a' * 129}",
        "mnist@",
        "mnist@1234567",
        f"mnist@{HEX}0",
        f"mnist@{HEX.upper()}",
        "mnist@prod",
        f"@{HEX}",
        f"mnist@{HEX}:v1",
        f"a@b@{HEX}",
    ],
)
def test_malformed_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_name(text, **HERE)


def test_bare_digest_must_be_whole() -> None:
    with pytest.raises(InvalidNameError, match="expected 64"):
        DigestName.parse(HEX[:8], **HERE)


def test_version_can_be_required() -> None:
    with pytest.raises(InvalidNameError, match="must be specified as 'collection:alias'"):
        parse_name("mnist", **HERE, default_version=None)


def test_collection_name_has_no_version() -> None:
    with pytest.raises(InvalidNameError):
        CollectionName.parse("mnist:v1", **HERE)


def test_defaults_are_checked_too() -> None:
    with pytest.raises(InvalidNameError):
        ArtifactName.parse("mnist", entity="a/b", project="here")


def test_artifact_name_knows_its_collection() -> None:
    name = ArtifactName("you", "there", "mnist", "v0")
    assert name.collection_name == CollectionName("you", "there", "mnist")


def test_refusal_says_what_was_found_and_why() -> None:
    with pytest.raises(InvalidNameError, match=r"'a#b'.*a project must not contain '#'"):
        parse_name("a#b/mnist", **HERE)


@given(numbers)
def test_version_number_is_read_back_the_same(number: int) -> None:
    assert parse_version(f"v{number}") == number


@pytest.mark.parametrize("text", ["", "v", "3", "V3", "v03", "v-1", "v1 ", "v1\n", "v²", "latest"])
def test_other_text_is_no_version(text: str) -> None:
    assert parse_version(text) is None


@pytest.mark.parametrize("text", ["a", "a.b-c_D9", "...", "-", "m" * 128])
def test_collection_name_is_accepted(text: str) -> None:
    assert check_collection_name(text) == text


@pytest.mark.parametrize("text", ["dataset", "a model/of:mine", "jobs", "wandb", "t" * 128])
def test_type_is_accepted(text: str) -> None:
    assert check_type(text) == text


@pytest.mark.parametrize("text", ["", " ", "job", "wandb-history", "a\nb", "a\ud800", "t" * 129])
def test_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        check_type(text)


@pytest.mark.parametrize("check", [check_entity, check_project])
@pytest.mark.parametrize("found", "/\\#?%:\x00\x1f\x7f\x9f\ud800")
def test_place_must_not_contain(check: Callable[[str], object], found: str) -> None:
    assert not is_accepted(check, f"a{found}b")


@given(st.text(max_size=200))
def test_nearest_project_is_empty_or_valid(text: str) -> None:
    project = nearest_project(text)
    assert project in ("", ".", "..") or check_project(project) == project


@given(places.map(str.strip).filter(bool))
def test_nearest_project_of_a_valid_one_is_itself(project: str) -> None:
    assert nearest_project(project) == project


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        ([], ()),
        ("prod", ("prod",)),
        (["b", "a", "b"], ("b", "a")),
        (["latest", "a"], ("latest", "a")),
        (("v1.0", "v", "version 3"), ("v1.0", "v", "version 3")),
    ],
)
def test_aliases_are_listed_once_in_order(
    given: str | list[str] | None, expected: tuple[str, ...]
) -> None:
    assert check_aliases(given) == expected


@pytest.mark.parametrize("alias", ["", " ", "a/b", "a:b", "v3", "v0", "v007", "a\0", "a" * 129])
def test_alias_is_refused(alias: str) -> None:
    with pytest.raises(InvalidNameError):
        check_aliases(["fine", alias])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        ("one tag", ("one tag",)),
        (["b", "a-1", "b", "ünï_code"], ("b", "a-1", "ünï_code")),
    ],
)
def test_tags_are_listed_once_in_order(
    given: str | list[str] | None, expected: tuple[str, ...]
) -> None:
    assert check_tags(given) == expected


@pytest.mark.parametrize("tag", ["", " a", "a ", "a.b", "a/b", "a,b", "a\tb", "a\n", "t" * 129])
def test_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidNameError):
        check_tags(["fine", tag])


@pytest.mark.parametrize("text", [None, 3, b"x", Path("x")])
def test_what_is_no_text_is_told_with_its_type(text: Any) -> None:  # noqa: ANN401
    for parse in (parse_name, ArtifactName.parse, DigestName.parse, CollectionName.parse):
        with pytest.raises(InvalidNameError, match=f"must be text, not {type(text).__name__}"):
            parse(text, entity="e", project="p")
    with pytest.raises(InvalidNameError, match=f"must be text, not {type(text).__name__}"):
        check_type(text)
