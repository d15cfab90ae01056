"""What is made does not depend on how: workers, resuming, growing; and bad samples are named."""

import json
import shutil

import pytest
from toymaker import Toy, tree

from gyrosharp.datasets.job import FolderWriter, JobPlan, Skipped, TarWriter, run_job
from gyrosharp.datasets.job.folder_state import first_difference
from gyrosharp.datasets.job.locks import await_orphans, sole_job, working
from gyrosharp.datasets.job.parts import shards_of
from gyrosharp.datasets.job.record import record_sha256
from gyrosharp.errors import CaptureError, ImageError, InputError, OutputError, UsageError

FOLDERS = FolderWriter("toy")


def lines_of(output):
    return [json.loads(text) for text in (output / "manifest.jsonl").read_text().splitlines()]


def test_shards_cover_the_samples_once():
    shards = shards_of(25, 10)
    assert [index for shard in shards for index in shard.indices] == list(range(25))
    assert [shard.name for shard in shards] == ["shard-000000", "shard-000001", "shard-000002"]
    assert [len(shard.indices) for shard in shards] == [10, 10, 5]


def test_the_hash_of_a_record_worked_by_hand():
    # Two files, by name: b, then é (UTF-8 c3 a9); each as name length, content length, name, content.
    import hashlib

    text = b"\0\0\0\0\0\0\0\1" + b"\0\0\0\0\0\0\0\2" + b"b" + b"xy"
    text += b"\0\0\0\0\0\0\0\2" + b"\0\0\0\0\0\0\0\0" + b"\xc3\xa9"
    assert record_sha256({"é": b"", "b": b"xy"}) == hashlib.sha256(text).hexdigest()
    assert record_sha256({"a": b"bc"}) != record_sha256({"ab": b"c"})


@pytest.mark.slow
def test_ten_thousand_samples_are_the_same_from_one_and_two_workers(tmp_path):
    toy = Toy()
    for workers in (1, 2):
        report = run_job(toy, JobPlan(tmp_path / str(workers), 10_000, workers=workers))
        assert (report.made, report.shards, report.skipped, report.resumed, report.lost) == (10_000, 100, (), 0, ())
    one, two = tree(tmp_path / "1"), tree(tmp_path / "2")
    assert one == two
    assert sorted(one) == ["manifest.jsonl", *(f"shard-{number:06d}.tar" for number in range(100)), "synth.json"]
    lines = lines_of(tmp_path / "1")
    assert [line["index"] for line in lines] == list(range(10_000))
    assert len({line["key"] for line in lines}) == len({line["sha256"] for line in lines}) == 10_000


