"""The folder of a training that may be killed: whose it is, until the training is over."""

import json
from pathlib import Path

from keraseq.files import read_json, write

SETTINGS = "settings.json"  # removed by the recipe at the end: another may begin there


def claim(folder: Path, settings: dict) -> None:
    """Notes the settings of a run in its folder, or says that another run is there."""
    path = folder / SETTINGS
    if path.is_file():
        before = read_json(path)
        for name, value in settings.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{str(folder)!r} holds an unfinished run with {name}={before.get(name)!r}, "
                    f"this one has {name}={value!r}; go on with that one, or remove the folder"
                )
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.csv").unlink(missing_ok=True)  # of a run that is over
    write(path, json.dumps(settings))
