"""One way to write each text, in training as in use."""

import unicodedata


def normal(text: str) -> str:
    """A text without a mark of byte order, its line ends line feeds, its accents composed (NFC).

    Example:

    >>> from keraseq.data.text.normal import normal
    >>> normal("\\ufeffcafe\\u0301\\r\\n") == "café\\n"
    True
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)
