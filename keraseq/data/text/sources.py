"""Where texts come from: files, folders, patterns, and public texts by name."""

import glob
import hashlib
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from keraseq.checks import did_you_mean
from keraseq.data import sets
from keraseq.data.public import read
from keraseq.data.text.normal import normal

NO_SOURCE = ("test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3")


@dataclass
class Documents:
    """Texts, one a file, and what was left out.

    Attributes:
        texts: The texts, in reading order.
        skipped: File -> why it is not among them.
        sha256: Of the bytes of all files, one after the other.
    """

    texts: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    sha256: str = ""


def named(source: str, data_dir=None) -> dict[str, Documents]:
    """The parts of a public text: `train`, `validation` and `test` if given, else `whole`."""
    row = sets.SETS[source]
    if row.loader is not None:
        return row.read(data_dir)
    return {part: decoded([(part, read(file, data_dir))]) for part, file in row.files.items()}


def python_docs(row: sets.PublicSet) -> dict[str, Documents]:
    """The language reference that ships inside CPython for `help()`, a document a topic."""
    from pydoc_data.topics import topics

    files = [(name, text.encode("utf-8", "surrogatepass")) for name, text in topics.items()]
    return {"whole": decoded(files)}


def python_source(row: sets.PublicSet) -> dict[str, Documents]:
    """The standard library, a document a file."""
    return {"whole": from_files(standard_library())}


def standard_library() -> list[Path]:
    """The source files of the Python that runs, without its tests and what was installed."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(folder.rglob("*.py"))
    return [path for path in files if not set(path.relative_to(folder).parts) & set(NO_SOURCE)]


def found(source: str | Path | Iterable[str | Path]) -> Documents:
    """The texts of files, folders (with all below them) and patterns such as `notes/*.txt`.

    Raises:
        FileNotFoundError: There is no such file or folder, and no file fits the pattern.
        ValueError: A file that was named itself is no text, or nothing is left.
    """
    sources = [source] if isinstance(source, (str, Path)) else list(source)
    paths, by_name = [], set()
    for one in sources:
        files = expanded(one)
        if Path(one).is_file():
            by_name.update(files)
        paths += files
    documents = from_files(dict.fromkeys(paths))
    for path in by_name:
        if str(path) in documents.skipped:
            raise ValueError(f"{str(path)!r} is no text: {documents.skipped[str(path)]}")
    if not documents.texts:
        first = next(iter(documents.skipped.items()), None)
        why = f"; {len(documents.skipped)} skipped, {first[0]!r}: {first[1]}" if first else ""
        raise ValueError(f"there is no text in {', '.join(repr(str(s)) for s in sources)}{why}")
    return documents


def expanded(source: str | Path) -> list[Path]:
    """The files that a path or pattern stands for, hidden ones left out of folders."""
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        inside = [one for one in sorted(path.rglob("*")) if one.is_file()]
        return [one for one in inside if not any(p[0] == "." for p in one.relative_to(path).parts)]
    names = glob.glob(str(source), recursive=True)  # noqa: PTH207 - absolute patterns too
    matches = [Path(one) for one in sorted(names)]
    matches = [one for one in matches if one.is_file()]
    if not matches:
        known = sets.names("text")
        raise FileNotFoundError(
            f"no file, folder or pattern of files {str(source)!r}, and no text of that name; "
            f"names: {', '.join(known)}.{did_you_mean(source, known)}"
        )
    return matches


def from_files(paths: Iterable[Path]) -> Documents:
    """The texts of files; those that cannot be read as text are skipped."""
    return decoded((str(path), path.read_bytes()) for path in paths)


def decoded(files: Iterable[tuple[str, bytes]]) -> Documents:
    """The texts of files given as `(name, bytes)`, in UTF-8, each as `normal` writes it."""
    documents, digest = Documents(), hashlib.sha256()
    for name, content in files:
        digest.update(content)
        why = not_text(content)
        if why:
            documents.skipped[name] = why
            continue
        documents.texts.append(normal(content.decode("utf-8", "surrogatepass")))
    documents.sha256 = digest.hexdigest()
    return documents


def not_text(content: bytes) -> str:
    """Why bytes are no text, or nothing."""
    if not content.strip():
        return "empty"
    if b"\0" in content:
        return f"binary (a zero byte at {content.index(0)})"
    try:
        content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte 0x{content[error.start]:02x} at {error.start})"
    return ""
