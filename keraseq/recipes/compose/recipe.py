"""How a model of music is made and trained."""

import math
from dataclasses import dataclass, replace

import keras
import numpy as np

from keraseq import data, models, plots
from keraseq.bundle import Bundle, Score
from keraseq.data import music
from keraseq.recipes.compose.evaluation import costs_of, evaluate, predict
from keraseq.recipes.compose.settings import Settings
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest


@dataclass(frozen=True)
class Prepared:
    """The pieces."""

    parts: data.PianoRolls


class Compose(Recipe):
    """Pieces of music -> a model of them; see `keraseq.recipes.recipe.Recipe`."""

    name, Settings, Data, writes = "compose", Settings, data.PianoRolls, True

    def read(self, source, settings: Settings) -> data.PianoRolls:
        """A public set by its name, or MIDI files."""
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if isinstance(source, str) and source in data.sets.names("music"):
            return data.load(source, **options)
        return data.piano_rolls(source, **options)

    def completed(self, parts: data.PianoRolls, settings: Settings) -> Settings:
        """The step of the data."""
        return replace(settings, step=parts.step)

    def known(self, parts: data.PianoRolls) -> str:
        """What tells the data from others."""
        return digest(parts.sha256)

    def prepare(self, parts: data.PianoRolls, settings: Settings) -> Prepared:
        """Nothing is fitted on the training part."""
        return Prepared(parts)

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Pieces of like length, those to learn from moved anew each time."""
        train = part == "train"
        return music.batches(
            getattr(prepared.parts, part),
            settings.batch_size,
            length=settings.length,
            transpose=train and settings.transpose,
            following=settings.head == "ordered",
            shuffle=train,
        )

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model of the settings."""
        dropped = settings.recurrent_dropout
        return models.roll_model(
            music.KEYS,
            head=settings.head,
            head_units=settings.head_units,
            downwards=settings.downwards,
            cell=settings.cell,
            units=settings.units,
            layers=settings.layers,
            dropout=settings.dropout,
            cell_options={"recurrent_dropout": dropped} if dropped else {},
            name="composer",
        )

    def begin(self, model, prepared: Prepared, settings: Settings, folder, say) -> None:
        """Lets the keys begin as often as they sound: no step is lost on silence."""
        frames = np.concatenate(prepared.parts.train)
        often = (frames.sum(axis=0) + 0.5) / (len(frames) + 1)
        if settings.transpose:
            often = np.mean([np.roll(often, by) for by in range(-music.DOWN, music.UP + 1)], axis=0)
        model.get_layer("keys").bias.assign(np.log(often) - np.log1p(-often))

    def compiling(self, settings: Settings) -> dict:
        """No accuracy: frames are no classes."""
        return {"metrics": []}

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a frame if all are alike."""
        return music.KEYS * math.log(2)

    def said(self, logs: dict, prepared: Prepared) -> str:
        """The cost of a frame."""
        return f"{logs['loss']:.3f} nats a frame"

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model, and where the data came from."""
        parts = prepared.parts
        costs = np.concatenate(costs_of(model, parts.validation))
        stored = {"name": parts.name, "sha256": parts.sha256, "options": parts.options}
        return model, {"data": stored}, Score("nats a frame, validation", float(costs.mean()))

    def title(self, parts: data.PianoRolls, settings: Settings) -> str:
        """What the model is."""
        return f"{settings.cell} model of the music of {parts.name}"

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def raw(self, given: list[str], stdin):
        """A MIDI file to go on from, or nothing."""
        if len(given) > 1:
            raise ValueError(f"compose goes on from one MIDI file; received {', '.join(given)}")
        return given[0] if given else None

    def lines(self, found) -> list[str]:
        """A line a chord, with the number of the frame."""
        sounding = music.roll(found, found.attrs["length"])
        lines, before = [], None
        for frame, keys in enumerate(sounding):
            names = [music.name_of(music.LOWEST + int(key)) for key in np.flatnonzero(keys)]
            if names != before:
                lines.append(f"{frame:5d}  {' '.join(names) or '-'}")
            before = names
        return lines

    def draw(self, bundle: Bundle, raw, found, path, **reading) -> None:
        """The piano roll as a picture, and as a MIDI file beside it."""
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt

        whole = music.roll(found, found.attrs["length"])
        ax = plots.piano_roll(whole, found.attrs["step"], beginning=found.attrs["beginning"])
        ax.figure.savefig(path, dpi=150)
        plt.close(ax.figure)
        music.write_midi(whole, path.with_suffix(".mid"), step=found.attrs["step"])
