"""What is known of an instrument: class, product, pair, currency. Unknown stays NULL, nothing is invented."""

from __future__ import annotations

import polars as pl

from ingest.reference.venues import Venues
from ingest.sources.protocol import INSTRUMENT_SCHEMA

# What sources call a class, and what it is here: asset class and product.
_CLASS_NAMES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("equity", "stock", "dr"), ("equity", "cash")),
    **dict.fromkeys(("etf", "fund"), ("etf", "cash")),
    **dict.fromkeys(("bond", "bonds"), ("bond", "cash")),
    **dict.fromkeys(("crypto", "crypto_spot", "spot"), ("crypto", "spot")),
    **dict.fromkeys(("crypto_perp", "perp", "swap"), ("crypto", "perp")),
    **dict.fromkeys(("fx", "forex"), ("fx", "spot")),
    **dict.fromkeys(("future", "futures"), ("future", "continuous")),
    "crypto_dated": ("crypto", "dated"),
    "future_dated": ("future", "dated"),
    "cfd": ("cfd", "cfd"),
    "index": ("index", "index"),
}
_PAIRED = ("crypto", "fx")
_CRYPTO_PAIR = r"^(?P<base>.+?)(?P<quote>FDUSD|USDT|USDC|USD|DAI|EUR|GBP|JPY|TRY|BRL)$"
# BNBUSD is BNB in USD and no BN in BUSD, XXBTZUSD is no XXBTZ: which of them holds is decided downstream, with the lists
# of coins and quotes (int_pairs_split), and so is everything that a separator cuts.
_CUT_DOWNSTREAM = r"[-_/.]|(?:[BGTZ]|PY|RL)USD$|Z(?:EUR|GBP|JPY)$"
_FX_PAIR = r"^(?P<base>[A-Z]{3})(?P<quote>[A-Z]{3})$"


def classify(rows: pl.DataFrame) -> pl.DataFrame:
    """Translate `asset_class` (where none is given: the venue's `kind`) to the classes and products of this house.

    An unknown class gives NULL; `asset_class_given` keeps the word. A `product` that is given stands.
    """
    given = pl.coalesce("asset_class", "kind").str.to_lowercase()
    words = sorted(_CLASS_NAMES)
    classes = {word: _CLASS_NAMES[word][0] for word in words}
    products = {word: _CLASS_NAMES[word][1] for word in words}
    return rows.with_columns(
        given.alias("asset_class_given"),
        given.replace_strict(classes, default=None, return_dtype=pl.String).alias("asset_class"),
        pl.coalesce("product", given.replace_strict(products, default=None, return_dtype=pl.String)).alias("product"),
    )


def describe(rows: pl.LazyFrame) -> pl.DataFrame:
    """Say once for each symbol what its rows say, independent of their order; sorted by symbol.

    An instrument is close-only when no bar of it has an open, a high or a low. Where rows disagree on a text the
    alphabetically first is taken.
    """
    told = [name for name in INSTRUMENT_SCHEMA if name not in ("symbol", "ticker", "is_close_only", "first_session")]
    return (
        rows.group_by("symbol")
        .agg(
            *(pl.col(name).min() for name in told),
            pl.all_horizontal(pl.col(name).is_null() for name in ("open", "high", "low")).all().alias("is_close_only"),
            pl.col("session_date").min().alias("first_session"),
        )
        .with_columns(pl.col("symbol").str.splitn(":", 2).struct.field("field_1").alias("ticker"))
        .sort("symbol")
        .collect()
    )


def with_pairs(instruments: pl.DataFrame, venues: Venues) -> pl.DataFrame:
    """Fill base and quote of crypto and FX from the ticker, country and currency from the venue, where not given.

    A crypto pair that can be cut in two ways stays without a base; a currency that the source names and the ticker ends
    in is its quote.
    """
    bare = pl.col("ticker").str.replace(r"\.[PF]$", "")
    crypto = pl.when(~bare.str.contains(_CUT_DOWNSTREAM)).then(bare.str.extract_groups(_CRYPTO_PAIR))
    fx = bare.str.extract_groups(_FX_PAIR)
    is_crypto, is_paired = pl.col("asset_class") == "crypto", pl.col("asset_class").is_in(_PAIRED)

    def part(name: str) -> pl.Expr:
        found = pl.when(is_crypto).then(crypto.struct.field(name)).otherwise(fx.struct.field(name))
        return pl.coalesce(name, pl.when(is_paired).then(found)).alias(name)

    named = pl.coalesce("quote", pl.when(is_crypto & bare.str.ends_with(pl.col("currency"))).then("currency"))
    is_agreed = named.is_null() | (named == crypto.struct.field("quote")) | ~is_crypto

    def of_venue(field: str) -> pl.Expr:
        known = {name: getattr(venue, field) for name, venue in venues.by_name.items()}
        return pl.col("venue").replace_strict(known, default=None, return_dtype=pl.String)

    return (
        instruments.with_columns(
            pl.coalesce("base", pl.when(is_agreed).then(part("base"))).alias("base"),
            pl.coalesce(named, part("quote")).alias("quote"),
        )
        .with_columns(
            pl.coalesce("country", pl.when(~is_paired).then(of_venue("country"))).alias("country"),
            pl.coalesce("currency", pl.col("quote"), of_venue("currency")).alias("currency"),
        )
        .select(list(INSTRUMENT_SCHEMA))
        .cast(pl.Schema(INSTRUMENT_SCHEMA))
    )
