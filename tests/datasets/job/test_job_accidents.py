"""Kills, full disks, interrupts: the folder is never corrupt, and the same command goes on."""

import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from toymaker import Toy, tree

from gyrosharp.datasets.job import JobPlan, run_job
from gyrosharp.errors import GyrosharpError, OutputError

SCRIPT = Path(__file__).with_name("run_toy.py")
SOURCES = os.pathsep.join(path for path in sys.path if path)


def command(output, count, *options):
    return [sys.executable, str(SCRIPT), str(output), str(count), *map(str, options)]


def begin(output, count, *options):
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(output, count, *options), env=environment, start_new_session=True, **pipes)


def until_shards(output, count):
    """Wait until a job has finished some shards."""
    deadline = time.monotonic() + 30
    while len(list(output.glob(".synth/shard-*.jsonl"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def members_of(group):
    """Processes of a process group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def until_all_ended(group):
    deadline = time.monotonic() + 10
    while members_of(group):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def no_half_shards(output):
    for path in output.glob("shard-*.tar"):
        with tarfile.open(path) as archive:
            assert len(archive.getmembers()) == 200


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments_and_resumed(tmp_path, workers):
    run_job(Toy(size=1000), JobPlan(tmp_path / "whole", 10_000))
    chance = random.Random(workers)
    output = tmp_path / "killed"
    kills = 0
    for done in (5, 40):
        job = begin(output, 10_000, "--size", 1000, "--workers", workers)
        until_shards(output, done)
        time.sleep(chance.uniform(0.0, 0.05))
        job.kill()  # the job alone: its workers must notice by themselves
        job.communicate()
        kills += job.returncode == -signal.SIGKILL
        no_half_shards(output)
    assert kills == 2
    job = begin(output, 10_000, "--size", 1000, "--workers", workers)
    made, resumed, _ = map(int, job.communicate()[0].split())
    assert made == 10_000
    assert resumed >= 4000
    assert tree(output) == tree(tmp_path / "whole")


def test_workers_end_when_their_job_is_killed(tmp_path):
    job = begin(tmp_path / "out", 400, "--workers", 2, "--pause-s", 0.02, "--shard-size", 100)
    until_path(tmp_path / "out" / ".synth")
    time.sleep(0.5)
    assert len(members_of(job.pid)) >= 3
    job.kill()
    job.communicate()
    until_all_ended(job.pid)
    assert not list((tmp_path / "out").rglob("*.tmp.*"))  # the workers cleaned up


def until_path(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("layout", ["shards", "toy"])
def test_interrupted_by_the_keyboard(tmp_path, workers, layout):
    options = ("--workers", workers, "--shard-size", 10, "--layout", layout)
    job = begin(tmp_path / "out", 1000, *options, "--pause-s", 0.01)
    until_shards(tmp_path / "out", 3)
    os.killpg(job.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, complaints = job.communicate()
    assert (job.returncode, complaints) == (130, "")
    until_all_ended(job.pid)
    assert not list((tmp_path / "out").rglob("*.tmp.*")) and not list((tmp_path / "out").rglob("making-*"))
    job = begin(tmp_path / "out", 1000, *options)
    made, resumed, _ = map(int, job.communicate()[0].split())
    assert made == 1000 and 30 <= resumed < 1000  # it stopped long before its end


class TestDeadWorkers:
    def test_its_shard_is_made_again(self, tmp_path):
        (tmp_path / "marks").mkdir()
        toy = Toy(accidents=((17, "killed"), (33, "killed")), marks=tmp_path / "marks")
        report = run_job(toy, JobPlan(tmp_path / "b", 50, 10, workers=2))
        assert report.made == 50
        first, second = sorted(report.lost)
        assert first.startswith("samples 10 to 19: worker process ")
        assert first.endswith(" was ended by SIGKILL (out of memory?); made again")
        assert second.startswith("samples 30 to 39")
        run_job(Toy(), JobPlan(tmp_path / "a", 50, 10))
        assert tree(tmp_path / "a") == tree(tmp_path / "b")

    def test_a_second_death_stops_the_job(self, tmp_path):
        toy = Toy(accidents=((17, "killed"),))
        text = r"^samples 10 to 19: worker process \d+ was ended by SIGKILL \(out of memory\?\), 2 times; use fewer"
        with pytest.raises(GyrosharpError, match=text):
            run_job(toy, JobPlan(tmp_path, 50, 10, workers=2))
        assert run_job(Toy(), JobPlan(tmp_path, 50, 10, workers=2)).made == 50

    def test_its_samples_are_not_counted_twice(self, tmp_path):
        (tmp_path / "marks").mkdir()
        toy = Toy(accidents=((38, "killed"),), marks=tmp_path / "marks", pause_s=0.01)
        seen = []
        run_job(toy, JobPlan(tmp_path / "out", 80, 40, workers=2), seen.append)
        done = [state.done for state in seen]
        assert max(done) == done[-1] == 80
        assert done != sorted(done)  # those of the dead worker were taken back


class TestFullDisk:
    @pytest.mark.parametrize("workers", [1, 2])
    @pytest.mark.parametrize("layout", ["shards", "toy"])
    def test_a_disk_that_fills_up(self, tmp_path, workers, layout):
        """On a real file system of 3 MB: the job stops, nothing is half there, and more room is all it needs."""
        whole = tmp_path / "whole"
        first = ("--size", 50_000, "--shard-size", 10, "--layout", layout)
        begin(whole, 60, *first).communicate()
        disk = tmp_path / "disk"
        disk.mkdir()
        job = " ".join(command(disk / "out", 60, *first, "--workers", workers))
        steps = f"""
            mount -t tmpfs -o size=3m tmpfs {disk} || exit 99
            {job}; echo exit $?
            find {disk}/out | sed 's/^/left /'
            mount -o remount,size=64m {disk} && {job} && cp -r {disk}/out {tmp_path}/copy
        """
        environment = {**os.environ, "PYTHONPATH": SOURCES}
        isolated = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", steps]
        try:
            done = subprocess.run(isolated, env=environment, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("no unshare here")
        if done.returncode == 99 or "unshare" in done.stderr:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        said = done.stdout.splitlines()
        assert said[0].startswith("OutputError: ")
        assert said[0].endswith("cannot be written: the disk is full; free some space")
        assert said[1] == "exit 3"
        left = [line for line in said if line.startswith("left ")]
        assert left and not [line for line in left if ".tmp." in line or "making-" in line]
        assert int(said[-1].split()[0]) == 60 and int(said[-1].split()[1]) > 0
        assert tree(tmp_path / "copy") == tree(whole)

    def test_a_limit_on_the_size_of_files(self, tmp_path):
        job = begin(tmp_path / "out", 40, "--size", 50_000, "--shard-size", 10, "--file-limit", 300_000)
        text, _ = job.communicate()
        assert job.returncode == 3
        assert "shard-000000.tar: cannot be written: File too large; choose another folder" in text
        assert not list((tmp_path / "out").glob("*.tar")) and not list((tmp_path / "out").rglob("*.tmp.*"))

    def test_a_folder_that_may_not_be_written(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="this folder cannot be made"):
            run_job(Toy(), JobPlan(tmp_path / "file" / "out", 5))


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["shards", "toy"])
def test_memory_does_not_grow_with_the_number_of_samples(tmp_path, layout):
    options = ("--size", 5000 if layout == "shards" else 25_000, "--layout", layout)
    peaks_kb = []
    for count in (400, 2000) if layout == "toy" else (2000, 10_000):
        job = begin(tmp_path / str(count), count, *options, "--shard-size", 100)
        peaks_kb.append(int(job.communicate()[0].split()[2]))
    assert peaks_kb[1] - peaks_kb[0] < 2000  # the samples are 80 MB more


def test_memory_does_not_hold_a_shard(tmp_path):
    peaks_kb = []
    for size in (10, 400):
        job = begin(tmp_path / str(size), 400, "--size", 100_000, "--shard-size", size)
        peaks_kb.append(int(job.communicate()[0].split()[2]))
    assert peaks_kb[1] - peaks_kb[0] < 4000  # a shard is 80 MB
