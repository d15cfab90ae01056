"""What lies on the disk: tar shards that others can read, folders that hold what the samples say."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace

import pytest
from toymaker import Toy, tree

from gyrosharp.datasets.job import FolderWriter, JobPlan, Record, TarWriter, run_job
from gyrosharp.datasets.job.folders import flush
from gyrosharp.datasets.job.shards import tar_bytes
from gyrosharp.errors import OutputError, UsageError

READ = """
import sys, webdataset
samples = webdataset.WebDataset(sys.argv[1:], shardshuffle=False)
print([(sample["__key__"], {name: sample[name] for name in ("sharp.bin", "blurred.bin")}) for sample in samples])
"""


class Fixed:
    """A maker of one record."""

    def __init__(self, record):
        self.record = record

    def fingerprint(self):
        return {}

    def make(self, index):
        return replace(self.record, key=self.record.key.format(index))


def list_of_samples(output, lines):
    """A `finish` hook as papers have it: a text file with a row per sample."""
    keys = [line["key"] for line in lines if "key" in line]
    assert (output / "train" / "sharp" / f"{keys[0]}.bin").is_file()
    return {"train/list.txt": "".join(f"{key}\n" for key in keys).encode()}


def clashing_list(_output, _lines):
    return {"train/sharp/mine.txt": b"theirs"}


LISTED = FolderWriter("toy", list_of_samples)


class TestTar:
    @pytest.fixture
    def output(self, tmp_path):
        run_job(Toy(size=3000), JobPlan(tmp_path, 23, 10))
        return tmp_path

    def test_tarfile_reads_the_samples_in_order(self, output):
        with tarfile.open(output / "shard-000001.tar") as archive:
            found = {member.name: archive.extractfile(member).read() for member in archive}
        expected = {}
        for index in range(10, 20):
            record = Toy(size=3000).make(index)
            expected |= {f"{record.key}.{suffix}": record.files[suffix] for suffix in sorted(record.files)}
        assert list(found.items()) == list(expected.items())

    def test_nothing_of_this_machine_is_in_it(self, output):
        with tarfile.open(output / "shard-000000.tar") as archive:
            facts = {
                (member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode) for member in archive
            }
        assert facts == {(315532800, 0, 0, "", "", 0o644)}
        assert (output / "shard-000000.tar").read_bytes()[257:265] == b"ustar\x0000"

    def test_the_size_is_known_from_the_manifest(self, output):
        assert tar_bytes([]) == tar_bytes([1]) == 10240
        assert tar_bytes([512] * 9) == 10240  # 9 headers, 9 blocks, 2 at the end: 20 blocks, a whole record
        assert tar_bytes([512] * 8 + [513]) == 20480
        sizes = [len(content) for index in range(10) for content in Toy(size=3000).make(index).files.values()]
        assert (output / "shard-000000.tar").stat().st_size == tar_bytes(sizes)

    def test_webdataset_reads_the_samples(self, output):
        if importlib.util.find_spec("webdataset") is None:
            pytest.skip("webdataset is not installed")
        # In a process of its own, as it leaves files open.
        shards = [str(path) for path in sorted(output.glob("*.tar"))]
        done = subprocess.run([sys.executable, "-c", READ, *shards], capture_output=True, check=True)
        samples = ast.literal_eval(done.stdout.decode())
        expected = [Toy(size=3000).make(index) for index in range(23)]
        assert samples == [(record.key, dict(record.files)) for record in expected]

    @pytest.mark.parametrize(
        ("record", "text"),
        [
            (Record("a.b{}", {"x": b""}), "key 'a.b0': expected a name without dot or slash that is used once"),
            (Record("a/b{}", {"x": b""}), "without dot or slash"),
            (Record("", {"x": b""}), "key '': expected"),
            (Record("same", {"x": b""}), "key 'same': expected a name without dot or slash that is used once"),
            (Record("{}", {"x/y": b""}), "0.x/y: expected a suffix without slash"),
            (Record("{}", {"": b""}), "0.: expected a suffix"),
            (Record("{}", {"x" * 99: b""}), "at most 100 bytes in all; shorten it"),
            (Record("{}", {"x": b""}, {"sha256": "mine"}), "expected keys other than the engine's, got 'sha256'"),
            (Record("{}", {"x": b""}, {"depth": float("nan")}), "sample 0: manifest: expected JSON values"),
            (Record("{}", {"x": b""}, {"depth": object()}), "sample 0: manifest: expected JSON values"),
        ],
    )
    def test_records_that_do_not_fit_are_refused(self, tmp_path, record, text):
        with pytest.raises(UsageError, match=text):
            run_job(Fixed(record), JobPlan(tmp_path, 2))
        assert not list(tmp_path.rglob("*.tmp.*"))


class TestFolders:
    def test_the_list_of_the_whole_set(self, tmp_path):
        toy = Toy(layout="folders", accidents=((4, "image"),))
        run_job(toy, JobPlan(tmp_path / "a", 12, 5, writer=LISTED))
        text = (tmp_path / "a" / "train" / "list.txt").read_text()
        assert text.split() == [f"{index:08d}" for index in range(12) if index != 4]
        run_job(toy, JobPlan(tmp_path / "a", 14, 5, writer=LISTED))
        run_job(toy, JobPlan(tmp_path / "b", 14, 5, writer=LISTED))
        assert tree(tmp_path / "a") == tree(tmp_path / "b")

    def test_force_removes_the_list_too(self, tmp_path):
        run_job(Toy(layout="folders"), JobPlan(tmp_path, 12, 5, writer=LISTED))
        run_job(Toy(), JobPlan(tmp_path, 12, 5, writer=TarWriter()), force=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "manifest.jsonl",
            "shard-000000.tar",
            "shard-000001.tar",
            "shard-000002.tar",
            "synth.json",
        ]

    def test_the_list_never_replaces_a_file_of_someone_else(self, tmp_path):
        own = tmp_path / "train" / "sharp" / "mine.txt"
        own.parent.mkdir(parents=True)
        own.write_text("mine")
        with pytest.raises(OutputError, match=r"mine\.txt: exists already and is not of this job"):
            run_job(Toy(layout="folders"), JobPlan(tmp_path, 4, writer=FolderWriter("toy", clashing_list)))
        assert own.read_text() == "mine"

    def test_a_kill_between_two_moves_is_mended(self, tmp_path, monkeypatch):
        """The journal tells the files that were moved already from files of others."""
        toy, plan = Toy(layout="folders"), JobPlan(tmp_path / "b", 12, 5, writer=LISTED)
        run_job(toy, replace(plan, output=tmp_path / "a"))

        class Killed(BaseException):
            pass

        def killed(stage, output, names):
            (output / names[0]).parent.mkdir(parents=True)
            (stage / "0").replace(output / names[0])
            raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr("gyrosharp.datasets.job.folders._move", killed)
            run_job(toy, plan)
        assert len(list((tmp_path / "b").rglob("*.bin"))) == 1
        assert run_job(toy, plan).resumed == 0
        assert tree(tmp_path / "a") == tree(tmp_path / "b")

    def test_force_after_a_kill_between_two_moves(self, tmp_path, monkeypatch):
        toy, plan = Toy(layout="folders"), JobPlan(tmp_path, 12, 5, writer=FolderWriter("toy"))

        def interrupted(stage, output, names):
            (output / names[0]).parent.mkdir(parents=True)
            (stage / "0").replace(output / names[0])
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("gyrosharp.datasets.job.folders._move", interrupted)
            run_job(toy, plan)
        run_job(Toy(), JobPlan(tmp_path, 2), force=True)
        assert sorted(tree(tmp_path)) == ["manifest.jsonl", "shard-000000.tar", "synth.json"]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("../x{}", "expected a plain path below the output folder"),
            ("/x", "expected a plain path"),
            ("a//x", "expected a plain path"),
            ("", "expected a plain path"),
            (".synth/x", "expected a path other than the job's own"),
            ("manifest.jsonl", "expected a path other than the job's own"),
            ("same", "expected a path of its own for each file, got it twice"),
        ],
    )
    def test_paths_that_do_not_fit_are_refused(self, tmp_path, name, text):
        with pytest.raises(UsageError, match=text):
            run_job(Fixed(Record("{}", {name: b""})), JobPlan(tmp_path / "out", 2, writer=FolderWriter("toy")))
        assert not (tmp_path / "out" / "manifest.jsonl").exists() and len(list(tmp_path.iterdir())) == 1

    def test_a_file_where_a_folder_is_needed(self, tmp_path):
        (tmp_path / "train").write_text("mine")
        with pytest.raises(OutputError, match="train/sharp: this folder cannot be made: Not a directory"):
            run_job(Toy(layout="folders"), JobPlan(tmp_path, 2, writer=FolderWriter("toy")))
        assert (tmp_path / "train").read_text() == "mine"


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_files_are_flushed_before_they_are_named(tmp_path, monkeypatch, platform):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), fsync(handle)))
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    flush(tmp_path)
    assert len(synced) == (0 if platform == "linux" else 2)
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "none")


def test_synth_json_says_what_was_made(tmp_path):
    run_job(Toy(), JobPlan(tmp_path, 12, 5))
    facts = json.loads((tmp_path / "synth.json").read_text())
    assert facts.pop("gyrosharp")
    assert facts == {
        "format": "gyrosharp.synth/1",
        "layout": "webdataset",
        "count": 12,
        "shard_size": 5,
        "maker": Toy().fingerprint(),
        "extra": [],
    }
