"""Contracts name their columns, keys and hashed columns consistently."""

from __future__ import annotations

from lakehouse.schema.contracts import Column, TableContract
from lakehouse.schema.tables import CONTRACTS


def test_every_contract_has_a_grain_made_of_its_columns_and_hashes_something() -> None:
    assert len(CONTRACTS) > 20
    for name, contract in CONTRACTS.items():
        assert set(contract.grain) <= set(contract.names), name
        assert len(set(contract.names)) == len(contract.names), name
        assert contract.hashed_columns, name
        if contract.schema == "results":
            assert contract.names[0] == "run_id", name


def test_a_contract_writes_its_own_column_list() -> None:
    contract = TableContract(
        "raw", "t", (Column("a", "BIGINT", nullable=False), Column("return", "DOUBLE", volatile=True)), ("a",)
    )
    assert contract.ddl == '"a" BIGINT not null, "return" DOUBLE'
    assert contract.hashed_columns == ("a",)
