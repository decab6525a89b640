import sys
from pathlib import Path

import keras
import pytest

import keraseq
from keraseq.experiments import tasks
from keraseq.experiments.engine import trials, trying
from keraseq.experiments.engine.plan import Plan
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


OWN = """
import keras
from keras import ops
from keraseq.cells import ElmanCell

class Slow(ElmanCell):
    def step(self, projected, states):
        output, [h] = super().step(projected, states)
        return output, [0.5 * (h + states[0])]

class Wrong(ElmanCell):
    def step(self, projected, states):
        return self.nothing(states), states

class Wide(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.state_size = self.output_size = units

    def call(self, inputs, states, training=False):
        return states[0], [ops.concatenate([states[0], states[0]], -1)]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module in the working folder, which is not on the path."""
    (tmp_path / "of_mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [one for one in sys.path if one])
    yield "of_mine"
    sys.modules.pop("of_mine", None)


def test_a_cell_of_the_working_folder(own):
    assert variants.check("of_mine:Slow[activation=relu]")
    task = tasks.get("digits")
    assert task.units("of_mine:Slow", 5000) == task.units("elman", 5000)
    [layer] = trials.recurrent_layers(task.build("of_mine:Slow", 4))
    assert type(layer.cell).__name__ == "Slow" == variants.class_name("of_mine:Slow[a=1]")
    assert variants.name_of(type(layer.cell)) == "of_mine:Slow"
    trying.check("of_mine:Slow", task)
    before = variants.code("of_mine:Slow")
    (Path.cwd() / "of_mine.py").write_text(OWN.replace("0.5", "0.4"))
    assert variants.code("of_mine:Slow") != before and variants.code("lstm") is None


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Wrong", r"AttributeError: .*'nothing'.* \(of_mine.py, line 13: return self.nothing"),
        ("Wide", r"ValueError: a step gives states of sizes \[8\], state_size says \[4\]$"),
    ],
)
def test_a_cell_that_fails_is_said_first(own, cell, said):
    with pytest.raises(ValueError, match=f"^cell 'of_mine:{cell}' fails in a first small .*{said}"):
        Plan("digits", ["lstm", f"of_mine:{cell}"])


def test_names_of_classes_and_instances():
    assert variants.name_of(keraseq.cells.LSTMCell) == "lstm"
    assert variants.name_of(keras.layers.LSTMCell) == "keras.layers:LSTMCell"
    assert variants.name_of(keraseq.cells.GRUCell(3, zoneout=0.1)) == "gru[zoneout=0.1]"
    assert variants.name_of(keras.layers.GRUCell(3, reset_after=False)).endswith("=false]")
    trying.check("keras.layers:GRUCell[reset_after=false]", tasks.get("digits"))
    here = type("Here", (keraseq.cells.ElmanCell,), {"__module__": "__main__"})
    with pytest.raises(ValueError, match=r"put it into my_cell.py and give 'my_cell:Here'"):
        variants.name_of(here)
    pattern = keraseq.cells.ElmanCell(3, kernel_initializer=keras.initializers.Constant(0.1))
    with pytest.raises(ValueError, match="a cell's options are numbers and words"):
        variants.name_of(pattern)
    with pytest.raises(TypeError, match="a name, a class or an instance"):
        variants.name_of(3)
    with pytest.raises(ValueError, match="cannot load cell 'nowhere:Cell': No module named"):
        variants.check("nowhere:Cell")


@pytest.mark.parametrize(
    "value", ["units", "a,b", "12", 12, 0.5, True, 'a "b" [C]', " x", "", "é;"]
)
def test_what_is_written_is_understood(value):
    text = variants.written("sales.csv", {"target": value, "sep": ";"})
    assert variants.parse(text) == ("sales.csv", {"target": value, "sep": ";"})
    assert variants.in_brackets(f"co2,{text},gru") == ["co2", text, "gru"]
