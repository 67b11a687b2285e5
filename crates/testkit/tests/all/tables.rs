//! What must hold of joins with tables, for every stream and every history of versions: what they give is what a slow
//! look-up gives, and batches, shards, stops and kills change nothing of it.

use super::laws::config;
use super::oracle::{Script, Sent, agree_on, stream};
use ouzel_engine::table::{Builder, Table};
use ouzel_pipeline::config::InForce;
use ouzel_testkit::play::{Recorded, first_difference};
use ouzel_testkit::recovery::Journalled;
use proptest::prelude::*;
use std::sync::Arc;

const CONFIG: &str = r#"
[filter.calm]
on = ["x", "y"]
when = "y < 60"

[join.plates]
table = "plates.csv"
on = ["x", "y", "calm.x"]
scale = "gain"
offset = "zero"
give = ["high"]

[filter.hot]
on = ["x", "y"]
when = "x > plates.x.high or y > plates.y.high"
tell = true

[filter.low]
on = "plates.x.value"
when = "plates.x.value < plates.x.high"
do = "drop"

[window.each]
over = ["plates.x.value", "plates.x.high", "plates.y.value", "plates.y.high"]
count = 1
give = ["last"]

[window.some]
over = ["hot.x", "hot.y", "low.plates.x.value"]
size = "5s"
give = ["count", "sum", "last"]

[window.cold]
over = "plates.calm.x.value"
size = "7s"

[detector.far]
type = "zscore"
on = ["plates.x.value", "plates.y.high"]
past = "20"
min = 3
warning = 1.5
"#;

const DEVICES: [&str; 4] = ["ant", "boiler", "press-1", "press-10"];

/// A version; devices and cells may be missing. With `by_channel` rows are about channels.
fn version() -> impl Strategy<Value = Arc<Table>> {
    let cell = prop_oneof![1 => Just(f64::NAN), 3 => (-2i32..5).prop_map(f64::from), 1 => Just(20.4)];
    let rows = prop::collection::btree_map((0..4usize, 0..3usize), prop::array::uniform3(cell), 0..7);
    (rows, any::<bool>()).prop_map(|(rows, by_channel)| {
        let columns = ["gain", "zero", "high"].map(str::to_owned).to_vec();
        let mut builder = Builder::new(columns, Vec::new(), by_channel);
        for ((device, channel), cells) in rows.into_iter().filter(|row| by_channel || row.0.1 == 0) {
            let about = (DEVICES[device], ["x", "y", "calm.x"][channel]);
            builder.push(about, cells.into_iter(), std::iter::empty()).unwrap();
        }
        Arc::new(builder.finish().unwrap())
    })
}

/// Versions, and the readings from which they are in force; the first may be in force before the first reading.
fn history() -> impl Strategy<Value = Vec<(usize, Arc<Table>)>> {
    prop::collection::vec((prop_oneof![1 => Just(1usize), 4 => 1usize..150], version()), 0..5)
}

fn recorded(config: &InForce, sent: Vec<Sent>, late: [i64; 4], history: Vec<(usize, Arc<Table>)>) -> Recorded {
    let script = Script { sent, next: 0, late, step: super::oracle::STEP };
    let mut recorded = Recorded::of(&config.plan, vec![Box::new(script)]).unwrap();
    for (reading, table) in history {
        recorded.change_tables(reading, vec![("plates".to_owned(), table)]);
    }
    recorded
}

fn late() -> impl Strategy<Value = [i64; 4]> {
    prop::array::uniform4(prop_oneof![1 => Just(0i64), 2 => 0i64..12])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn tables_give_what_a_slow_look_up_gives(sent in stream(4, 150), late in late(), history in history()) {
        // What has passed a filter goes on when its moment is over, and the oracle does not say by which input that is.
        let others = CONFIG.replace(", \"calm.x\"]", "]").replace("over = \"plates.calm.x.value\"", "over = \"x\"");
        let config = InForce::read(&others).unwrap();
        let recorded = recorded(&config, sent, late, history);
        agree_on(&config.plan, &recorded).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn batches_shards_stops_and_kills_change_nothing_of_what_tables_give(
        sent in stream(4, 80), late in late(), history in history(),
        rows in 1usize..12, shards in 1usize..6, after in 1usize..6, stop in 0f64..1.0, seed in any::<u32>(),
    ) {
        let config = InForce::read(CONFIG).unwrap();
        let recorded = recorded(&config, sent, late, history);
        let straight = recorded.play(&config.plan, usize::MAX, 1);
        let same = |way: &str, bytes: &str| {
            prop_assert!(straight.bytes == bytes, "{way}:\n{}", first_difference(&straight.bytes, bytes));
            Ok(())
        };
        same("batches of one", &recorded.play(&config.plan, 1, 1).bytes)?;
        same("batches and shards", &recorded.play(&config.plan, rows, shards).bytes)?;
        let stop = (stop * recorded.rows as f64) as usize;
        for stop in [stop, recorded.rows] {
            let resumed = recorded.play_with_stop(&config.plan, stop, shards, after).map_err(TestCaseError::fail)?;
            same(&format!("a stop before row {stop}"), &resumed.bytes)?;
        }
        let journalled = Journalled::of(&config, recorded.records(rows)).map_err(TestCaseError::fail)?;
        let whole = journalled.straight().map_err(TestCaseError::fail)?;
        same("by way of the disk", &whole.outcome.bytes)?;
        for seed in u64::from(seed)..u64::from(seed) + 6 {
            let (told, _) = journalled.killed(seed).map_err(|why| TestCaseError::fail(format!("seed {seed}: {why}")))?;
            prop_assert!(told == whole, "seed {seed}: the output log of a killed run differs");
        }
    }
}
