"""Describe instruments by class, product, pair and currency; what is unknown stays NULL."""

from __future__ import annotations

import polars as pl

from ingest.reference.venues import Venues
from ingest.sources.protocol import INSTRUMENT_SCHEMA

# Asset class and product by the words that sources use.
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
# Ambiguous tickers (BNBUSD: BNB in USD, not BN in BUSD; XXBTZUSD) and tickers with a separator are split by the dbt model
# int_pairs_split, which knows the coins and the quote currencies.
_SPLIT_BY_DBT = r"[-_/.]|(?:[BGTZ]|PY|RL)USD$|Z(?:EUR|GBP|JPY)$"
_FX_PAIR = r"^(?P<base>[A-Z]{3})(?P<quote>[A-Z]{3})$"


def instrument_row(symbol: str, asset_class: str, product: str, **fields: object) -> dict[str, object]:
    """Return a row of `INSTRUMENT_SCHEMA`, and of further `fields`; columns that are not given are NULL."""
    venue, _, ticker = symbol.partition(":")
    return {
        **dict.fromkeys(INSTRUMENT_SCHEMA),
        "symbol": symbol,
        "venue": venue,
        "ticker": ticker,
        "asset_class": asset_class,
        "product": product,
        "is_close_only": False,
        **fields,
    }


def classify(rows: pl.DataFrame) -> pl.DataFrame:
    """Translate the words of a source into `ASSET_CLASSES` and `PRODUCTS`.

    Parameters
    ----------
    rows : pl.DataFrame
        asset_class (where NULL, the `kind` of the venue counts), kind, product (kept where given).

    Returns
    -------
    pl.DataFrame
        The rows with asset_class and product, NULL where the word is unknown, and asset_class_given with the word.
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
    """Aggregate bars with metadata to one row for each symbol, sorted by symbol, whatever the order of the rows.

    An instrument is close-only when none of its bars has an open, a high or a low. Where rows disagree on a text, the
    alphabetically first is taken.
    """
    metadata = [
        name for name in INSTRUMENT_SCHEMA if name not in ("symbol", "ticker", "is_close_only", "first_session")
    ]
    return (
        rows.group_by("symbol")
        .agg(
            *(pl.col(name).min() for name in metadata),
            pl.all_horizontal(pl.col(name).is_null() for name in ("open", "high", "low")).all().alias("is_close_only"),
            pl.col("session_date").min().alias("first_session"),
        )
        .with_columns(pl.col("symbol").str.splitn(":", 2).struct.field("field_1").alias("ticker"))
        .sort("symbol")
        .collect()
    )


def with_pairs(instruments: pl.DataFrame, venues: Venues) -> pl.DataFrame:
    """Fill base and quote of crypto and FX from the ticker, country and currency from the venue, where not given.

    A crypto pair that can be split in two ways stays without a base. Where the ticker ends with the currency that the
    source gives, that currency is its quote.

    Returns
    -------
    pl.DataFrame
        `INSTRUMENT_SCHEMA`.
    """
    bare = pl.col("ticker").str.replace(r"\.[PF]$", "")
    crypto = pl.when(~bare.str.contains(_SPLIT_BY_DBT)).then(bare.str.extract_groups(_CRYPTO_PAIR))
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
