import json

import numpy as np
import pytest

from keraseq import data
from keraseq.data import WordPieceVocabulary, WordVocabulary
from keraseq.data.text.tokenizers import learned

LINES = "the cat sat\n\n the  dog sat\nthe end"


def test_words_follow_the_conventions_of_the_treebank_files():
    vocabulary = WordVocabulary.of(LINES)
    assert vocabulary.words == ["<unk>", "<eos>", "the", "sat", "cat", "dog", "end"]
    ids = vocabulary.encode(LINES)
    assert ids.dtype == np.int32
    assert ids.tolist() == [2, 4, 3, 1, 1, 2, 5, 3, 1, 2, 6]
    assert vocabulary.decode(ids) == "the cat sat\n\nthe dog sat\nthe end"
    assert vocabulary.encode("the bird\n").tolist() == [2, 0, 1]
    assert vocabulary.encode("").tolist() == [] and vocabulary.decode([]) == ""


def test_words_of_the_treebank_keep_their_unknowns():
    vocabulary = WordVocabulary.of(" a <unk> b \n a N \n")
    assert vocabulary.words.count("<unk>") == 1
    assert vocabulary.encode("<unk> b").tolist() == [0, vocabulary.words.index("b")]


def test_the_most_frequent_words_stay():
    vocabulary = WordVocabulary.of("a b b c c c d", size=4)
    assert vocabulary.words == ["<unk>", "<eos>", "c", "b"]
    assert vocabulary.encode("a c").tolist() == [0, 2]


def test_word_pieces_spell_words_and_keep_lines():
    pieces = ["[UNK]", "[EOL]", "un", "##known", "known", ".", "[a]"]
    vocabulary = WordPieceVocabulary(pieces)
    ids = vocabulary.encode("unknown known.\n\nzebra known\n")
    assert ids.tolist() == [2, 3, 4, 5, 1, 1, 0, 4, 1]
    assert vocabulary.decode(ids) == "unknown known .\n\n[UNK] known\n"
    assert vocabulary.decode([3]) == "known" and vocabulary.encode("").tolist() == []


def test_word_pieces_are_learnt_by_keras_nlp():
    vocabulary = WordPieceVocabulary.of("low lower lowest\nnew newer newest\n" * 20, size=40)
    assert vocabulary.pieces[:2] == ["[UNK]", "[EOL]"]
    ids = vocabulary.encode("newest lower\n")
    assert 0 not in ids and vocabulary.decode(ids) == "newest lower\n"


@pytest.mark.parametrize(("level", "size"), [("character", None), ("word", 5), ("wordpiece", 30)])
def test_any_tokenizer_comes_back_from_its_json(level, size):
    one = learned(level, [LINES], size)
    again = data.tokenizer(one.to_json())
    assert type(again) is type(one) and again == one and hash(again) == hash(one)
    assert again.encode(LINES).tolist() == one.encode(LINES).tolist()
    assert learned(level, ["other text"], size) != one


def test_characters_that_training_never_saw_get_the_last_id():
    tokenizer = learned("character", ["ab", "c"])
    assert tokenizer.encode("aßc").tolist() == [0, 3, 2] and len(tokenizer) == 4


@pytest.mark.parametrize("broken", ["", "{}", "[1]", None])
def test_what_is_no_tokenizer(broken):
    with pytest.raises(ValueError, match="not the JSON of a tokenizer"):
        data.tokenizer(broken)


def test_bad_tokenizers():
    with pytest.raises(ValueError, match=r"unknown kind of tokenizer 'word'; .*'words'\?"):
        data.tokenizer(json.dumps({"kind": "word"}))
    with pytest.raises(ValueError, match="not a vocabulary of words"):
        data.tokenizer('{"kind": "words"}')
    with pytest.raises(ValueError, match="not a vocabulary of word pieces"):
        data.tokenizer('{"kind": "wordpieces", "pieces": 3}')
    with pytest.raises(ValueError, match="at least one word; received none"):
        WordVocabulary([])
    with pytest.raises(ValueError, match="received 'a b'"):
        WordVocabulary(["a b"])
    with pytest.raises(ValueError, match="each word once; received 'a' twice"):
        WordVocabulary(["a", "a"])
    with pytest.raises(ValueError, match=r"'\[EOL\]' is missing"):
        WordPieceVocabulary(["[UNK]", "a"])
    for one in (WordVocabulary(["a"]), WordPieceVocabulary(["[UNK]", "[EOL]", "a"])):
        with pytest.raises(ValueError, match="token ids go from 0 to 2; received 3"):
            one.decode([0, 3])
    with pytest.raises(ValueError, match=r"unknown level 'words'; .*Did you mean 'word'"):
        learned("words", ["a"])
    with pytest.raises(ValueError, match="received vocabulary_size=9"):
        learned("character", ["a"], 9)
