"""Generate markets of any size, in the files that the source `files` reads.

A return is the sum of a factor of the market, one of the cluster and a specific part, all with fat tails, scaled by a
volatility that moves slowly and is the same for all; clusters drift in phases of months. A currency pair is the
difference of the paths of its two currencies. Every bar satisfies low <= open, close <= high.

`python -m benchmarks.lake.market FOLDER INSTRUMENTS SESSIONS [LAST]` writes one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.lake.universe import BENCHMARK, CURRENCIES, Listing, describe, list_instruments
from ingest.reference.calendars import FIRST_KNOWN, sessions

Array = npt.NDArray[np.float64]

#: A Wednesday and the Thursday after it, with a session at every venue.
LAST = dt.date(2025, 12, 10)
NEXT = dt.date(2025, 12, 11)
CHUNK = 500
TAIL_DEGREES = 5.0
LARGEST_MOVE = 0.25
#: Daily volatility, first price (least, most), median US dollars traded and decimals of a price, by class.
_CLASSES = {
    "equity": (0.016, 20.0, 400.0, 6e7, 4),
    "etf": (0.010, 20.0, 300.0, 1e8, 4),
    "fx": (0.005, 1.0, 1.0, 0.0, 6),
    "crypto": (0.035, 1.0, 500.0, 5e7, 5),
    "future": (0.012, 50.0, 5000.0, 3e8, 4),
}
_MARKET_SHARE, _CLUSTER_SHARE = 0.30, 0.35


@dataclass(frozen=True)
class GeneratedMarket:
    """A market of N instruments, each with the last `n_sessions` sessions of its calendar up to `last`.

    The same values give the same bars, on every machine with the same NumPy.
    """

    n_instruments: int
    n_sessions: int
    last: dt.date = LAST
    seed: int = 2025

    @cached_property
    def listings(self) -> list[Listing]:
        """Its instruments, the benchmark first."""
        return list_instruments(self.n_instruments)

    @cached_property
    def days(self) -> dict[str, npt.NDArray[np.datetime64]]:
        """Sessions of each calendar, ascending."""
        calendars = sorted({listing.calendar for listing in self.listings})
        found = {
            name: sessions(name, FIRST_KNOWN, self.last)["session_date"].tail(self.n_sessions) for name in calendars
        }
        return {name: column.to_numpy().astype("datetime64[D]") for name, column in found.items()}

    @property
    def first(self) -> dt.date:
        """Earliest session of any instrument."""
        first: dt.date = min(days[0] for days in self.days.values()).item()
        return first

    @cached_property
    def _n_days(self) -> int:
        return (self.last - self.first).days + 1

    @cached_property
    def _volatility(self) -> Array:
        """(D,) volatility of each calendar day, relative to a calm one."""
        shocks = self._rng("volatility").standard_normal(self._n_days) * 0.06
        level = np.empty(self._n_days)
        current = 0.0
        for day, shock in enumerate(shocks):
            current = 0.97 * current + shock
            level[day] = current
        return np.asarray(np.exp(level))

    def _rng(self, *names: str) -> np.random.Generator:
        """Return the generator of what is named, independent of everything else that is drawn."""
        digest = hashlib.sha256("/".join(names).encode()).digest()
        return np.random.default_rng([self.seed, *np.frombuffer(digest[:16], dtype=np.uint32).tolist()])

    def _factor(self, name: str) -> Array:
        """(D,) factor of a name, of unit variance, with the drift of its phases."""
        rng = self._rng("factor", name)
        shocks = _fat_tailed(rng, (self._n_days,))
        lengths = rng.integers(60, 180, size=self._n_days // 60 + 1)
        sharpe = rng.uniform(-0.8, 1.4, size=lengths.size)
        return np.asarray(shocks + np.repeat(sharpe, lengths)[: self._n_days] / np.sqrt(252.0))

    @cached_property
    def _factors(self) -> dict[str, Array]:
        """Factors of the hubs, the clusters and the currencies."""
        names = {listing.cluster for listing in self.listings if listing.cluster} | {"market", "crypto"}
        factors = {name: self._factor(name) for name in sorted(names)}
        return factors | {name: self._factor(f"currency/{name}") for name in CURRENCIES}

    def bars(self) -> Iterator[pl.DataFrame]:
        """Yield the bars of `CHUNK` instruments at a time, sorted by symbol and date in each frame."""
        for start in range(0, self.n_instruments, CHUNK):
            chunk = self.listings[start : start + CHUNK]
            groups: dict[tuple[str, str], list[Listing]] = {}
            for listing in chunk:
                groups.setdefault((listing.asset_class, listing.calendar), []).append(listing)
            frames = [self._bars_of(group, f"chunk {start}", *key) for key, group in sorted(groups.items())]
            yield pl.concat(frames).sort("symbol", "date")

    def _bars_of(self, listings: list[Listing], chunk: str, asset_class: str, calendar: str) -> pl.DataFrame:
        """Draw the bars of instruments of one class and one calendar."""
        rng = self._rng(chunk, asset_class, calendar)
        days = self.days[calendar]
        index = (days - np.datetime64(self.first)).astype(np.int64)
        shape = (days.size, len(listings))
        daily, least, most, traded, decimals = _CLASSES[asset_class]
        sigma = daily * rng.uniform(0.7, 1.4, shape[1]) * self._volatility[index, None]
        specific = _fat_tailed(rng, shape)
        moves = np.clip(sigma * self._mixed(listings, index, specific), -LARGEST_MOVE, LARGEST_MOVE)
        close = np.exp(np.log(rng.uniform(least, most, shape[1])) + np.cumsum(moves, axis=0))
        before = np.vstack([close[:1], close[:-1]])
        opened = before * np.exp(0.3 * sigma * rng.standard_normal(shape))
        upper, lower = np.abs(0.5 * sigma * rng.standard_normal((2, *shape)))
        high = np.maximum(opened, close) * np.exp(upper)
        low = np.minimum(opened, close) * np.exp(-lower)
        volume = self._volume(rng, traded, close, moves / sigma)
        symbols = pl.Series("symbol", [listing.symbol for listing in listings], dtype=pl.String)
        prices = {"open": opened, "high": high, "low": low, "close": close}
        return pl.DataFrame(
            {
                "symbol": symbols.gather(np.repeat(np.arange(shape[1]), shape[0])),
                "date": np.tile(days, shape[1]),
                **{name: np.round(values, decimals).T.ravel() for name, values in prices.items()},
                "volume": volume.T.ravel(),
            }
        ).with_columns(
            pl.lit(asset_class).alias("asset_class"),
            pl.col("volume").fill_nan(None),
            pl.when(pl.lit(asset_class in {"equity", "etf"})).then("close").alias("adj_close"),
        )

    def _mixed(self, listings: list[Listing], index: npt.NDArray[np.int64], specific: Array) -> Array:
        """(T, N) returns in volatilities, of the factors and the specific part."""
        factors = self._factors
        if listings[0].asset_class == "fx":
            base = np.column_stack([factors[listing.base][index] for listing in listings])
            quote = np.column_stack([factors[listing.quote][index] for listing in listings])
            return np.asarray((base - quote) / np.sqrt(2.0) + 0.02 * specific)
        hub = factors["crypto" if listings[0].asset_class == "crypto" else "market"][index, None]
        cluster = np.column_stack([factors[listing.cluster][index] for listing in listings])
        mixed = np.sqrt(_MARKET_SHARE) * hub + np.sqrt(_CLUSTER_SHARE) * cluster
        mixed = mixed + np.sqrt(1.0 - _MARKET_SHARE - _CLUSTER_SHARE) * specific
        for column, listing in enumerate(listings):
            if listing.symbol == BENCHMARK:
                mixed[:, column] = hub[:, 0]
        return np.asarray(mixed)

    @staticmethod
    def _volume(rng: np.random.Generator, traded: float, close: Array, surprise: Array) -> Array:
        """(T, N) units traded, more on days of large moves; NaN for currency pairs, which have no consolidated volume."""
        if traded == 0.0:
            return np.full(close.shape, np.nan)
        median = traded * np.exp(1.2 * rng.standard_normal(close.shape[1]))
        value = median * np.exp(0.35 * rng.standard_normal(close.shape) + 0.2 * np.abs(surprise))
        return np.asarray(np.ceil(value / close))

    def write(self, folder: Path, *, through: dt.date | None = None) -> int:
        """Write the bars up to `through` and symbols.csv into a folder; returns the number of bars."""
        folder.mkdir(parents=True, exist_ok=True)
        n_bars = 0
        for number, bars in enumerate(self.bars()):
            kept = bars if through is None else bars.filter(pl.col("date") <= through)
            kept.write_parquet(folder / f"bars_{number:03d}.parquet")
            n_bars += kept.height
        describe(self.listings).write_csv(folder / "symbols.csv")
        return n_bars


def _fat_tailed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw from Student's t with unit variance."""
    return np.asarray(rng.standard_t(TAIL_DEGREES, size=shape) * np.sqrt((TAIL_DEGREES - 2.0) / TAIL_DEGREES))


if __name__ == "__main__":
    _folder, _n_instruments, _n_sessions, *_last = sys.argv[1:]
    _day = dt.date.fromisoformat(_last[0]) if _last else LAST
    GeneratedMarket(int(_n_instruments), int(_n_sessions), _day).write(Path(_folder))
