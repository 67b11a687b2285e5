"""What pandas says of a series: the features of two published sensor pipelines, and a few more.

Writes `fixtures/features/input.csv` and `fixtures/features/expected.csv`, which `tests/all/pandas.rs` reads; run it again with

    pip install pandas && python3 crates/testkit/python/features.py

An empty cell stands where the past is not full yet.
"""

import math
import pathlib

import numpy as np
import pandas as pd

ROWS = 420
FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "features"


def series():
    chance = np.random.RandomState(7)
    # Mostly a minute and a second apart, so that the hours go round; some closer, one long gap.
    steps = np.where(chance.random_sample(ROWS) < 0.15, 5, 61)
    steps[200] = 5_000
    seconds = 1_704_067_200 + np.cumsum(steps)
    wave = 21.0 + 4.0 * np.sin(np.arange(ROWS) * 0.07) + chance.normal(0.0, 0.5, ROWS)
    wave[120] = 95.0
    wave[250:262] = 20.5
    return pd.Series(np.round(wave, 6), index=pd.to_datetime(seconds, unit="s", utc=True), name="temperature")


def full(features, seconds):
    """Of a past by time: only once the series was first heard so long ago."""
    return features.where(features.index - features.index[0] >= pd.Timedelta(seconds=seconds))


def features(t):
    out = pd.DataFrame(index=t.index)
    # Seven of a detector's features: the value itself, the hour, and these.
    out["seven.temperature.hour_sin"] = [math.sin(2 * math.pi * h / 24) for h in t.index.hour]
    out["seven.temperature.hour_cos"] = [math.cos(2 * math.pi * h / 24) for h in t.index.hour]
    out["seven.temperature.difference"] = t.diff()
    last = t.rolling(10)
    out["seven.temperature.mean"] = last.mean()
    out["seven.temperature.std"] = last.std(ddof=0)
    out["seven.temperature.range"] = last.max() - last.min()
    # Rolling windows and lags.
    for count in (10, 60, 300):
        last = t.rolling(count)
        out[f"recent.temperature.mean_{count}"] = last.mean()
        out[f"recent.temperature.std_sample_{count}"] = last.std()
        out[f"recent.temperature.min_{count}"] = last.min()
        out[f"recent.temperature.max_{count}"] = last.max()
    for back in (1, 5, 10):
        out[f"recent.temperature.lag_{back}"] = t.shift(back)
    # More of a past: by readings, by time, and with a least number.
    last = t.rolling(25)
    out["more.temperature.median"] = last.median()
    out["more.temperature.p95"] = last.quantile(0.95)
    out["more.temperature.sum"] = last.sum()
    last = t.rolling("15min")
    out["timed.temperature.mean"] = full(last.mean(), 900)
    out["timed.temperature.median"] = full(last.median(), 900)
    out["timed.temperature.count"] = full(last.count(), 900)
    out["timed.temperature.max"] = full(last.max(), 900)
    least = t.rolling("15min", min_periods=5)
    out["least.temperature.mean"] = least.mean()
    out["least.temperature.variance_sample"] = least.var()
    # What fades: by readings, and by time.
    fading = t.ewm(halflife=20)
    out["fading.temperature.ewm_mean"] = fading.mean().where(np.arange(len(t)) >= 19)
    out["fading.temperature.ewm_std"] = fading.std(bias=True).where(np.arange(len(t)) >= 19)
    out["timed_fading.temperature.ewm_mean"] = full(t.ewm(halflife="20min", times=t.index).mean(), 1_200)
    return out


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    t = series()
    seconds = (t.index - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    given = pd.DataFrame({"time": seconds, "device": "press", "temperature": t.to_numpy()})
    given.to_csv(FOLDER / "input.csv", index=False)
    expected = features(t)
    expected.insert(0, "time", seconds)
    expected.to_csv(FOLDER / "expected.csv", index=False, float_format="%.13g")


if __name__ == "__main__":
    main()
