"""Step 3, training: what `keras.Model.fit` lacks, and nothing that it has.

    train.seed_everything(0)
    train.compile(model)
    model.fit(x, y, epochs=50, validation_data=(x2, y2), callbacks=train.callbacks("runs/mine"))

After a crash the same lines go on where the run stopped.
"""

from keraseq.train.compiling import compile
from keraseq.train.devices import devices
from keraseq.train.divergence import StopOnDivergence
from keraseq.train.gradient_report import GradientReport
from keraseq.train.resume import Resume
from keraseq.train.run import BestCheckpoint, CSVLog, SamplingSchedule, callbacks
from keraseq.train.seeds import seed_everything

__all__ = [
    "BestCheckpoint",
    "CSVLog",
    "GradientReport",
    "Resume",
    "SamplingSchedule",
    "StopOnDivergence",
    "callbacks",
    "compile",
    "devices",
    "seed_everything",
]


def __dir__():
    return __all__
