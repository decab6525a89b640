"""A file or folder is there as a whole or not at all, and nothing of a killed process stays."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from keraseq import files
from keraseq.files import DamagedError, checked_json, read_json, replacing, write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("folder", [False, True])
def test_the_old_one_stays_until_the_new_one_is_whole(tmp_path, folder):
    target = tmp_path / "sub" / "a.b.npz"

    def text(path):
        return (path / "file" if folder else path).read_text()

    def put(value, error=None):
        with replacing(target, folder) as partial:
            assert partial.parent == target.parent
            assert partial.suffix == ".npz"
            (partial / "file" if folder else partial).write_text(value)
            assert not target.exists() or text(target) == "1"
            if error:
                raise error

    put("1")
    with pytest.raises(OSError, match="no space"):
        put("2", OSError("no space"))
    with pytest.raises(KeyboardInterrupt):
        put("3", KeyboardInterrupt())
    assert (text(target), names(target.parent)) == ("1", ["a.b.npz"])
    put("4")
    assert (text(target), names(target.parent)) == ("4", ["a.b.npz"])
    with replacing(target, folder) as partial:  # a block that thinks better of it
        files.remove(partial)
    assert (text(target), names(target.parent)) == ("4", ["a.b.npz"])


WRITER = """
import sys, time
sys.path[0] = sys.argv[1]
from files import replacing  # alone: without Keras
with replacing(sys.argv[2], sys.argv[3] == "True") as partial:
    print(partial.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_goes_and_what_a_live_one_writes_stays(tmp_path):
    """Of a file `a` and a folder `[b]`, each written by a process that died and one that lives."""
    targets = {tmp_path / "a": False, tmp_path / "[b]": True}
    run = [sys.executable, "-c", WRITER, str(Path(files.__file__).parent)]
    writers = [
        subprocess.Popen([*run, str(target), str(folder)], stdout=subprocess.PIPE, text=True)
        for target, folder in targets.items()
        for _ in range(2)
    ]

    def kill(some):
        for one in some:
            one.kill()
            one.communicate()

    partials = [one.stdout.readline().strip() for one in writers]
    other = ".partial-00000000.other"
    (tmp_path / other).write_text("")
    assert names(tmp_path) == sorted({*partials, other})
    kill(writers[::2])
    for target, folder in targets.items():
        with replacing(target, folder):
            pass
    assert names(tmp_path) == sorted([*partials[1::2], other, "[b]", "a"])
    kill(writers[1::2])
    for target, folder in targets.items():
        with replacing(target, folder):
            pass
    assert names(tmp_path) == sorted([other, "[b]", "a"])


def test_many_writers_of_one_file(tmp_path):
    """Eight threads, twenty times each: none takes another's partial for a leftover."""
    from concurrent.futures import ThreadPoolExecutor

    def work(i):
        for _ in range(20):
            write(tmp_path / "a", f"{i}" * 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(set((tmp_path / "a").read_text())) == 1
    assert names(tmp_path) == ["a"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.json"
    write(target, json.dumps(1))
    with pytest.raises(UnicodeEncodeError):
        write(target, "\ud800")
    assert target.read_text() == "1"
    assert names(tmp_path) == ["a.json"]


def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    def none(*args):
        raise OSError("no locks")

    (tmp_path / ".partial-01234567.a").write_text("")
    monkeypatch.setattr(files.fcntl, "flock", none)
    write(tmp_path / "a", "1")
    assert names(tmp_path) == [".partial-01234567.a", "a"]


@dataclass
class Inner:
    rate: Annotated[float, Field(gt=0)]
    names: tuple[str, ...] = ()


@dataclass
class Outer:
    inner: Inner
    count: int | None = None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("[1]", "its top: Input should be an object; received [1]"),
        ("{}", "inner is missing"),
        ('{"inner": {"rate": 0}}', "inner.rate: Input should be greater than 0; received 0"),
        ('{"inner": {"rate": "1"}}', "inner.rate: Input should be a valid number; received '1'"),
        ('{"inner": {"rate": 1, "names": "ab"}}', "inner.names: Input should be a valid array; "),
        ('{"inner": {"rate": 1}, "count": 1.5}', "count: Input should be a valid integer; "),
        ('{"inner": {"rate": 1}, "count": true}', "count: Input should be a valid integer; "),
        ('{"inner": {"rate": NaN}}', "expected value at line 1 column 20"),
        ('{"inner": {"rate": 1e999}}', "it holds the number inf"),
        ('{"inner": {"rate": 1}, "count": 1%s}' % ("0" * 30), "it holds the number 1e+30"),
        ('{"inner": {"rate": 1}, "count": 1%s}' % ("0" * 5000), "number out of range"),
        ("[" * 10**6, "recursion limit exceeded at line 1 column "),
        ('{"inner": "%s"}' % ("a\\n" * 999), "inner: Input should be an object; received 'a\\na"),
    ],
)  # fmt: skip
def test_json_that_is_not_what_it_should_be(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DamagedError) as caught:
        read_json(path, Outer)
    assert str(caught.value).startswith(f"{path} cannot be read: {message}")
    assert len(str(caught.value)) < len(f"{path}") + 150


def test_json_that_is_what_it_should_be(tmp_path):
    whole = checked_json('{"inner": {"rate": 1, "names": ["a"], "later": 0}}', Outer)
    assert whole == Outer(Inner(1.0, ("a",)))
    write(tmp_path / "a.json", '{"a": [1]}')
    assert read_json(tmp_path / "a.json") == {"a": [1]}
    (tmp_path / "a.json").write_text('{"a": [NaN, 1e999]}')
    assert len(read_json(tmp_path / "a.json", finite=False)["a"]) == 2
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(DamagedError):
        read_json(tmp_path / "a.json")


def test_removing_what_is_not_there(tmp_path):
    files.remove(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    files.remove(tmp_path / "link")
    assert (tmp_path / "folder" / "file").exists()
    files.remove(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_what_comes_with_keraseq_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = tmp_path / "shipped"
    (shipped / "imdb").mkdir(parents=True)
    (shipped / "ett.csv").touch()
    assert files.named("imdb", shipped) == shipped / "imdb"
    assert files.named("ett", shipped, ".csv") == shipped / "ett.csv"
    for place in ("sub/imdb", "other", shipped / "imdb"):
        assert files.named(place, shipped) == Path(place)
    (tmp_path / "imdb").mkdir()  # a folder of the user's own comes first
    assert files.named("imdb", shipped) == Path("imdb")
    assert files.names(shipped, ".csv") == ["ett"]


def test_a_wheel_brings_what_a_checkout_has():
    root = Path(files.__file__).parents[1]
    setup = (root / "setup.py").read_text()
    for place in (files.MODELS, files.RESULTS):  # in a wheel: the last part of the name
        assert f'"{place.relative_to(root).as_posix()}": "{place.name}"' in setup
    assert "shakespeare" in files.names(files.MODELS)
