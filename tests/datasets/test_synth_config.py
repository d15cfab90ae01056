import pytest

from gyrosharp.blur.encodings import find_encoding
from gyrosharp.datasets.synthesis.config import SynthConfig, load_config, named_configs
from gyrosharp.errors import UsageError


def test_the_papers_and_our_own_are_there():
    assert named_configs() == ("depth_imu", "gamd", "gyrodeblurnet", "imu_unet", "refine", "table")


@pytest.mark.parametrize("name", named_configs())
def test_every_named_config_is_valid_and_described(name):
    config = load_config(name)
    assert config.description
    for part in config.encodings:
        reference = find_encoding(part.name).REFERENCE
        # GAMD's and the thesis's vectors begin at the pixel: the sharp picture must be the view at the start.
        assert config.exposure.reference == reference or part.name == "vector_norm"


def test_a_file_and_changes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("picture: {size: [64, 48]}\n")
    config = load_config(str(path), ("motion.trail_px=[3, 5]", "picture.crops_per_photo=1", "description=mine"))
    assert config.picture.size == (64, 48)
    assert config.motion.trail_px == (3.0, 5.0)
    assert (config.picture.crops_per_photo, config.description) == (1, "mine")
    assert load_config(str(path)).motion == SynthConfig().motion


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture: {siez: [64, 48]}", "picture.siez: Extra inputs"),
        ("motion: {trail_px: [9, 3]}", r"motion.trail_px: .*expected \[low, high\], got \[9.0, 3.0\]"),
        ("blur: {moving_objects: 2}", "blur.moving_objects"),
        ("- 1", "expected a mapping of parts, got list"),
        ("a: [", "expected YAML, got something else"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        load_config(str(path))
    assert "\n" not in str(caught.value)


def test_an_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(str(path))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UsageError, match=r"expected depth_imu, gamd, .* got 'gam'"):
        load_config("gam")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("motion.trail_px", "part.key=value"),
        ("=3", "part.key=value"),
        ("description.x=1", "expected description to be"),
    ],
)
def test_a_wrong_change_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        load_config("gamd", (change,))