def test_a_manifest_line_says_what_the_sample_is(tmp_path):
    run_job(Toy(), JobPlan(tmp_path, 12, 10))
    line = lines_of(tmp_path)[11]
    record = Toy().make(11)
    assert line == {
        "index": 11,
        "key": "00000011",
        "shard": "shard-000001.tar",
        "sha256": record_sha256(record.files),
        "files": {name: len(content) for name, content in record.files.items()},
        "photo": "photo 4",
        "trail_px": 1.375,
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_folders_hold_the_same_from_one_and_two_workers(tmp_path, workers):
    toy = Toy(layout="folders")
    run_job(toy, JobPlan(tmp_path, 45, 10, workers, writer=FOLDERS))
    expected = {name: content for index in range(45) for name, content in toy.make(index).files.items()}
    found = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.bin")}
    assert found == expected
    assert set(tree(tmp_path)) == {*expected, "manifest.jsonl", "synth.json"}


@pytest.mark.parametrize(("toy", "writer"), [(Toy(), TarWriter()), (Toy(layout="folders"), FOLDERS)])
class TestResuming:
    def whole(self, toy, writer, folder, count=35):
        run_job(toy, JobPlan(folder, count, 10, writer=writer))
        return tree(folder)

    def stopped(self, toy, writer, folder):
        stopping = Toy(layout=toy.layout, accidents=((25, "interrupted"),))
        with pytest.raises(KeyboardInterrupt):
            run_job(stopping, JobPlan(folder, 35, 10, writer=writer))
        assert not (folder / "manifest.jsonl").exists()

    def test_only_missing_shards_are_made(self, toy, writer, tmp_path):
        self.stopped(toy, writer, tmp_path / "b")
        report = run_job(toy, JobPlan(tmp_path / "b", 35, 10, writer=writer))
        assert (report.made, report.resumed) == (35, 20)
        assert tree(tmp_path / "b") == self.whole(toy, writer, tmp_path / "a")

    def test_a_finished_job_stays_as_it_is(self, toy, writer, tmp_path):
        before = self.whole(toy, writer, tmp_path)
        times = {path: path.stat().st_mtime_ns for pattern in ("*.tar", "*.bin") for path in tmp_path.rglob(pattern)}
        assert run_job(toy, JobPlan(tmp_path, 35, 10, writer=writer)).resumed == 35
        assert tree(tmp_path) == before
        assert {path: path.stat().st_mtime_ns for path in times} == times

    def test_a_larger_count_adds_samples(self, toy, writer, tmp_path):
        self.whole(toy, writer, tmp_path / "b")
        report = run_job(toy, JobPlan(tmp_path / "b", 52, 10, writer=writer))
        assert (report.made, report.resumed) == (52, 30)
        assert tree(tmp_path / "b") == self.whole(toy, writer, tmp_path / "a", 52)

    def test_lost_and_cut_files_are_made_again(self, toy, writer, tmp_path):
        before = self.whole(toy, writer, tmp_path)
        first, *_, last = sorted(path for pattern in ("*.tar", "*.bin") for path in tmp_path.rglob(pattern))
        first.unlink()
        last.write_bytes(last.read_bytes()[:-1])
        assert run_job(toy, JobPlan(tmp_path, 35, 10, writer=writer)).resumed < 35
        assert tree(tmp_path) == before

    def test_a_damaged_part_is_made_again(self, toy, writer, tmp_path):
        self.stopped(toy, writer, tmp_path / "b")
        (tmp_path / "b" / ".synth" / "shard-000001.jsonl").write_bytes(b"\0\0\0\xff")
        assert run_job(toy, JobPlan(tmp_path / "b", 35, 10, writer=writer)).resumed == 10
        assert tree(tmp_path / "b") == self.whole(toy, writer, tmp_path / "a")

    def test_leftovers_of_a_killed_run_go(self, toy, writer, tmp_path):
        self.stopped(toy, writer, tmp_path / "b")
        (tmp_path / "b" / ".shard-000003.4711-0.tmp.tar").write_bytes(b"half")
        (tmp_path / "b" / ".synth" / ".shard-000003.4711-1.tmp.jsonl").write_bytes(b"half")
        (tmp_path / "b" / ".synth" / "making-abc").mkdir()
        run_job(toy, JobPlan(tmp_path / "b", 35, 10, writer=writer))
        assert tree(tmp_path / "b") == self.whole(toy, writer, tmp_path / "a")

    def test_force_removes_the_jobs_files_only(self, toy, writer, tmp_path):
        self.whole(toy, writer, tmp_path / "b")
        own = tmp_path / "b" / "train" / "mine.txt"
        own.parent.mkdir(exist_ok=True)
        own.write_text("mine")
        other = Toy(seed=2, layout=toy.layout)
        run_job(other, JobPlan(tmp_path / "b", 12, 10, writer=writer), force=True)
        assert own.read_text() == "mine"
        own.unlink()
        if toy.layout == "shards":
            own.parent.rmdir()
        assert tree(tmp_path / "b") == self.whole(other, writer, tmp_path / "a", 12)

    def test_force_on_a_stopped_job(self, toy, writer, tmp_path):
        self.stopped(toy, writer, tmp_path / "b")
        run_job(Toy(seed=2, layout=toy.layout), JobPlan(tmp_path / "b", 5, 10, writer=writer), force=True)
        assert len(lines_of(tmp_path / "b")) == 5
        assert len([path for pattern in ("*.tar", "*.bin") for path in tmp_path.rglob(pattern)]) in (1, 10)

    def test_files_of_others_are_never_overwritten(self, toy, writer, tmp_path):
        name = "shard-000001.tar" if toy.layout == "shards" else "train/sharp/00000012.bin"
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
        for force in (False, True):
            with pytest.raises(OutputError, match=f"{name}: exists already and is not of this job; move it"):
                run_job(toy, JobPlan(tmp_path, 35, 10, writer=writer), force=force)
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
        assert run_job(toy, JobPlan(tmp_path, 35, 10, writer=writer)).made == 35


class TestAnotherJob:
    @pytest.fixture
    def made(self, tmp_path):
        run_job(Toy(), JobPlan(tmp_path, 20, 10))
        yield tmp_path
        assert not (tmp_path / ".synth").exists()

    def refused(self, toy, plan, text):
        before = tree(plan.output)
        with pytest.raises(OutputError, match=text):
            run_job(toy, plan)
        assert tree(plan.output) == before

    def test_the_first_difference_is_named(self, made):
        self.refused(Toy(seed=5), JobPlan(made, 20, 10), r"maker\.seed 1, got 5; choose another folder, or use -f")

    def test_another_shard_size(self, made):
        self.refused(Toy(), JobPlan(made, 20, 5), "with shard_size 10, got 5")

    def test_another_layout(self, made):
        self.refused(Toy(layout="folders"), JobPlan(made, 20, 10, writer=FOLDERS), 'layout "webdataset", got "toy"')

    def test_fewer_samples(self, made):
        self.refused(Toy(), JobPlan(made, 19, 10), "with count 20, got 19")

    def test_a_synth_json_of_someone_else(self, tmp_path):
        for text in ("[]", "{", '{"format": "other"}'):
            (tmp_path / "synth.json").write_text(text)
            self.refused(Toy(), JobPlan(tmp_path, 5), "expected the description of a job")

    def test_a_manifest_of_someone_else(self, tmp_path):
        (tmp_path / "manifest.jsonl").write_text("{}\n")
        self.refused(Toy(), JobPlan(tmp_path, 5), r"manifest\.jsonl: exists already and is not of this job")

    def test_a_manifest_that_was_changed(self, tmp_path):
        run_job(Toy(), JobPlan(tmp_path, 20, 10))
        (tmp_path / "manifest.jsonl").write_text("hello\n")
        with pytest.raises(OutputError, match="line 1: expected a manifest line with an index, got 'hello"):
            run_job(Toy(), JobPlan(tmp_path, 20, 10))
        assert run_job(Toy(), JobPlan(tmp_path, 20, 10), force=True).made == 20


def test_force_never_leaves_the_output_folder(tmp_path):
    toy = Toy(layout="folders")
    run_job(toy, JobPlan(tmp_path / "job", 2, writer=FOLDERS))
    (tmp_path / "precious").write_text("mine")
    manifest = tmp_path / "job" / "manifest.jsonl"
    manifest.write_text('{"index": 0, "files": {"../precious": 4}}\n')
    with pytest.raises(UsageError, match="expected a plain path"):
        run_job(toy, JobPlan(tmp_path / "job", 2, writer=FOLDERS), force=True)
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ("a.1.b", 2, 3)),
        ({"a": [1]}, {"a": [1, 2]}, ("a", [1], [1, 2])),
        ({"a": 1}, {"a": 1, "b": 2}, ("b", None, 2)),
        ({"a": 1, "b": 2}, {"a": 1}, ("b", 2, None)),
    ],
)
def test_first_difference(old, new, found):
    assert first_difference(old, new) == found


