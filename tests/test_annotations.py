"""Annotations of modeling/ are checked while tests run: `--jaxtyping-packages` in pyproject.toml."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from modeling.selection.prepared import PreparedGenes, prepare_genes
from modeling.statistics.metrics import rmse

ROOT = Path(__file__).resolve().parents[1]


def test_an_array_of_the_wrong_shape_is_caught():
    with pytest.raises(TypeCheckError, match=r"parameters of modeling\.selection\.prepared\.prepare_genes"):
        prepare_genes(np.ones(7))


def test_an_array_of_the_wrong_type_is_caught():
    with pytest.raises(TypeCheckError, match="parameter 'expression'"):
        prepare_genes(np.ones((4, 3), dtype=np.int64))


def test_axes_of_one_name_must_be_equally_long():
    with pytest.raises(TypeCheckError, match=r"parameters of modeling\.statistics\.metrics\.rmse"):
        rmse(np.zeros(3), np.zeros(4))


def test_fields_of_dataclasses_are_checked():
    fields = vars(prepare_genes(np.arange(12.0).reshape(4, 3)))
    assert PreparedGenes(**fields).n_genes == 3
    with pytest.raises(TypeCheckError, match="parameter 'varies'"):
        PreparedGenes(**fields | {"varies": np.ones(2, dtype=bool)})


@pytest.mark.usefixtures("annotations_unchecked")
def test_the_check_can_be_set_aside_to_hear_the_code_itself():
    with pytest.raises(ValueError, match="equally long"):
        rmse(np.zeros(3), np.zeros(4))


def test_outside_tests_nothing_is_checked():
    """Ray's workers and the console script pay nothing, and users see the code's own messages."""
    code = (
        "import sys, numpy as np\n"
        "from modeling.statistics.metrics import rmse\n"
        "assert 'beartype' not in sys.modules\n"
        "try: rmse(np.zeros(3), np.zeros(4))\n"
        "except ValueError as error: print(error)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "equally long" in done.stdout


def test_what_numba_compiles_is_marked():
    """Else the check wraps the kernel, and numba fails with words about pickling a weak reference."""
    decorators = [
        {ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list}
        for path in sorted((ROOT / "modeling").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    compiled = [names for names in decorators if names & {"njit", "intrinsic"}]
    assert compiled
    assert all("no_type_check" in names for names in compiled)
