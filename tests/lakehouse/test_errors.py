"""Errors keep their attributes on the way from a worker process."""

from __future__ import annotations

import pickle

from lakehouse.errors import ContractError, DbtError


def test_errors_keep_their_attributes_when_pickled() -> None:
    sent = ContractError("raw.bars", "is wrong", column="close", key="symbol=A")
    received = pickle.loads(pickle.dumps(sent))  # noqa: S301 - what multiprocessing does with an error
    assert (str(received), received.column, received.key) == (str(sent), "close", "symbol=A")
    received = pickle.loads(pickle.dumps(DbtError("dbt failed", ("a", "b"))))  # noqa: S301
    assert (str(received), received.nodes) == ("dbt failed", ("a", "b"))