class TestBadSamples:
    BAD = ((3, "image"), (17, "capture"), (18, "system"))

    @pytest.mark.parametrize("workers", [1, 2])
    def test_they_are_counted_and_named(self, tmp_path, workers):
        report = run_job(Toy(accidents=self.BAD), JobPlan(tmp_path, 30, 10, workers))
        assert report.made == 27
        assert report.skipped == (
            Skipped(3, "photo 3: expected an image, got noise; replace it"),
            Skipped(17, "log.csv: expected 1 s of gyro data, got 0.1 s; record longer"),
            Skipped(18, "photo.png: Permission denied; check path and permissions"),
        )
        lines = lines_of(tmp_path)
        assert lines[17] == {"index": 17, "skipped": report.skipped[1].reason}
        assert [line["index"] for line in lines] == list(range(30))
        assert run_job(Toy(), JobPlan(tmp_path, 30, 10)).skipped == report.skipped  # read back

    @pytest.mark.parametrize("workers", [1, 2])
    @pytest.mark.parametrize(
        ("accident", "error", "text"),
        [
            ("image", ImageError, "^sample 17: photo 3: expected an image"),
            ("capture", CaptureError, "^sample 17: log.csv: expected"),
            ("system", InputError, "^sample 17: photo.png: Permission denied"),
        ],
    )
    def test_the_first_one_stops_a_strict_job(self, tmp_path, workers, accident, error, text):
        toy = Toy(accidents=((17, accident),))
        with pytest.raises(error, match=text) as caught:
            run_job(toy, JobPlan(tmp_path, 30, 10, workers, on_error="refuse"))
        assert caught.value.exit_code == 3
        assert not (tmp_path / "shard-000001.tar").exists()
        assert not list(tmp_path.rglob("*.tmp.*"))
        assert run_job(Toy(), JobPlan(tmp_path, 30, 10, on_error="refuse")).made == 30

    def test_a_strict_job_does_not_accept_what_was_skipped_before(self, tmp_path):
        run_job(Toy(accidents=self.BAD), JobPlan(tmp_path, 30, 10))
        with pytest.raises(ImageError):
            run_job(Toy(accidents=self.BAD), JobPlan(tmp_path, 30, 10, on_error="refuse"))
        assert run_job(Toy(), JobPlan(tmp_path, 30, 10, on_error="refuse")).resumed == 10

    def test_a_shard_of_bad_samples_alone_has_no_tar(self, tmp_path):
        toy = Toy(accidents=tuple((index, "image") for index in range(10, 20)))
        assert run_job(toy, JobPlan(tmp_path, 30, 10)).made == 20
        assert {path.name for path in tmp_path.glob("*.tar")} == {"shard-000000.tar", "shard-000002.tar"}
        assert run_job(toy, JobPlan(tmp_path, 30, 10)).resumed == 30

    @pytest.mark.parametrize("workers", [1, 2])
    @pytest.mark.parametrize(
        ("accident", "error"), [("full", OutputError), ("bug", ZeroDivisionError), ("end of file", EOFError)]
    )
    def test_other_errors_always_stop(self, tmp_path, workers, accident, error):
        with pytest.raises(error):
            run_job(Toy(accidents=((17, accident),)), JobPlan(tmp_path, 30, 10, workers))
        assert not (tmp_path / "shard-000001.tar").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_samples(tmp_path, workers):
    toy = Toy(pause_s=0.01, accidents=((3, "image"),))
    seen = []
    run_job(toy, JobPlan(tmp_path, 60, 30, workers), seen.append)
    assert [seen[0].done, seen[-1].done, seen[-1].skipped, seen[-1].resumed] == [0, 60, 1, 0]
    assert all(state.total == 60 for state in seen)
    assert [state.done for state in seen] == sorted(state.done for state in seen)
    assert any(state.done % 30 for state in seen)  # not only whole shards
    again = []
    run_job(toy, JobPlan(tmp_path, 90, 30, workers), again.append)
    assert (again[0].done, again[0].resumed, again[0].skipped, again[0].total) == (60, 60, 1, 90)


