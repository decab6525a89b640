"""Public files by name: from a local folder, or from their source with a checksum."""

import gzip
import os
from pathlib import Path
from typing import NamedTuple


class Public(NamedTuple):
    """A file: where it lies in the local folder, where it comes from, and its SHA-256."""

    path: str
    url: str
    sha256: str


def fetch(public: Public, data_dir: str | Path | None = None) -> Path:
    """Where a public file lies.

    Args:
        public: The file.
        data_dir: A folder laid out like `Public.path`, whose files may be packed (`.gz`). Default:
            what the environment variable `KERASEQ_DATA` names; without it the file is downloaded
            once, compared with its SHA-256, and kept where Keras keeps its downloads.

    Raises:
        FileNotFoundError: A folder is given, and the file is not there.
        ConnectionError: The source cannot be reached.
        ValueError: What came from there is another file.
    """
    folder = data_dir or os.environ.get("KERASEQ_DATA")
    if folder is None:
        return download(public)
    for path in (Path(folder, public.path), Path(folder, public.path + ".gz")):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"there is no {public.path} in {str(folder)!r} (data_dir, or KERASEQ_DATA); it comes from "
        f"{public.url}"
    )


def read(public: Public, data_dir: str | Path | None = None) -> bytes:
    """What is in a public file, unpacked; see `fetch`."""
    path = fetch(public, data_dir)
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def download(public: Public) -> Path:
    """The file where Keras keeps its downloads."""
    import keras

    place = Path(public.path)
    try:
        path = keras.utils.get_file(
            place.name,
            public.url,
            file_hash=public.sha256,
            hash_algorithm="sha256",
            cache_subdir=f"keraseq/{place.parent}",
        )
    except (ValueError, OSError):  # another file; a full disk
        raise
    except Exception as error:  # what Keras raises when a source does not answer
        raise ConnectionError(
            f"{public.url} cannot be reached ({error}); KERASEQ_DATA may name a folder that holds "
            f"{public.path}"
        ) from error
    return Path(path)
