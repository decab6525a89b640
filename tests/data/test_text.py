import re

import numpy as np
import pytest

from keraseq.data import CharacterVocabulary, text


def test_encode_and_decode_are_inverse_for_any_text():
    everything = "Zeile\n\tß°“—” 𝄞 \x00 é"
    vocabulary = CharacterVocabulary(everything)
    ids = vocabulary.encode(everything)
    assert ids.dtype == np.int32
    assert vocabulary.decode(ids) == everything
    assert sorted(set(ids.tolist())) == list(range(len(vocabulary)))


def test_unknown_characters_are_named_or_replaced():
    with pytest.raises(ValueError, match=r"character 'x' at position 2 .*unknown='replace'"):
        CharacterVocabulary("ab").encode("abx")
    forgiving = CharacterVocabulary("ab", unknown="replace")
    assert len(forgiving) == 3
    assert forgiving.encode("a\U0010ffffb").tolist() == [0, 2, 1]
    assert forgiving.decode([0, 2, 1]) == "a\N{REPLACEMENT CHARACTER}b"
    assert CharacterVocabulary("ab").encode("ba").tolist() == [1, 0]


def test_json_brings_back_the_same_vocabulary():
    for unknown in ("error", "replace"):
        vocabulary = CharacterVocabulary('a"\\\nß', unknown=unknown)
        again = CharacterVocabulary.from_json(vocabulary.to_json())
        assert again == vocabulary
        assert len(again) == len(vocabulary)


@pytest.mark.parametrize("broken", ["", "{}", '{"kind": "words"}', "[1]"])
def test_json_that_is_no_vocabulary(broken):
    with pytest.raises(ValueError, match="not a character vocabulary"):
        CharacterVocabulary.from_json(broken)


def test_bad_vocabularies_and_ids():
    with pytest.raises(ValueError, match="at least one character; received none"):
        CharacterVocabulary("")
    with pytest.raises(ValueError, match="single characters; received 'bc'"):
        CharacterVocabulary(["a", "bc"])
    with pytest.raises(ValueError, match="Did you mean 'replace'"):
        CharacterVocabulary("ab", unknown="replce")
    with pytest.raises(ValueError, match="token ids go from 0 to 1; received 2"):
        CharacterVocabulary("ab").decode([0, 2])


def test_targets_are_the_next_tokens():
    tokens = np.arange(100)
    inputs, targets = text.windows(tokens, 8, starts=[0, 5, 91])
    assert (targets == inputs + 1).all()
    assert inputs[:, 0].tolist() == [0, 5, 91]
    assert targets[-1, -1] == 99


def test_windows_without_starts_cover_the_text_once():
    inputs, targets = text.windows(np.arange(21), 5)
    assert inputs.ravel().tolist() == list(range(20))
    assert targets.ravel().tolist() == list(range(1, 21))
    assert len(text.windows(np.arange(20), 5)[0]) == 3  # the fourth has no last target


@pytest.mark.parametrize(
    ("tokens", "length", "starts", "message"),
    [
        ([], 4, None, "need 5 tokens; received 0"),
        ([1, 2, 3, 4], 4, None, "need 5 tokens; received 4"),
        (range(9), 4, [5], "start between 0 and 4; received 5"),
        (range(9), 4, [-1], "start between 0 and 4; received -1"),
        (range(9), 0, None, "length must be a positive integer; received length=0"),
    ],
)
def test_windows_that_do_not_fit(tokens, length, starts, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        text.windows(np.array(tokens), length, starts)
