"""Text that is written token by token is what the model, asked about whole texts, says it is."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from typer.testing import CliRunner

import keraseq
from keraseq import generation
from keraseq.generation.engine import BUFFER, READ, Engine
from keraseq.generation.text import TextWriter

LETTERS = keraseq.data.CharacterVocabulary("abcde\n ")
BACKEND = keras.backend.backend()


def shaken(model, scale=1.0, seed=3):
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(scale * rng.normal(size=weight.shape))
    return model


def letter_model(cell="gru", **options):
    return shaken(keraseq.models.language_model(7, **{"cell": cell, "units": 8, **options}))


@pytest.fixture(scope="module")
def model():
    return letter_model()


def log_probabilities(model, tokens):
    """Of what comes after each token, `(n, vocabulary)`: the model asked about the whole text."""
    batch = model.inputs[0].shape[0] or 1
    keraseq.layers.reset_states(model)
    logits = ops.convert_to_numpy(model(np.stack([np.asarray(tokens, "int32")] * batch)))[0]
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def greedily(model, prompt, length):
    """The slow way: the whole text again for every letter."""
    tokens = list(LETTERS.encode(prompt))
    for _ in range(length):
        tokens.append(int(log_probabilities(model, tokens)[-1].argmax()))
    return LETTERS.decode(tokens[len(prompt) :])


def write(model, prompt="abc", length=20, **options):
    return keraseq.generate(model, prompt, length, **{"tokenizer": LETTERS, **options})


# What is written.


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm"},
        {"cell": "mut1", "layers": 3, "residual": True},
        {"cell": "gru", "embedding": 8, "tie_embeddings": True, "units": 8},
        {"cell": "lstm", "stateful": True, "batch_size": 2},
    ],
    ids=["lstm", "residual tower", "tied", "stateful"],
)
def test_greedy_is_the_argmax_over_the_whole_text(options):
    model = letter_model(**options)
    assert write(model, "deba", 12, temperature=0) == greedily(letter_model(**options), "deba", 12)


def test_temperature_0_is_greedy(model):
    expected = write(model, sampler="greedy")
    assert write(model, temperature=0) == write(model, temperature=0, top_k=3) == expected
    assert write(model, temperature=1e-4, seed=1) == expected  # and the limit


def test_many_prompts_of_different_lengths_are_continued_as_if_alone(model):
    rng = np.random.default_rng(0)
    prompts = ["a", "cabbed", LETTERS.decode(rng.integers(0, 7, 2 * READ + 3)), "ee"]
    together = write(model, prompts, 5, sampler="greedy")
    assert together == [greedily(model, one, 5) for one in prompts]


@pytest.mark.parametrize("size", [READ, READ + 1, READ + 2])
def test_prompts_as_long_as_what_is_read_at_once(model, size):
    prompt = LETTERS.decode(np.random.default_rng(1).integers(0, 7, size))
    assert write(model, prompt, 4, sampler="greedy") == greedily(model, prompt, 4)


def test_the_same_seed_gives_the_same_text(model):
    assert write(model, length=50, seed=1) == write(model, length=50, seed=1)
    assert write(model, length=50, seed=1) != write(model, length=50, seed=2)
    assert write(model, length=50) != write(model, length=50)
    keras.utils.set_random_seed(5)
    drawn = write(model, length=50)
    keras.utils.set_random_seed(5)
    assert write(model, length=50) == drawn


def test_rows_draw_numbers_of_their_own(model):
    one, other = write(model, ["abc", "abc"], 50, seed=1)
    assert one != other


def test_longer_than_a_buffer_and_the_start_does_not_depend_on_the_length(model):
    long = write(model, length=2 * BUFFER + 5, seed=4)
    assert len(long) == 2 * BUFFER + 5
    assert long.startswith(write(model, length=BUFFER - 7, seed=4))


def drawn_from(logits, count=6000, **options):
    """How often each token comes, of a model that says the same whatever it read."""
    model = keraseq.models.language_model(len(logits), cell="elman", units=2)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    model.get_layer("logits").bias.assign(logits)
    rows = keraseq.generate(model, [[0]] * 20, count // 20, seed=1, **options)
    return np.bincount(np.concatenate(rows), minlength=len(logits)) / count


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_the_model_says(temperature):
    logits = np.array([1.0, 0.0, -1.0, 2.0, 0.5])
    found = drawn_from(logits, temperature=temperature)
    np.testing.assert_allclose(found, softmax(logits / temperature), atol=0.025)


def test_top_k_and_top_p_leave_out_the_improbable():
    p = np.array([0.05, 0.4, 0.1, 0.25, 0.2])
    best = np.array([0, 0.4, 0, 0.25, 0.2])
    for options in ({"top_k": 3}, {"sampler": "top_k", "top_k": 3}, {"top_p": 0.8}):
        found = drawn_from(np.log(p), **options)
        np.testing.assert_allclose(found, best / best.sum(), atol=0.025)
    both = drawn_from(np.log(p), top_k=4, top_p=0.5, sampler="top_p")
    np.testing.assert_allclose(both, [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0], atol=0.025)
    np.testing.assert_allclose(drawn_from(np.log(p), top_p=1.0), p, atol=0.025)
    np.testing.assert_allclose(drawn_from(np.log(p), top_k=5), p, atol=0.025)


def test_beam_search_finds_the_most_probable_text():
    """With as many beams as there are texts, it is exhaustive search."""
    import keras_nlp

    model = shaken(keraseq.models.language_model(3, cell="lstm", units=4), scale=2, seed=5)
    texts = list(itertools.product(range(3), repeat=3))
    beams = keras_nlp.samplers.BeamSampler(num_beams=9)
    prompts = [[1, 0], [1, 1], [1, 2]]
    found = keraseq.generate(model, prompts, 3, sampler=beams)
    for best, prompt in zip(found, prompts, strict=True):
        scores = [generation.score(model, [*prompt, *text])[1:].sum() for text in texts]
        assert tuple(best) == texts[int(np.argmax(scores))]
    assert len(set(map(tuple, found))) > 1  # it does depend on the prompt


def test_beam_search_of_many_prompts(model):
    together = write(model, ["a", "cabbed"], 12, sampler="beam")
    assert together == [write(model, one, 12, sampler="beam") for one in ("a", "cabbed")]


def contrastively(model, prompt, length, k, alpha):
    """Su et al. 2022, equation 5, the slow way: the prompt and all hidden states before count."""
    hidden = keras.Model(model.input, model.get_layer("recurrent").output)
    tokens = list(prompt)
    for _ in range(length):
        p = np.exp(log_probabilities(model, tokens)[-1])

        def value(candidate, p=p):
            h = ops.convert_to_numpy(hidden(np.array([[*tokens, candidate]])))[0]
            h = h / np.linalg.norm(h, axis=-1, keepdims=True)
            return (1 - alpha) * p[candidate] - alpha * (h[:-1] @ h[-1]).max()

        tokens.append(max(np.argsort(-p)[:k], key=value))
    return tokens[len(prompt) :]


def test_contrastive_search_remembers_the_prompt():
    import keras_nlp

    model = letter_model("lstm")
    sampler = keras_nlp.samplers.ContrastiveSampler(k=4, alpha=0.7)
    prompts = [[1, 2, 3, 1, 2], [5]]
    found = keraseq.generate(model, prompts, 10, sampler=sampler)
    for tokens, prompt in zip(found, prompts, strict=True):
        assert tokens.tolist() == contrastively(model, prompt, 10, k=4, alpha=0.7)
    assert found[0].tolist() != contrastively(model, prompts[0][-1:], 10, k=4, alpha=0.7)


def test_a_sampler_of_the_users_own(model):
    import keras_nlp

    class Never(keras_nlp.samplers.Sampler):
        """The most probable token, but for some."""

        def __init__(self, forbidden, **options):
            super().__init__(**options)
            self.forbidden = forbidden

        def get_next_token(self, probabilities):
            allowed = ops.one_hot(ops.array(self.forbidden), 7)
            return ops.argmax(probabilities * (1 - allowed), axis=-1)

    for letter in "abe":
        text = write(model, length=40, sampler=Never(int(LETTERS.encode(letter)[0])))
        assert letter not in text


# What is compiled.


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch runs the loop as it is, uncompiled")
def test_nothing_is_compiled_twice(monkeypatch):
    model = letter_model()
    write(model, "abc", 20, seed=1)
    steps = []
    step = Engine.of(model).stateless.step
    monkeypatch.setattr(Engine.of(model).stateless, "step", lambda *a: steps.append(a) or step(*a))
    write(model, "de" * READ, BUFFER + 1, seed=2, temperature=0.3)
    list(generation.stream(model, "a", 50, tokenizer=LETTERS, piece=7))
    assert not steps
    write(model, top_k=2)
    assert steps


def test_a_model_that_was_trained_further_writes_what_it_learned():
    model = letter_model()
    before = write(model, length=12, sampler="greedy")
    shaken(model, seed=8)
    assert write(model, length=12, sampler="greedy") == greedily(model, "abc", 12) != before


def test_a_model_that_has_written_is_saved_as_before(tmp_path):
    model = letter_model()
    text = write(model, sampler="greedy")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert write(loaded, sampler="greedy") == text
    assert len(model.get_layer("recurrent")._inbound_nodes) == 1


# Pieces and stops.


@pytest.mark.parametrize("piece", [1, 7, BUFFER])
def test_pieces_joined_are_the_text(model, piece):
    pieces = list(generation.stream(model, "abc", 30, tokenizer=LETTERS, seed=1, piece=piece))
    assert "".join(pieces) == write(model, "abc", 30, seed=1)
    assert [len(one) for one in pieces[:-1]] == [piece] * (len(pieces) - 1)


def test_stop_ends_the_text_before_it(model):
    text = write(model, length=200, seed=1)
    stop = text[60:70]  # 64 tokens are written between two looks
    expected = text[: text.index(stop)]
    assert write(model, length=200, seed=1, stop=stop) == expected
    assert write(model, length=200, seed=1, stop=[text[120:130], stop, "never"]) == expected
    for piece in (1, 3, 64):
        pieces = generation.stream(
            model, "abc", 200, tokenizer=LETTERS, seed=1, stop=stop, piece=piece
        )
        assert "".join(pieces) == expected


def test_a_stop_that_never_comes_changes_nothing(model):
    text = write(model, length=200, seed=1)
    assert write(model, length=200, seed=1, stop="abcdeabcdeabcde") == text
    never = text[-3:] + "!"  # the end of the text could be its start
    assert write(model, length=200, seed=1, stop=never) == text
    pieces = generation.stream(model, "abc", 200, tokenizer=LETTERS, seed=1, stop=never)
    assert "".join(pieces) == text


def test_stops_of_many_texts_are_their_own(model):
    texts = write(model, ["a", "b"], 100, seed=1)
    stop = texts[0][10:16]
    stopped = write(model, ["a", "b"], 100, seed=1, stop=stop)
    assert stopped == [text.split(stop)[0] for text in texts]
    assert len(stopped[0]) <= 10


def test_a_stop_in_beam_search(model):
    text = write(model, length=30, sampler="beam")
    assert write(model, length=30, sampler="beam", stop=text[5:9]) == text.split(text[5:9])[0]


TOKENIZERS = {
    "words": keraseq.data.WordVocabulary(["the", "cat", "sat", "on", "a"]),
    "pieces": keraseq.data.WordPieceVocabulary(
        ["[UNK]", "[EOL]", "the", "cat", "##s", "##ing", "a"]
    ),
}


@pytest.mark.parametrize("piece", [1, 5])
@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
def test_pieces_of_words_keep_their_spaces(model, tokenizer, piece):
    ids = tokenizer.encode("the cat")
    written = keraseq.generate(model, ids, 60, seed=1)
    expected = tokenizer.decode(np.concatenate([ids, written])).removeprefix("the cat")
    assert " " in expected and "\n" in expected
    assert write(model, "the cat", 60, seed=1, tokenizer=tokenizer) == expected
    pieces = generation.stream(model, "the cat", 60, seed=1, tokenizer=tokenizer, piece=piece)
    assert "".join(pieces) == expected


def test_what_may_be_a_stop_is_held_back():
    writer = TextWriter(LETTERS, LETTERS.encode("a"), ("cab", "bad"))
    shown = [writer.add(LETTERS.encode(part)) for part in ("de", "dc", "aa", "ec", "ab", "ee")]
    assert shown == ["de", "d", "caa", "e", "", ""]
    assert writer.done and writer.whole() == "dedcaae"
    both = TextWriter(LETTERS, LETTERS.encode("a"), ("cab", "bad"))  # in one piece: the first
    assert both.add(LETTERS.encode("ebadcab")) == "e"


# The edges.


def test_empty_things(model):
    assert write(model, length=0) == "" and write(model, ["a", "b"], 0) == ["", ""]
    assert list(generation.stream(model, "a", 0, tokenizer=LETTERS)) == []
    assert write(model, "", seed=1) == write(model, "\n", seed=1)
    assert write(model, ["", "ab"], sampler="greedy") == [
        write(model, "\n", sampler="greedy"),
        write(model, "ab", sampler="greedy"),
    ]
    without = keraseq.data.CharacterVocabulary("abcdefg")
    first = write(model, "", seed=1, tokenizer=without)
    assert first == write(model, "a", seed=1, tokenizer=without)
    assert write(model, []) == []
    ids = np.zeros(0, "int32")
    assert keraseq.generate(model, ids, 9, seed=1).tolist() == (
        keraseq.generate(model, [0], 9, seed=1).tolist()
    )


def test_unknown_characters_are_the_tokenizers_affair(model):
    with pytest.raises(ValueError, match="character 'x' at position 1 is not among the 7"):
        write(model, "ax")
    lenient = keraseq.data.CharacterVocabulary("abcde\n", unknown="replace")
    assert len(write(model, "axe", 10, tokenizer=lenient)) == 10


BAD = [
    ({"length": -1}, "length must be an integer, at least 0; received length=-1"),
    ({"length": 2.5}, "length must be an integer, at least 0; received length=2.5"),
    ({"temperature": -1}, "temperature must be 0 .* or greater; received temperature=-1"),
    ({"temperature": float("nan")}, "temperature must be a finite number"),
    ({"temperature": 0, "sampler": "beam"}, "temperature=0 is sampler='greedy'; sampler='beam'"),
    ({"top_k": 8}, "top_k=8 is beyond the vocabulary; accepted: 1 to 7"),
    ({"top_k": 0}, "top_k must be a positive integer; received top_k=0"),
    ({"top_p": 0}, r"top_p must be a number in \(0, 1\]; received top_p=0"),
    ({"top_p": 1.1}, r"top_p must be a number in \(0, 1\]; received top_p=1.1"),
    ({"sampler": "top_p"}, "sampler='top_p' needs top_p"),
    ({"sampler": "greedy", "top_k": 2}, "sampler='greedy' takes no top_k; received top_k=2"),
    ({"sampler": "rondom"}, "unknown sampler 'rondom'; accepted: greedy, .* mean 'random'"),
    ({"sampler": 3}, "sampler must be one of greedy, .*; received 3"),
    ({"seed": -1}, "seed must be an integer from 0 to 2147483647; received seed=-1"),
    ({"seed": "x"}, "seed must be an integer from 0"),
    ({"stop": ""}, "stop must be a text, or several, none of them empty; received ''"),
    ({"stop": ["a", 3]}, "stop must be a text, or several, none of them empty; received 3"),
    ({"prompt": ["a", [1]]}, "prompts must be all texts, or all token ids; received both"),
    ({"prompt": [1, 7]}, "token ids go from 0 to 6; received 7"),
    ({"prompt": [0.5]}, "prompt must be a text or integer token ids"),
    ({"prompt": [1], "stop": "a"}, "stop ends texts; received it with token ids as prompt"),
    ({"tokenizer": None}, "a text as prompt needs tokenizer="),
    (
        {"tokenizer": keraseq.data.CharacterVocabulary("abc")},
        "the tokenizer has 3 tokens, the model's vocabulary 7",
    ),
]


@pytest.mark.parametrize("options, message", BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_line(model, options, message):
    with pytest.raises(ValueError, match=message) as error:
        write(model, **options)
    assert "\n" not in str(error.value)


def test_a_sampler_brings_its_own_options(model):
    import keras_nlp

    cold = keras_nlp.samplers.RandomSampler(temperature=1e-4, seed=7)
    assert write(model, sampler=cold) == write(model, sampler="greedy")
    own = keras_nlp.samplers.TopKSampler(k=3, seed=7)
    assert write(model, sampler=own) == write(model, top_k=3, seed=7)
    assert write(model, sampler=own, seed=8) == write(model, top_k=3, seed=8)
    with pytest.raises(ValueError, match="a sampler instance brings its own temperature, k and p"):
        write(model, sampler=own, temperature=0.5)


def test_streams_refuse_what_they_cannot_do(model):
    for options, message in (
        ({"sampler": "beam"}, "sampler='beam' decides on the whole text at its end"),
        ({"prompt": ["a", "b"]}, "stream continues one text; received prompt="),
        ({"piece": 0}, f"piece must be from 1 to {BUFFER} tokens; received piece=0"),
        ({"piece": BUFFER + 1}, "piece must be from 1"),
    ):
        with pytest.raises(ValueError, match=message):  # before anybody asks for a piece
            generation.stream(
                model, **{"prompt": "a", "length": 3, "tokenizer": LETTERS, **options}
            )


# Scores.


@pytest.mark.parametrize("size", [2, 50, READ + 1, READ + 2, 3 * READ])
def test_score_is_that_of_the_whole_text(size):
    model = letter_model("lstm", layers=2)
    tokens = np.random.default_rng(2).integers(0, 7, size)
    expected = log_probabilities(model, tokens[:-1])[np.arange(size - 1), tokens[1:]]
    np.testing.assert_allclose(generation.score(model, tokens), expected, atol=1e-4)
    text = LETTERS.decode(tokens)
    np.testing.assert_allclose(
        generation.score(model, text, tokenizer=LETTERS), expected, atol=1e-4
    )


def test_score_of_little(model):
    assert generation.score(model, "a", tokenizer=LETTERS).shape == (0,)
    with pytest.raises(ValueError, match="text must have at least one token"):
        generation.score(model, "", tokenizer=LETTERS)


# Bundles and the shell.


@pytest.fixture
def bundle(model, tmp_path):
    folder = tmp_path / "letters"
    keraseq.bundle.Bundle(model, {"tokenizer": LETTERS.to_json()}).save(folder)
    return folder


def test_a_bundle_brings_its_tokenizer(bundle, model):
    loaded = keraseq.bundle.load(bundle)
    assert keraseq.generate(loaded, "abc", 20, seed=1) == write(model, seed=1)
    pieces = generation.stream(loaded, "abc", 20, seed=1)
    assert "".join(pieces) == write(model, seed=1)
    assert len(generation.score(loaded, "abc")) == 2


def shell(*arguments):
    from keraseq.cli import app

    return CliRunner().invoke(app, ["generate", *map(str, arguments)])


def test_the_shell_writes(bundle, model):
    options = ("--prompt", "abc", "--length", 30, "--seed", 1)
    run = shell(bundle, *options)
    assert run.exit_code == 0, run.output
    assert run.stdout == "abc" + write(model, length=30, seed=1) + "\n"
    cold = shell(bundle, *options, "--temperature", 0)
    assert cold.stdout == "abc" + write(model, length=30, sampler="greedy") + "\n"
    expected = write(model, length=30, seed=1, top_k=3, stop=["d", "e"])
    stopped = shell(bundle, *options, "--top-k", 3, "--stop", "d", "--stop", "e")
    assert stopped.stdout == "abc" + expected + "\n"
    beam = shell(bundle, *options, "--sampler", "beam")
    assert beam.stdout == "abc" + write(model, length=30, sampler="beam") + "\n"


def test_the_shell_writes_many(bundle, model):
    run = shell(bundle, "--prompt", "a", "--length", 10, "--seed", 1, "--streams", 2)
    one, other = write(model, ["a", "a"], 10, seed=1)
    assert run.stdout == f"--- 1 ---\na{one}\n--- 2 ---\na{other}\n"


def test_a_prompt_is_written_as_the_training_text_was(model, tmp_path):
    """Accents composed, line ends line feeds; letters that were never seen are said."""
    letters = keraseq.data.CharacterVocabulary("abcdé\n", unknown="replace")
    assert len(letters) == 7
    written = write(model, "e\u0301\r\na", tokenizer=letters, seed=1)
    assert written == write(model, "é\na", tokenizer=letters, seed=1)
    folder = tmp_path / "model"
    stored = {"tokenizer": letters.to_json()}
    keraseq.bundle.Bundle(model, stored, keraseq.bundle.Card()).save(folder)
    run = shell(folder, "--prompt", "ae\u0301zaxz", "--length", 3)
    assert run.exit_code == 0 and run.stderr == "The model has never seen: z x\n"
    assert shell(folder, "--prompt", "ab", "--length", 3).stderr == ""
    card = keraseq.bundle.Card(recipe="classify")
    keraseq.bundle.Bundle(model, stored, card).save(folder)
    run = shell(folder, "--prompt", "a")
    assert run.exit_code == 2
    assert "a model of the recipe 'classify' writes no text; ask it with `keraseq pre" in run.stderr


def test_the_shell_says_what_is_wrong(bundle):
    for arguments, message in (
        ((bundle, "--top-k", 99), "Error: top_k=99 is beyond the vocabulary; accepted: 1 to 7"),
        ((bundle, "--prompt", "xyz"), "Error: character 'x' at position 0 is not among"),
        (("nowhere",), "Error: 'nowhere' is no bundle"),
        ((bundle, "--streams", 0), "Error: streams must be a positive integer"),
    ):
        run = shell(*arguments)
        assert run.exit_code == (1 if "nowhere" in arguments else 2)
        assert run.stderr.startswith(message) and run.stderr.count("\n") == 1