def test_workers_may_be_all_cores(tmp_path):
    assert run_job(Toy(), JobPlan(tmp_path, 20, 10, workers=None)).made == 20


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"count": 0}, "count: expected at least 1, got 0"),
        ({"shard_size": 0}, "shard_size: expected at least 1"),
        ({"workers": 0}, "workers: expected at least 1"),
        ({"engine": "slurm"}, "engine: expected processes or ray, got 'slurm'"),
        ({"on_error": "ignore"}, "on_error: expected skip or refuse, got 'ignore'"),
    ],
)
def test_plans_out_of_range_are_refused(tmp_path, change, text):
    with pytest.raises(UsageError, match=text):
        JobPlan(**{"output": tmp_path, "count": 5, **change})


class TestFolderInUse:
    def test_one_job_at_a_time(self, tmp_path):
        with sole_job(tmp_path), pytest.raises(OutputError, match="another job works in this folder"):
            run_job(Toy(), JobPlan(tmp_path, 5))
        assert run_job(Toy(), JobPlan(tmp_path, 5)).made == 5

    def test_workers_of_a_killed_job_are_waited_for(self, tmp_path):
        with working(tmp_path), pytest.raises(OutputError, match="workers of a stopped job still write here"):
            await_orphans(tmp_path, patience_s=0.2)
        await_orphans(tmp_path, patience_s=0.0)

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "out").write_text("")
        with pytest.raises(OutputError, match="expected a folder, got a file"):
            run_job(Toy(), JobPlan(tmp_path / "out", 5))


def test_a_data_set_can_be_moved_and_grown(tmp_path):
    run_job(Toy(), JobPlan(tmp_path / "a", 15, 10))
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert run_job(Toy(), JobPlan(tmp_path / "b", 25, 10)).resumed == 10
