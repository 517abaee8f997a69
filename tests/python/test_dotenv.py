"""`.env` files: what they mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from roost import _dotenv

MEANT = [
    ("A=1", "1"),
    ("export A=1", "1"),
    ("  A = 1  ", "1"),
    ("A=a b # comment", "a b"),
    ("A=a#b", "a#b"),
    ("A=#", ""),
    ("A=", ""),
    ("A=x=y=z", "x=y=z"),
    ('A="a # b" # comment', "a # b"),
    (r'A="a\nb\t\"\\\q"', 'a\nb\t"\\\\q'),
    (r"A='a\n$B'", r"a\n$B"),
    ("A=größer", "größer"),
    ("\ufeffA=1", "1"),
]


@pytest.mark.parametrize("line,want", MEANT)
def test_line_means(tmp_path: Path, line: str, want: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8")
    assert _dotenv.read(str(tmp_path / ".env"))["A"] == (want, 1)


@pytest.mark.parametrize("line", ["A", "A B=1", "1A=1", "=1", 'A="open', "A='a' b"])
def test_line_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# first\n{line}\n")
    with pytest.raises(ValueError, match=r"\.env:2: "):
        _dotenv.read(str(tmp_path / ".env"))


def test_environment_wins_and_removed_lines_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("ROOST_DOTENV_LOADED_ENV", "")
    monkeypatch.setenv("DOTENV_ONE", "real")
    for name in ("DOTENV_TWO", "DOTENV_THREE"):
        monkeypatch.setenv(name, "for restoring it afterwards")
        del os.environ[name]
    path = tmp_path / ".env"
    path.write_text("DOTENV_ONE=1\nDOTENV_TWO=2\nDOTENV_THREE=3\n")
    assert _dotenv.load(str(path)).keys() == {"DOTENV_TWO", "DOTENV_THREE"}
    path.write_text("DOTENV_TWO=22\n")
    assert _dotenv.load(str(path)) == {"DOTENV_TWO": f"{path}:1"}
    assert (os.environ["DOTENV_ONE"], os.environ["DOTENV_TWO"]) == ("real", "22")
    assert "DOTENV_THREE" not in os.environ
