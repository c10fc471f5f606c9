import importlib.metadata
import re
from pathlib import Path

from artifacts.runs.capture.packages import requirements


def test_what_is_installed_is_listed_as_its_metadata_say() -> None:
    expected = {
        re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): each.version
        for each in importlib.metadata.distributions()
    }
    listed = dict(line.split("==") for line in requirements().splitlines())
    assert listed == expected


def test_what_comes_first_on_the_path_counts(tmp_path: Path) -> None:
    for name in (
        "a/My_Package-1.0.dist-info",
        "b/my.package-2.0.dist-info",
        "b/old-1-py3.egg-info",
    ):
        (tmp_path / name).mkdir(parents=True)

    path = [str(tmp_path / "a"), str(tmp_path / "missing"), str(tmp_path / "b")]

    assert requirements(path) == "my-package==1.0\nold==1\n"
