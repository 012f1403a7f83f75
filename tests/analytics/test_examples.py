"""The examples in the docstrings of analytics run, give the output they show, and exist for every public function."""

from __future__ import annotations

import doctest
import inspect
import io
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

import analytics

MODULES = tuple(
    import_module(found.name) for found in pkgutil.walk_packages(analytics.__path__, prefix=f"{analytics.__name__}.")
)
#: Modules and sub-packages of analytics in which every public function has an example.
COMPLETE = (
    "allocation", "arrays", "clustering", "estimation", "evaluation", "holdings", "panel", "policy", "regime", "selection",
    "tournament",
)  # fmt: skip
#: Public functions without an example, each with the reason.
WITHOUT_EXAMPLE = {
    "analytics.policy.decide_clusters": "the example of decide_selection shows it",
    "analytics.policy.decide_weights": "the example of decide_selection shows it",
    "analytics.policy.link_winners": "the first half of decide_clusters, which the example of decide_selection shows",
    "analytics.clustering.cluster_rows.tree_from_rows": "reads back what tree_rows writes, and its example shows both",
    "analytics.allocation.portfolio_checks.check_allocation": "validates the input of allocate, whose example shows it",
    "analytics.allocation.portfolio_checks.with_arrays": "converts the input of allocate, whose example shows it",
    "analytics.allocation.solvers.certificates.certify_quadratic": "its parts primal_residual and stationarity have one",
    "analytics.allocation.solvers.certificates.with_groups": "one term of stationarity, whose example shows the residual",
}


def examples(module: ModuleType) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


def public_functions(module: ModuleType) -> list[str]:
    """Names of the functions that a module defines, without those that begin with an underscore."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and inspect.isfunction(inspect.unwrap(value))
        and value.__module__ == module.__name__
    ]


def is_inside(module: ModuleType, name: str) -> bool:
    return f"{module.__name__}.".startswith(f"{analytics.__name__}.{name}.")


@pytest.mark.parametrize(
    "module", [module for module in MODULES if examples(module)], ids=lambda module: module.__name__
)
def test_the_examples_of_a_module_give_the_output_they_show(module: ModuleType) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    report = io.StringIO()
    for test in examples(module):
        runner.run(test, out=report.write)
    assert runner.failures == 0, report.getvalue()
    assert runner.tries > 0


@pytest.mark.parametrize("name", COMPLETE)
def test_every_public_function_of_a_complete_package_has_an_example(name: str) -> None:
    functions, shown = set(), set()
    for module in MODULES:
        if is_inside(module, name):
            functions |= {f"{module.__name__}.{function}" for function in public_functions(module)}
            shown |= {test.name for test in examples(module)}
    assert functions, f"analytics.{name} has no public function"
    assert sorted(functions - shown - set(WITHOUT_EXAMPLE)) == []


def test_every_exclusion_names_a_function_without_an_example() -> None:
    functions = {f"{module.__name__}.{function}" for module in MODULES for function in public_functions(module)}
    shown = {test.name for module in MODULES for test in examples(module)}
    assert set(WITHOUT_EXAMPLE) <= functions - shown
