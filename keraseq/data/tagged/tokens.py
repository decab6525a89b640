"""Raw text -> tokens, much as treebanks of English have them."""

import regex

from keraseq.data.text.normal import normal

APOSTROPHE = "['\u2019]"
TOKEN = regex.compile(
    rf"""
    https?://\S+ | www\.\S+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+   # addresses
    | [@\#][\w_]+                                            # names and topics of a network
    | (?i:[\p{{L}}\p{{M}}]+(?=n{APOSTROPHE}t\b))             # do|n't
    | (?i:n{APOSTROPHE}t\b | {APOSTROPHE}(?:s|m|d|re|ve|ll)\b)
    | (?:\p{{L}}\.){{2,}}                                    # U.S.
    | (?:Mr|Mrs|Ms|Dr|St|vs|etc)\.                           # a stop that belongs to the word
    | \p{{N}}+(?:[.,:/]\p{{N}}+)*                            # 1,000.5
    | [\p{{L}}\p{{M}}\p{{N}}\u200c\u200d_]+                  # words
    | ([^\s\p{{L}}\p{{N}}])\1*                               # a sign, or several alike
    """,
    regex.VERBOSE,
)


def tokens(text: str) -> list[str]:
    """The tokens of a raw sentence: words, clitics, numbers, addresses and signs apart.

    Example:

    >>> keraseq.data.tagged.tokens("She didn't pay $1,000... did she?")
    ['She', 'did', "n't", 'pay', '$', '1,000', '...', 'did', 'she', '?']
    """
    return [found.group() for found in TOKEN.finditer(normal(text))]
