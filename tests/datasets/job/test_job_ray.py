"""The same job on a Ray cluster, a local one of several nodes."""

import collections
import gc
import json
import sys
import threading
import time

import pytest
from toymaker import Toy, tree

from gyrosharp.datasets.job import FolderWriter, JobPlan, Skipped, run_job
from gyrosharp.errors import GyrosharpError, ImageError, MissingComponentError, UsageError


def test_without_ray_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingComponentError, match=r"pip install 'gyrosharp\[ray\]'") as caught:
        run_job(Toy(), JobPlan(tmp_path / "out", 5, engine="ray"))
    assert caught.value.exit_code == 4
    assert not (tmp_path / "out").exists()


# Ray's own: files and sockets of the processes that it starts, and announcements of coming changes.
TOLERANT = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# A dead node is noticed within two seconds, not ten.
IMPATIENT = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


class TestAlone:
    pytestmark = TOLERANT

    def test_a_cluster_of_its_own(self, tmp_path):
        ray = pytest.importorskip("ray")
        run_job(Toy(), JobPlan(tmp_path / "one", 100, 10))
        assert run_job(Toy(), JobPlan(tmp_path / "ray", 100, 10, 2, engine="ray")).made == 100
        assert tree(tmp_path / "ray") == tree(tmp_path / "one")
        assert not ray.is_initialized()
        gc.collect()

    def test_no_cluster_at_the_address(self, tmp_path, monkeypatch):
        pytest.importorskip("ray")
        monkeypatch.setenv("RAY_ADDRESS", "auto")
        with pytest.raises(UsageError, match=r"RAY_ADDRESS: expected a running cluster, got auto .*; start or"):
            run_job(Toy(), JobPlan(tmp_path, 100, 10, 2, engine="ray"))


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    # The head has no CPU of its own: all tasks run on the workers.
    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": IMPATIENT}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=2)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    yield cluster
    ray.shutdown()
    cluster.shutdown()
    gc.collect()


def kill_the_node_of(cluster, mark):
    """Wait for a stuck worker's mark; kill the node whose raylet is that worker's parent."""
    while not (mark.is_file() and mark.read_text()):
        time.sleep(0.02)
    parent = int(mark.read_text())
    node = next(n for n in cluster.list_all_nodes() if n.all_processes["raylet"][0].process.pid == parent)
    cluster.remove_node(node, allow_graceful=False)


class TestOnACluster:
    pytestmark = TOLERANT

    @pytest.mark.slow
    @pytest.mark.parametrize("layout", ["shards", "toy"])
    def test_a_node_dies_and_nothing_is_lost_or_double(self, cluster, tmp_path, layout):
        for folder in ("diary", "marks"):
            (tmp_path / folder).mkdir()
        changes = {} if layout == "shards" else {"writer": FolderWriter(layout)}
        run_job(Toy(layout=layout), JobPlan(tmp_path / "one", 400, 20, **changes))
        cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()
        # Amid shard 7 its worker stops for good, says under which node, and that node is killed.
        toy = Toy(layout=layout, accidents=((150, "stuck"),), marks=tmp_path / "marks", diary=tmp_path / "diary")
        plan = JobPlan(tmp_path / "ray", 400, 20, workers=None, engine="ray", **changes)
        killer = threading.Thread(target=kill_the_node_of, args=(cluster, tmp_path / "marks" / "150"))
        killer.start()
        report = run_job(toy, plan)
        killer.join()
        assert (report.made, report.skipped) == (400, ())
        made = collections.Counter(path.name.split(".")[0] for path in (tmp_path / "diary").iterdir())
        assert len(made) == 400 and min(made[f"{index}"] for index in range(140, 150)) > 1  # the shard was made twice
        assert tree(tmp_path / "ray") == tree(tmp_path / "one")
        lines = (tmp_path / "ray" / "manifest.jsonl").read_text().splitlines()
        assert [json.loads(line)["index"] for line in lines] == list(range(400))

    @pytest.mark.usefixtures("cluster")
    def test_bad_samples_bugs_and_deaths(self, tmp_path):
        bad = Toy(accidents=((7, "image"),))
        report = run_job(bad, JobPlan(tmp_path / "skip", 40, 10, 2, engine="ray"))
        assert (report.made, report.skipped) == (39, (Skipped(7, "photo 0: expected an image, got noise; replace it"),))
        with pytest.raises(ImageError, match=r"^sample 7: photo 0"):
            run_job(bad, JobPlan(tmp_path / "refuse", 40, 10, 2, "ray", "refuse"))
        with pytest.raises(ZeroDivisionError):
            run_job(Toy(accidents=((7, "bug"),)), JobPlan(tmp_path / "bug", 40, 10, 2, "ray"))
        with pytest.raises(GyrosharpError, match=r"^samples 0 to 9: WorkerCrashedError after \d retries: .*to go on$"):
            run_job(Toy(accidents=((7, "killed"),)), JobPlan(tmp_path / "killed", 40, 10, 2, "ray"))
        assert run_job(Toy(), JobPlan(tmp_path / "killed", 40, 10, 2, "ray")).made == 40
