"""Files appear whole or not at all."""

import errno
import os

import pytest

from gyrosharp.errors import OutputError
from gyrosharp.media import atomic
from gyrosharp.media.atomic import atomic_write, check_target, made_folder, make_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def raise_os_error(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


def test_written_and_renamed(tmp_path):
    target = tmp_path / "a.json"
    with atomic_write(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".a.") and temporary.suffix == ".json"
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.json"]


def test_existing_file_is_kept(tmp_path):
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"exists already.*-f"), atomic_write(target):
        pytest.fail("the block must not run")
    assert target.read_text() == "old"


def test_overwrite_keeps_the_mode(tmp_path):
    target = tmp_path / "a.json"
    target.write_text("old")
    target.chmod(0o640)
    with atomic_write(target, overwrite=True) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(atomic.os, "link", raise_os_error(errno.EPERM))
    target = tmp_path / "a.json"
    with pytest.raises(OutputError, match="exists already"), atomic_write(target) as temporary:
        temporary.write_text("new")
        target.write_text("other")
    assert target.read_text() == "other"
    assert names(tmp_path) == ["a.json"]


def test_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.os, "link", raise_os_error(errno.EOPNOTSUPP))
    with atomic_write(tmp_path / "a.json") as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_nothing_is_left_after_an_interruption(tmp_path, error):
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(error), atomic_write(target, overwrite=True) as temporary:
        temporary.write_text("half")
        raise error
    assert names(tmp_path) == ["a.json"]
    assert target.read_text() == "old"


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.EIO, "error")],
)
def test_system_errors_are_one_line(tmp_path, number, words):
    target = tmp_path / "a.json"
    with pytest.raises(OutputError, match=words) as caught, atomic_write(target) as temporary:
        temporary.write_text("half")
        raise_os_error(number)()
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("step", ["link", "fsync"])
def test_failure_while_publishing(tmp_path, monkeypatch, step):
    monkeypatch.setattr(atomic.os, step, raise_os_error(errno.ENOSPC))
    with pytest.raises(OutputError, match="disk is full"), atomic_write(tmp_path / "a.json") as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == []


def test_read_only_folder():
    # /proc takes no files, not even from root, whom permissions do not stop
    with pytest.raises(OutputError, match="cannot be written"), atomic_write(atomic.Path("/proc/self/a.json")):
        pytest.fail("the block must not run")


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "real.json").write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to("real.json")
    with atomic_write(link, overwrite=True) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


def test_long_names_fit(tmp_path):
    target = tmp_path / ("ü" * 125 + ".json")
    with atomic_write(target) as temporary:
        temporary.write_text("new")
    assert target.exists()


def test_check_target(tmp_path):
    with pytest.raises(OutputError, match="got a folder"):
        check_target(tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="create it"):
        check_target(tmp_path / "none" / "a.json", overwrite=False)
    check_target(tmp_path / "a.json", overwrite=False)


def test_make_folder(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="got a file"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be made"):
        make_folder(tmp_path / "file" / "below")


def test_a_folder_in_which_nothing_came_of_it_is_taken_away(tmp_path):
    with pytest.raises(KeyError), made_folder(tmp_path / "new"):
        raise KeyError
    assert not (tmp_path / "new").exists()


def test_a_folder_that_was_there_or_holds_something_stays(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(KeyError), made_folder(tmp_path / "old"):
        raise KeyError
    with pytest.raises(KeyError), made_folder(tmp_path / "new"):
        (tmp_path / "new" / "a").touch()
        raise KeyError
    assert names(tmp_path) == ["new", "old"]
