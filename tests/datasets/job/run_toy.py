"""A job in a process of its own, for tests that kill or watch it: prints the job's report and the peak memory."""

import argparse
import resource
import sys
from pathlib import Path

from toymaker import Toy

from gyrosharp.datasets.job import FolderWriter, JobPlan, TarWriter, run_job
from gyrosharp.errors import GyrosharpError


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--shard-size", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--pause-s", type=float, default=0.0)
    parser.add_argument("--layout", default="shards")
    parser.add_argument("--file-limit", type=int)
    given = parser.parse_args()
    if given.file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.file_limit, given.file_limit))
    writer = TarWriter() if given.layout == "shards" else FolderWriter(given.layout)
    toy = Toy(size=given.size, pause_s=given.pause_s, layout=given.layout)
    try:
        report = run_job(toy, JobPlan(given.output, given.count, given.shard_size, given.workers, writer=writer))
    except GyrosharpError as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    print(report.made, report.resumed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
