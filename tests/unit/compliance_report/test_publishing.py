import subprocess
import sys
from pathlib import Path

from compliance_report.publishing import begin, exclusive, publish


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
