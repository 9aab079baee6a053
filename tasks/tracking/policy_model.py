# pyright: basic
"""The policy that MLflow registers: bin and budget in, the strategy to use out.

MLflow copies this file into the registered model and runs it there, so it imports nothing of this
package.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class RegisteredPolicy(PythonModel):
    """A table (bin, budget) → strategy; between two budgets the lower one counts.

    Where adapting to difficulty is not ahead of one strategy for all, that is the answer.
    """

    def load_context(self, context: Any) -> None:
        """Read the table from the model's configuration; MLflow calls it once, when loading."""
        self.cells: dict[int, dict[int, str]] = {}
        for cell in context.model_config["cells"]:
            self.cells.setdefault(cell["bin"], {})[cell["budget"]] = cell["strategy"]
        for_all = context.model_config["for_all"]
        self.for_all = {int(budget): strategy for budget, strategy in for_all.items()}

    def predict(
        self,
        context: Any,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """A Series: the strategy key of every row of columns bin and budget.

        ValueError names a bin the table lacks, or a budget below its smallest.
        """
        places = model_input[["bin", "budget"]].itertuples(index=False, name=None)
        strategies = [self._strategy(int(bin_), int(budget)) for bin_, budget in places]
        return pd.Series(strategies, name="strategy")

    def _strategy(self, bin_: int, budget: int) -> str:
        if bin_ not in self.cells:
            raise ValueError(f"policy: expected a bin of {sorted(self.cells)}, got {bin_}")
        fitting = [known for known in self.cells[bin_] if known <= budget]
        if not fitting:
            least = min(self.cells[bin_])
            raise ValueError(
                f"policy: expected a budget of at least {least} in bin {bin_}, got {budget}"
            )
        largest = max(fitting)
        return self.for_all.get(largest, self.cells[bin_][largest])


set_model(RegisteredPolicy())
