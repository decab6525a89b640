"""What a wheel brings along besides the package: saved models and what was measured.

All else stands in pyproject.toml. They lie at the top of the repository, where people look for
them; in a wheel they lie in the package, where `keraseq.files` finds them.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BROUGHT = {"saved_models": "saved_models", "benchmarks/results": "results"}


class WithModels(build_py):
    """Copies them into what is built; an editable installation finds them in the checkout."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for here, there in BROUGHT.items():
                target = Path(self.build_lib, "keraseq", there)
                shutil.copytree(Path(__file__).parent / here, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": WithModels})
