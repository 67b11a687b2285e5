//! Results at rest: Parquet files, what no file holds yet, tiers.
