import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("GYROSHARP_SHARED_DATA", ROOT.parent / "shared" / "data"))

_outcomes: dict[str, str] = {}


def pytest_configure():
    """Let Ctrl-C end the processes that tests start, even where the tests were started in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data():
    """The shared data folder beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    return SHARED


def pytest_runtest_logreport(report):
    if "shared_data" in report.keywords and (report.when == "call" or report.outcome == "skipped"):
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish(session, exitstatus):
    """In CI, tests on real data must run wherever the data is."""
    selected_all = not session.config.option.keyword and not session.config.option.markexpr
    whole_suite = selected_all and not session.config.option.doctestmodules
    is_worker = hasattr(session.config, "workerinput")
    if os.environ.get("CI") != "true" or is_worker or not whole_suite or not SHARED.is_dir():
        return
    skipped = sorted(name for name, outcome in _outcomes.items() if outcome == "skipped")
    if exitstatus == 0 and (skipped or not _outcomes):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nshared data is at {SHARED}, but these tests did not run: {skipped or 'all of them'}")
