"""The package as a whole: what importing it costs, what it offers, what was built."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import gyrosharp

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(gyrosharp.__file__).parents[1])}
HEAVY = {"av", "cv2", "numpy", "onnxruntime", "PIL", "pydantic", "rich", "scipy", "tifffile", "torch", "yaml"}


def loaded_by(code):
    """Top-level modules in memory after a fresh Python ran the code."""
    call = [sys.executable, "-c", f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"]
    page = subprocess.run(call, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
    return set(page.splitlines()[-1].split())


@pytest.mark.parametrize("code", ["import gyrosharp", "import gyrosharp.cli.main"])
def test_import_is_light(code):
    assert not HEAVY & loaded_by(code)


def test_help_is_light():
    """Newer typer releases load pydantic to read a verb's flags; the rest is ours to keep out."""
    assert not (HEAVY - {"pydantic"}) & loaded_by(
        "from gyrosharp.cli.main import main\ntry: main(['deblur', '--help'])\nexcept SystemExit: pass"
    )


def test_reading_a_log_loads_no_pictures():
    assert not {"cv2", "PIL", "pydantic", "torch"} & loaded_by("import gyrosharp; gyrosharp.read_imu")


def test_public_names_resolve():
    assert sorted(gyrosharp.__all__) == gyrosharp.__all__ == sorted(gyrosharp._HOMES)
    for name in gyrosharp.__all__:
        value = getattr(gyrosharp, name)
        assert value.__name__ == name and value.__doc__
    with pytest.raises(AttributeError, match="nothing"):
        _ = gyrosharp.nothing


def test_version_is_the_distribution_s():
    try:
        version = metadata.version("gyrosharp")
    except metadata.PackageNotFoundError:
        version = declared_version()
    assert gyrosharp.__version__ == version


def declared_version():
    """The version in pyproject.toml, where the package runs from its sources without being installed."""
    import tomllib

    return tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["version"]


def test_the_native_kernel_is_there_where_it_must_be():
    if os.environ.get("GYROSHARP_REQUIRE_NATIVE") != "1":
        pytest.skip("GYROSHARP_REQUIRE_NATIVE is not set to 1")
    from gyrosharp.blur import _kernel

    assert Path(_kernel.__file__).is_file()
