"""Labels and purity of one cluster.

See docs/method/04-clusters.md#4.3.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.clustering.clusters import Clustering, cluster_instruments
from analytics.clustering.labels import label_clusters
from analytics.errors import InputError

SYMBOLS = ["X:A", "X:B", "X:C", "X:D", "X:E"]


def one_cluster() -> Clustering:
    rng = np.random.default_rng(0)
    returns = 0.01 * (rng.normal(size=(100, 1)) + 0.3 * rng.normal(size=(100, 5)))
    return cluster_instruments(returns, SYMBOLS, np.ones(5), threshold=2.0)


def metadata(kinds: list[tuple[str, str | None]], values: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": SYMBOLS,
            "asset_class": [kind for kind, _ in kinds],
            "sector": [sector for _, sector in kinds],
            "value_traded_usd": values,
        },
        schema_overrides={"value_traded_usd": pl.Float64, "sector": pl.String},
    )


TECH, BANK, COIN = ("equity", "Technology"), ("equity", "Financials"), ("crypto", None)


@pytest.mark.parametrize(
    ("kinds", "values", "label", "purity"),
    [
        ([TECH] * 5, [1.0] * 5, "equity Technology", 1.0),
        ([COIN, BANK, BANK, BANK, BANK], [6.0, 1.0, 1.0, 1.0, 1.0], "crypto", 0.6),
        ([COIN, BANK, BANK, BANK, TECH], [5.9, 1.0, 1.0, 1.1, 1.0], "Mixed: crypto / equity Financials", 0.59),
        ([COIN, TECH, BANK, TECH, BANK], [0.0, 2.0, 2.0, 1.0, 1.0],
         "Mixed: equity Financials / equity Technology", 0.5),
        ([TECH, TECH, TECH, BANK, COIN], [None] * 5, "equity Technology", 0.6),
        ([TECH, TECH, TECH, BANK, BANK], [None, None, None, 1.0, 1.0], "equity Financials", 1.0),
    ],
)  # fmt: skip
def test_label_and_purity(kinds: list, values: list, label: str, purity: float) -> None:
    table = label_clusters(one_cluster(), metadata(kinds, values))
    assert table["label"].to_list() == [label]
    assert table["purity"].item() == pytest.approx(purity)
    assert table["is_weighted_by_count"].item() == (values[0] is None and values[3] is None)
    assert table["n_members"].item() == 5


def test_a_label_does_not_depend_on_row_order() -> None:
    table = metadata([TECH, BANK, TECH, BANK, COIN], [0.1, 0.3, 0.2, 1e16, 1e16])
    base = label_clusters(one_cluster(), table)
    for seed in range(5):
        assert label_clusters(one_cluster(), table.sample(fraction=1.0, shuffle=True, seed=seed)).equals(base)


def test_the_commonest_kind_is_named_apart_from_the_label() -> None:
    row = label_clusters(one_cluster(), metadata([COIN, BANK, BANK, TECH, TECH], [5.0, 1.0, 1.0, 1.5, 2.5])).row(
        0, named=True
    )
    assert (row["asset_class"], row["sector"]) == ("crypto", None)
    assert row["label"] == "Mixed: crypto / equity Technology"


def test_metadata_that_is_missing_or_wrong_is_refused_by_name() -> None:
    table = metadata([TECH] * 5, [1.0] * 5)
    with pytest.raises(InputError, match="X:C"):
        label_clusters(one_cluster(), table.filter(pl.col("symbol") != "X:C"))
    with pytest.raises(InputError, match="twice"):
        label_clusters(one_cluster(), pl.concat([table, table.head(1)]))
    with pytest.raises(InputError, match="X:A has a value traded"):
        label_clusters(one_cluster(), metadata([TECH] * 5, [-1.0] * 5))
    with pytest.raises(InputError, match="X:A has no asset class"):
        label_clusters(one_cluster(), metadata([("", None)] * 5, [1.0] * 5))
