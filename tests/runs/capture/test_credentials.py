import pytest

from artifacts.runs.capture.credentials import command_without_credentials, without_credentials


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:secret@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://ghp_token@github.com/a/b.git", "https://github.com/a/b.git"),
        ("ssh://git@github.com/a/b.git", "ssh://git@github.com/a/b.git"),
        ("ssh://git:secret@github.com/a/b.git", "ssh://github.com/a/b.git"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("/srv/git/b.git", "/srv/git/b.git"),
        ("https://x.org/a?page=2&access_token=abc", "https://x.org/a?page=2&access_token=***"),
        ("https://x.org/?X-Amz-Signature=abc&v=1", "https://x.org/?X-Amz-Signature=***&v=1"),
        ("https://x.blob.org/c?sv=1&sig=a%2Fb#t", "https://x.blob.org/c?sv=1&sig=***#t"),
        ("postgres://me:p@ss@db/x", "postgres://db/x"),
        ("see https://a:b@x.org and https://c:d@y.org", "see https://x.org and https://y.org"),
        ("https://x.org/@user", "https://x.org/@user"),
    ],
)
def test_addresses_lose_their_credentials(text: str, expected: str) -> None:
    assert without_credentials(text) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("--lr 0.1 --data s3://k:s@b/x", "--lr 0.1 --data s3://b/x"),
        ("--api-key abc --epochs 3", "--api-key *** --epochs 3"),
        ("--apiKey=abc", "--apiKey=***"),
        ("--password abc", "--password ***"),
        ("--hf_token abc --max-tokens 3", "--hf_token *** --max-tokens 3"),
        ("--pad-token <pad> --tokenizer t5", "--pad-token <pad> --tokenizer t5"),
        ("token=abc model.secret_key=x model.key=y", "token=*** model.secret_key=*** model.key=y"),
        ("--token --verbose", "--token --verbose"),
        ("--sort-key name", "--sort-key name"),
    ],
)
def test_arguments_that_are_named_like_secrets_are_hidden(command: str, expected: str) -> None:
    assert command_without_credentials(command.split()) == expected.split()
