"""Adapters of the peers, each imported only when its package is installed (extra `peers`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from benchmarks.accuracy import Answer
from benchmarks.inputs import Market

#: Peer to the module of its adapter. An adapter holds `WORKS`, work to function.
PEERS: Mapping[str, str] = {
    "skfolio": "skfolio_side",
    "riskfolio": "riskfolio_side",
    "pyportfolioopt": "pyportfolioopt_side",
    "cvxportfolio": "cvxportfolio_side",
    "cvxpy": "cvxpy_side",
    "scikit_learn": "scikit_learn_side",
    "empyrical": "empyrical_side",
    "quantstats": "quantstats_side",
}

Works = Mapping[str, Callable[[Market], Answer]]


def load(peer: str) -> Works | str:
    """Load the tasks of a peer, or return the name of the package that is missing for it."""
    try:
        module = import_module(f"benchmarks.peers.{PEERS[peer]}")
    except ModuleNotFoundError as missing:
        return (missing.name or peer).split(".")[0]
    works: Works = module.WORKS
    return works
