import shutil
import tarfile

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.network_input import NetworkInput  # noqa: E402
from gyrosharp.errors import ImageError  # noqa: E402
from gyrosharp.training.data.samples import load_sample  # noqa: E402
from gyrosharp.training.data.shards import shard_facts, shard_records  # noqa: E402
from synth_inputs import write_photos  # noqa: E402
from training_shards import shards_of_photos  # noqa: E402

pytestmark = pytest.mark.torch
INPUTS = NetworkInput("linear_kernel")
AGAIN = "make the shard again with gyrosharp synth, or take it out of the folder"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    shards_of_photos(write_photos(folder / "photos"), folder / "shards")
    return folder / "shards"


@pytest.fixture
def shards(made, tmp_path):
    """A copy to damage."""
    return shutil.copytree(made, tmp_path / "shards")


def test_records_are_what_the_tar_files_hold(made):
    records = shard_records([made])
    assert [record.key for record in records] == [f"{index:08d}" for index in range(6)]
    assert [record.shard.name for record in records] == ["shard-000000.tar"] * 4 + ["shard-000001.tar"] * 2
    with tarfile.open(made / "shard-000001.tar") as archive:
        content = archive.extractfile("00000005.blurred.png").read()
    assert records[5].read(["blurred.png", "no such file"]) == {"blurred.png": content}
    assert [record.key for record in shard_records([made, made])] == [record.key for record in records] * 2


def test_facts_tell_data_sets_apart(made, shards):
    facts = shard_facts([made], 6)
    assert facts == shard_facts([shards], 6)
    assert facts["folders"] == ["shards"] and facts["samples"] == 6 and len(facts["sha256"]) == 64
    with (shards / "manifest.jsonl").open("a") as manifest:
        manifest.write("{}\n")
    assert shard_facts([shards], 6)["sha256"] != facts["sha256"]
    (shards / "manifest.jsonl").unlink()
    without = shard_facts([shards], 6)["sha256"]
    (shards / "shard-000001.tar").unlink()
    assert shard_facts([shards], 6)["sha256"] != without


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_needs_shards(tmp_path, there):
    folder = tmp_path / "empty"
    if there:
        folder.mkdir()
    found = "a folder without tar files" if there else "no such folder"
    with pytest.raises(ImageError, match=f"empty: expected shards, got {found}; make them with gyrosharp synth"):
        shard_records([folder])


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def member(path, name):
    with tarfile.open(path) as archive:
        return archive.getmember(name)


def test_a_shard_that_is_cut_within_a_file_is_refused(shards):
    path = shards / "shard-000000.tar"
    cut(path, member(path, "00000002.field.npy").offset_data + 100)
    message = f"shard-000000.tar: expected a whole tar file, got .* after sample 00000002; {AGAIN}"
    with pytest.raises(ImageError, match=message):
        shard_records([shards])


def test_a_shard_that_is_cut_between_two_samples_is_refused(shards):
    path = shards / "shard-000000.tar"
    cut(path, member(path, "00000002.blurred.png").offset)
    with pytest.raises(ImageError, match=f"shard-000000.tar: .* got its end after sample 00000001; {AGAIN}"):
        shard_records([shards])


def test_a_damaged_header_does_not_end_a_shard_quietly(shards):
    path = shards / "shard-000000.tar"
    content = bytearray(path.read_bytes())
    start = member(path, "00000002.blurred.png").offset
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ImageError, match=f"shard-000000.tar: .* got a damaged header after sample 00000001; {AGAIN}"):
        shard_records([shards])


def test_other_files_called_tar_are_refused(shards):
    (shards / "shard-000000.tar").write_bytes(b"no tar file at all" * 100)
    with pytest.raises(ImageError, match=f"shard-000000.tar: expected a whole tar file, .* after sample none; {AGAIN}"):
        shard_records([shards])


def test_a_sample_without_one_of_its_files_is_refused(shards):
    with tarfile.open(shards / "shard-000009.tar", "w") as archive:
        archive.add(shards / "synth.json", "00000099.meta.json")
    with pytest.raises(ImageError, match=r"shard-000009.tar, sample 00000099: expected a file sharp.png, got none"):
        shard_records([shards])


@pytest.mark.parametrize("suffix", ["sharp.png", "noisy_field.npy", "meta.json", "motion.npy"])
def test_a_damaged_file_names_its_sample(shards, suffix):
    records = shard_records([shards])
    path = records[5].shard
    content = bytearray(path.read_bytes())
    start = records[5].files[suffix][0]
    content[start : start + 60] = b"\xa5" * 60
    path.write_bytes(content)
    load_sample(records[4], INPUTS)
    message = f"shard-000001.tar, sample 00000005: expected a sample that can be decoded, got: .*; {AGAIN}"
    with pytest.raises(ImageError, match=message) as caught:
        load_sample(records[5], INPUTS)
    assert "\n" not in str(caught.value)


def test_a_damaged_trail_is_found(shards):
    record = shard_records([shards])[5]
    content = bytearray(record.shard.read_bytes())
    middle = record.files["field.npy"][0] + record.files["field.npy"][1] // 2
    # NaN, and 8e37.
    for garbage in (b"\xff" * 8, b"\x7e" * 8):
        content[middle : middle + 8] = garbage
        record.shard.write_bytes(content)
        with pytest.raises(ImageError, match=r"sample 00000005: .* got: a blur field beyond 905 px"):
            load_sample(record, INPUTS)


def test_a_shard_that_vanishes_or_shrinks_later_is_named(shards):
    records = shard_records([shards])
    cut(records[5].shard, records[5].files["sharp.png"][0] + 7)
    message = r"shard-000001.tar, sample 00000005: expected \d+ bytes of sharp.png, got 7; " + AGAIN
    with pytest.raises(ImageError, match=message):
        load_sample(records[5], INPUTS)
    records[5].shard.unlink()
    message = "shard-000001.tar, sample 00000005: expected to read the shard, got No such file or directory; " + AGAIN
    with pytest.raises(ImageError, match=message):
        load_sample(records[5], INPUTS)
