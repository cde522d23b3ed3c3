import subprocess
import sys
from pathlib import Path

import pytest

from compliance_report.publishing import begin, exclusive, publish, replace_file


def test_a_folder_appears_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "out" / "dev"
    for content in ("first", "second"):
        folder = begin(place)
        (folder / "report").write_text(content)
        assert not place.exists() or (place / "report").read_text() == "first"
        publish(place)
        assert (place / "report").read_text() == content
    assert sorted(path.name for path in place.parent.iterdir()) == ["dev"]


def test_what_a_killed_audit_left_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "dev"
    (begin(place) / "half").write_text("written")
    (tmp_path / ".dev.old").mkdir()
    assert list(begin(place).iterdir()) == []
    assert not (tmp_path / ".dev.old").exists()


def test_killed_between_the_two_renames_what_stood_there_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "dev"
    (begin(place) / "report").write_text("first")
    publish(place)
    (begin(place) / "report").write_text("second")
    rename = Path.rename

    def killed_at_the_second(self: Path, target: Path) -> Path:
        if target == place:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            publish(place)
    assert not place.exists()
    begin(place)
    assert (place / "report").read_text() == "first"


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "dev"
    place.mkdir()
    for file in (place / "history", tmp_path / "dev.zip"):
        for content in (b"first", b"second"):
            replace_file(place, file, content)
            assert file.read_bytes() == content
    (tmp_path / ".dev.file").write_text("half, since its writer was killed")
    begin(place)
    assert {path.name for path in tmp_path.iterdir()} == {"dev", "dev.zip", ".dev.new"}


def test_a_second_audit_of_the_same_place_waits_for_the_first(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from compliance_report.publishing import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('inside', flush=True)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "dev")]
    with exclusive(tmp_path / "dev"), exclusive(tmp_path / "pr42"):
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            other.wait(timeout=1)
        except subprocess.TimeoutExpired:
            waited = True
        else:
            waited = False
    output, _ = other.communicate(timeout=30)
    assert (waited, output) == (True, "inside\n")
