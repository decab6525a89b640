"""Public files: from a local folder, from the cache, or from their source with a checksum."""

import gzip
import hashlib
import os
import queue
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from keraseq.files import replacing

PATIENCE = 8  # seconds that a source has to answer
CHUNK = 1 << 20


class Public(NamedTuple):
    """A file: where it lies in a local folder, where it comes from, and how it is known again.

    Attributes:
        path: Where it lies in a folder of public data, such as `"ett/ETTh1.csv"`.
        url: Where it is downloaded from.
        sha256: Of what comes from there, None where that is not known.
        size: Of what comes from there, in bytes, None where that is not known.
        also: Further paths in the folder at which the same may lie, packed in another way.
    """

    path: str
    url: str
    sha256: str | None = None
    size: int | None = None
    also: tuple[str, ...] = ()


def fetch(public: Public, data_dir: str | Path | None = None) -> Path:
    """Where a public file lies.

    Args:
        public: The file.
        data_dir: A folder laid out like `Public.path`, whose files may be packed (`.gz`). Default:
            what the environment variable `KERASEQ_DATA` names; without it the file is downloaded
            once, compared with its SHA-256, and kept in Keras' folder.

    Raises:
        FileNotFoundError: A folder is given, and the file is not there.
        ConnectionError: The source does not answer.
        ValueError: What came from there is another file.
    """
    folder = data_dir or os.environ.get("KERASEQ_DATA") or None
    place = found(public, data_dir)
    if place is None and folder is not None:
        nor = f" (nor {', '.join(public.also)})" if public.also else ""
        raise FileNotFoundError(
            f"there is no {public.path}{nor} in {str(folder)!r} (data_dir, or KERASEQ_DATA); "
            f"it comes from {public.url}"
        )
    return place or download(public)


def found(public: Public, data_dir: str | Path | None = None) -> Path | None:
    """Where a public file lies, or None if it would have to be downloaded."""
    folder = data_dir or os.environ.get("KERASEQ_DATA") or cache()
    paths = (Path(folder, path) for path in (public.path, public.path + ".gz", *public.also))
    return next((path for path in paths if path.exists()), None)


def cache() -> Path:
    """Where downloads are kept: in Keras' own folder."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras", "keraseq")


def read(public: Public, data_dir: str | Path | None = None) -> bytes:
    """What is in a public file, unpacked; see `fetch`."""
    path = fetch(public, data_dir)
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def download(public: Public) -> Path:
    """The file in the cache, as it came from its source; one that is not whole is not kept."""
    place, digest = cache() / public.path, hashlib.sha256()
    size = "" if public.size is None else f" ({public.size:,} bytes)"
    chunks = arriving(public)
    with replacing(place) as partial, partial.open("wb") as file:
        for number, chunk in enumerate(chunks):
            if number == 0:
                print(f"{public.url}{size} goes to {place}", file=sys.stderr)
            digest.update(chunk)
            file.write(chunk)
        if public.sha256 not in (None, digest.hexdigest()):
            raise ValueError(
                f"{public.url} is another file than expected: its SHA-256 is "
                f"{digest.hexdigest()}, not {public.sha256}"
            )
    return place


def arriving(public: Public) -> Iterator[bytes]:
    """What the source sends, piece by piece."""
    try:
        with answer(public.url) as response:
            while chunk := response.read(CHUNK):
                yield chunk
    except (OSError, HTTPException, ValueError) as error:
        reason = str(getattr(error, "reason", "") or error).strip().split("\n")[0]
        raise ConnectionError(
            f"{public.url} cannot be reached ({reason}); put what it names at {public.path} in a "
            "folder of your own, and have KERASEQ_DATA name that folder"
        ) from error


def answer(url: str):
    """The source's response, or what it says instead, once, within `PATIENCE` seconds.

    A timeout of `urlopen` counts for each address of a host, and not for its name: a thread that
    nobody waits for counts the time of all.
    """
    said: queue.SimpleQueue = queue.SimpleQueue()

    def ask():
        try:
            said.put(urlopen(url, timeout=PATIENCE))
        except Exception as error:
            said.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        response = said.get(timeout=PATIENCE)
    except queue.Empty:
        raise TimeoutError(f"no answer within {PATIENCE} seconds") from None
    if isinstance(response, Exception):
        raise response
    return response
