import pytest

from keraseq.experiments import tasks
from keraseq.experiments.engine import trials
from keraseq.experiments.tasks import variants


def test_names_and_options():
    assert variants.parse("gru") == ("gru", {})
    assert variants.parse("gru[reset=before]") == ("gru", {"reset": "before"})
    assert variants.parse(" lstm [forget_bias=-0.5, coupled=false] ") == (
        "lstm",
        {"forget_bias": -0.5, "coupled": False},
    )


@pytest.mark.parametrize("text", ["lstm[", "lstm[forget_bias]", "lstm[=1]", "[a=1]", "a]b"])
def test_what_is_not_written_so(text):
    with pytest.raises(ValueError, match=r"written name or name\[option=value\]"):
        variants.parse(text)


def test_options_reach_the_cell_and_the_budget():
    task = tasks.get("digits")
    model = task.build("lstm[forget_gate=false]", 4)
    [layer] = trials.recurrent_layers(model)
    assert layer.cell.gates == ("input", "candidate", "output")
    assert task.units("lstm[forget_gate=false]", 5000) > task.units("lstm", 5000)


def test_unknown_cells_and_options():
    with pytest.raises(ValueError, match=r"unknown cell 'lstn'.*Did you mean 'lstm'"):
        variants.check("lstn[forget_bias=0]")
    with pytest.raises(ValueError, match="forget_bais"):
        variants.check("lstm[forget_bais=0]")
    assert variants.check("lstm[forget_bias=0]") == "lstm[forget_bias=0]"
