"""Reads a lake with DuckDB and with pyarrow, and prints counts and sums of each table as one JSON object.

python read_lake.py LAKE        needs the packages duckdb and pyarrow
"""

import json
import pathlib
import sys

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

NUMBERS = {
    "readings": "value",
    "tier_10s": "mean",
    "tier_1m": "mean",
    "tier_10m": "mean",
    "aggregates": "seq",
    "anomalies": "value",
    "alerts": "count",
}
TIMES = {"readings": "time", "tier_10s": "start", "tier_1m": "start", "tier_10m": "start",
         "aggregates": "start", "anomalies": "time", "alerts": "time"}
DEVICES = {"aggregates": "key"}


def by_duckdb(folder, table):
    device, number, time = DEVICES.get(table, "device"), NUMBERS[table], TIMES[table]
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    rows = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true, union_by_name = true)"
    count, total, devices, dates, first, last = con.execute(
        f"select count(*), sum({number}), count(distinct {device}), count(distinct date), "
        f"epoch_us(min({time})), epoch_us(max({time})) from {rows}").fetchone()
    found = {"rows": count, "sum": float(total or 0), "devices": devices, "dates": dates, "first": first, "last": last}
    if table == "readings":
        pairs = lambda sql: dict(con.execute(sql).fetchall())
        found["quality"] = pairs(f"select quality, count(*) from {rows} group by all")
        found["late"] = con.execute(f"select count(*) from {rows} where late").fetchone()[0]
        found["states"] = pairs(f"select state, count(*) from {rows} where state is not null group by all")
        found["distinct_seq"] = con.execute(f"select count(distinct seq) from {rows}").fetchone()[0]
    if table.startswith("tier"):
        count, weight = con.execute(f"select sum(count), sum(count * mean) from {rows}").fetchone()
        found["count"], found["weight"] = int(count), round(weight, 6)
    return found


def by_pyarrow(folder, table):
    device, number, time = DEVICES.get(table, "device"), NUMBERS[table], TIMES[table]
    rows = ds.dataset(folder, format="parquet", partitioning="hive").to_table()
    micros = rows[time].cast("int64")
    found = {
        "rows": rows.num_rows,
        "sum": float(pc.sum(rows[number]).as_py() or 0),
        "devices": pc.count_distinct(rows[device]).as_py(),
        "dates": pc.count_distinct(rows["date"]).as_py(),
        "first": pc.min(micros).as_py(),
        "last": pc.max(micros).as_py(),
    }
    if table == "readings":
        counts = lambda column: {pair["values"]: pair["counts"] for pair in pc.value_counts(column).to_pylist()}
        found["quality"] = counts(rows["quality"])
        found["late"] = pc.sum(rows["late"]).as_py()
        found["states"] = counts(rows["state"].drop_null())
        found["distinct_seq"] = pc.count_distinct(rows["seq"]).as_py()
    if table.startswith("tier"):
        found["count"] = pc.sum(rows["count"]).as_py()
        found["weight"] = round(pc.sum(pc.multiply(rows["count"].cast("double"), rows["mean"])).as_py(), 6)
    return found


def main():
    lake = pathlib.Path(sys.argv[1])
    found = {}
    for table in NUMBERS:
        folder = lake / table
        if any(folder.glob("*/*.parquet")):
            found[table] = {"duckdb": by_duckdb(folder, table), "pyarrow": by_pyarrow(folder, table)}
    print(json.dumps(found, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
