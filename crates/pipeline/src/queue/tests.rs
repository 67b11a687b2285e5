//! Laws of the queue under all policies, and what its source and people hear of it.

use super::*;
use ouzel_connect::source::Rejected;
use ouzel_connect::source::live::Ack;
use ouzel_engine::reading::Reading;
use ouzel_engine::series::{Declaration, Device, Series};
use ouzel_engine::time::Time;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

const DISK: &str = "the disk of the journal is full";

const REFUSED: Fate = Fate::Refused { why: DISK };

type Fates = Arc<Mutex<Vec<(usize, Fate)>>>;

fn packet(number: usize, size: usize, fates: &Fates) -> Packet {
    let fates = Arc::clone(fates);
    Packet {
        rows: vec![Reading::new(Series(0), Time(number as i64), 0.0); size],
        ack: Some(Ack::new(move |fate| fates.lock().unwrap().push((number, fate)))),
        ..Packet::default()
    }
}

fn name(number: usize) -> Declaration {
    Declaration::Series { series: Series(number as u32), device: Device(0), channel: "heat".to_owned() }
}

fn queue(holds: u64, when_full: WhenFull) -> (Queue, Arc<Counters>) {
    let counters = Arc::new(Counters { sources: vec![SourceCounters::default()].into(), ..Counters::default() });
    (Queue::new(QueueSettings { holds, when_full, spill: 0 }, Arc::default(), Arc::clone(&counters), 0), counters)
}

fn take(queue: &Queue, most: u64) -> Vec<Packet> {
    let mut taken = Vec::new();
    queue.take(most, &mut taken);
    taken.into_iter().map(|(_, packet)| packet).collect()
}

#[derive(Clone, Debug)]
enum Move {
    Put { size: usize, waits: bool },
    Take(u64),
    Refuse(bool),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => (0usize..20, any::<bool>()).prop_map(|(size, waits)| Move::Put { size, waits }),
        2 => (0u64..30).prop_map(Move::Take),
        1 => any::<bool>().prop_map(Move::Refuse),
        1 => (0u64..3_000).prop_map(Move::Wait),
    ];
    proptest::collection::vec(one, 0..100)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Under every policy: readings in are readings out, dropped and held, by reason, too. Each packet is taken out once,
    /// in order, or its sender hears once what became of it. All names come out, in order, before they are used.
    #[test]
    fn in_is_out_and_dropped_and_held(
        holds in 1u64..50,
        (_, when_full) in proptest::sample::select(WhenFull::ALL.to_vec()),
        moves in moves(),
    ) {
        let (queue, counters) = queue(holds, when_full);
        let (fates, source) = (Fates::default(), &counters.sources[0]);
        let (mut taken, mut entered, mut now, mut refused) = (Vec::new(), Vec::new(), Instant::now(), false);
        for (number, step) in moves.iter().enumerate() {
            match *step {
                Move::Put { size, waits } => {
                    let mut new = Some(Packet {
                        declarations: vec![name(number)],
                        waits,
                        ..packet(number, size, &fates)
                    });
                    if queue.offer(&mut new, now) {
                        prop_assert!(new.is_none());
                        entered.push(number);
                    } else {
                        prop_assert!(when_full.waits() && !(waits && refused));
                        drop(Blocked(&queue));
                    }
                }
                Move::Take(most) => {
                    let mut packets = Vec::new();
                    queue.take_at(now, most, &mut packets);
                    taken.extend(packets.into_iter().map(|(_, packet)| packet));
                }
                Move::Refuse(refuse) => {
                    refused = refuse;
                    queue.refuse(refuse.then_some(DISK));
                }
                Move::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    queue.crossed(now);
                    queue.dropping(now);
                }
            }
            let out: u64 = taken.iter().map(|packet: &Packet| packet.rows.len() as u64).sum();
            prop_assert_eq!(source.received.get(), out + source.dropped.get() + source.held.get() as u64);
            prop_assert_eq!(source.dropped.get(), source.drops.all().iter().map(|(_, count)| count.get()).sum::<u64>());
            prop_assert!(source.used.get() as u64 <= holds.max(20));
            prop_assert!(source.held.get() <= source.used.get());
            let pressing = queue.pressure().get();
            prop_assert_eq!(pressing.high_since.is_some(), pressing.level >= Pressure::HIGH);
            prop_assert_eq!((pressing.refused.is_some(), pressing.waits), (refused, when_full.waits()));
            prop_assert!((1..=10).contains(&pressing.retry_after));
        }
        queue.refuse(None);
        taken.append(&mut take(&queue, u64::MAX));
        // Whatever was given up: the next packet brings its names.
        prop_assert!(queue.offer(&mut Some(packet(moves.len(), 1, &fates)), now));
        let last = take(&queue, 1);
        let names: Vec<_> = taken.iter().chain(&last).flat_map(|packet| packet.declarations.clone()).collect();
        prop_assert_eq!(names, entered.iter().map(|&number| name(number)).collect::<Vec<_>>());
        let mut said: HashMap<usize, Fate> = HashMap::new();
        for &(number, fate) in fates.lock().unwrap().iter() {
            prop_assert!([Fate::Dropped, REFUSED].contains(&fate));
            prop_assert!(said.insert(number, fate).is_none());
        }
        prop_assert!(!when_full.waits() || said.values().all(|fate| *fate != Fate::Dropped));
        let order: Vec<_> = taken.iter().filter_map(|packet| packet.rows.first()).map(|row| row.time).collect();
        prop_assert!(order.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(taken.len() + said.len(), entered.len());
    }
}

#[test]
fn the_oldest_goes_and_its_names_stay() {
    let (queue, counters) = queue(10, WhenFull::DropOldest);
    let fates = Arc::default();
    let first = Packet { declarations: vec![name(0)], ..packet(0, 6, &fates) };
    assert!(queue.offer(&mut Some(first), Instant::now()));
    assert!(queue.offer(&mut Some(packet(1, 6, &fates)), Instant::now()));
    let taken = take(&queue, 100);
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].declarations, [name(0)]);
    assert_eq!(*fates.lock().unwrap(), [(0, Fate::Dropped)]);
    let source = &counters.sources[0];
    assert_eq!((source.dropped.get(), source.drops.oldest.get()), (6, 6));
}

#[test]
fn names_of_a_new_packet_that_is_given_up_do_not_overtake_those_that_wait() {
    let (queue, _) = queue(10, WhenFull::DropNewest);
    let fates = Arc::default();
    for number in 0..2 {
        let new = Packet { declarations: vec![name(number)], ..packet(number, 6, &fates) };
        assert!(queue.offer(&mut Some(new), Instant::now()));
    }
    assert_eq!(take(&queue, 100)[0].declarations, [name(0)]);
    assert!(queue.offer(&mut Some(packet(2, 6, &fates)), Instant::now()));
    assert_eq!(take(&queue, 100)[0].declarations, [name(1)]);
}

#[test]
fn any_packet_may_be_given_up_and_each_as_likely_as_the_others() {
    const HOLDS: usize = 50;
    let (queue, counters) = queue(HOLDS as u64, WhenFull::DropRandom);
    let fates = Arc::default();
    for number in 0..40 * HOLDS {
        assert!(queue.offer(&mut Some(packet(number, 1, &fates)), Instant::now()));
    }
    let kept: Vec<_> = take(&queue, u64::MAX).iter().map(|packet| packet.rows[0].time.0).collect();
    assert_eq!(kept.len(), HOLDS);
    assert_eq!(counters.sources[0].drops.random.get(), 39 * HOLDS as u64);
    // Had the newest been kept, or the oldest, none of the others would be among them.
    assert!(kept[0] < 39 * HOLDS as i64 && kept[0] >= HOLDS as i64, "{kept:?}");
}

#[test]
fn a_queue_that_samples_fills_ever_more_slowly() {
    let (queue, counters) = queue(100, WhenFull::Sample);
    let fates = Arc::default();
    let mut needed = Vec::new();
    for number in 0..100_000 {
        assert!(queue.offer(&mut Some(packet(number, 1, &fates)), Instant::now()));
        let used = counters.sources[0].used.get() as usize;
        if needed.len() < used {
            needed.push(number + 1);
        }
    }
    assert_eq!(needed[79], 80);
    // Each step of five packets takes as many as its share says, but for where in the last block the kept one stands.
    for (from, to, of) in [(80, 85, 2), (85, 90, 4), (90, 95, 8), (95, 100, 16)] {
        let came = needed[to - 1] - needed[from - 1];
        assert!((4 * of..=6 * of).contains(&came), "{from} to {to}: {came}");
    }
    // Full: everything goes.
    let source = &counters.sources[0];
    assert_eq!((source.used.get(), source.drops.sampled.get()), (100, 99_900));
}

#[tokio::test]
async fn who_may_wait_waits_until_there_is_room() {
    for when_full in [WhenFull::Block, WhenFull::Spill] {
        let (queue, _) = queue(10, when_full);
        let (queue, fates) = (Arc::new(queue), Arc::default());
        queue.put(packet(0, 10, &fates)).await;
        let waiting = {
            let (queue, packet) = (Arc::clone(&queue), packet(1, 1, &fates));
            tokio::spawn(async move { queue.put(packet).await })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        take(&queue, 1);
        waiting.await.unwrap();
        assert_eq!(take(&queue, 1).len(), 1);
        assert_eq!(queue.oldest(), None);
    }
}

#[tokio::test]
async fn who_waits_for_an_answer_hears_at_once_that_nothing_can_be_kept() {
    let (queue, counters) = queue(10, WhenFull::Block);
    let (queue, fates) = (Arc::new(queue), Fates::default());
    let stands = |number| Packet { waits: true, ..packet(number, 4, &fates) };
    queue.put(stands(0)).await;
    queue.put(packet(1, 4, &fates)).await;
    let waiting = {
        let (queue, packet) = (Arc::clone(&queue), stands(2));
        tokio::spawn(async move { queue.put(packet).await })
    };
    tokio::task::yield_now().await;
    queue.refuse(Some(DISK));
    waiting.await.unwrap();
    queue.put(stands(3)).await;
    let mut told = fates.lock().unwrap().clone();
    told.sort_unstable_by_key(|(number, _)| *number);
    assert_eq!(told, [0, 2, 3].map(|number| (number, REFUSED)));
    assert_eq!(queue.pressure().get().refused, Some(DISK));
    let source = &counters.sources[0];
    assert_eq!((source.drops.refused.get(), source.held.get()), (12, 4));
    // It is told otherwise, and is no matter of the policy.
    assert_eq!(queue.dropping(Instant::now()), None);
    queue.refuse(None);
    queue.put(stands(4)).await;
    assert_eq!(take(&queue, 100).len(), 2);
    assert_eq!(queue.pressure().get().refused, None);
}

#[test]
fn people_hear_of_a_queue_that_fills_and_of_one_that_empties() {
    const WHILE: Duration = Duration::from_secs(1);
    let (queue, _) = queue(100, WhenFull::DropNewest);
    let fates = Arc::default();
    let (mut heard, mut now) = (Vec::new(), Instant::now());
    let mut look = |left: usize| {
        queue.crossed(now);
        now += WHILE;
        heard.extend(queue.crossed(now).map(|fullness| (left, fullness)));
    };
    for number in 0..100 {
        assert!(queue.offer(&mut Some(packet(number, 1, &fates)), Instant::now()));
        look(number + 1);
    }
    for left in (0..100).rev() {
        take(&queue, 1);
        look(left);
    }
    let expected = [(80, Fullness::High), (95, Fullness::Full), (79, Fullness::High), (69, Fullness::Fine)];
    assert_eq!(heard, expected);
}

#[test]
fn people_hear_that_much_is_given_up_and_when_it_is_well_again() {
    let (queue, _) = queue(100, WhenFull::DropNewest);
    let (fates, mut now) = (Arc::default(), Instant::now());
    let mut heard = Vec::new();
    for second in 0..200 {
        for _ in 0..if (50..60).contains(&second) { 120 } else { 90 } {
            assert!(queue.offer(&mut Some(packet(0, 1, &fates)), now));
        }
        heard.extend(queue.dropping(now).map(|said| (second, said)));
        queue.take_at(now, u64::MAX, &mut Vec::new());
        now += Duration::from_secs(1);
    }
    // In the seconds 50 to 59 20 of 120 are too many: 60 of 50 times 90 and 3 times 120 are the first that are more than
    // 1 %, and of the seconds 59 to 118 it is only 20 that were given up.
    let much = Dropping::Much { dropped: 60, received: 4_860, policy: WhenFull::DropNewest };
    assert_eq!(heard, [(52, much), (118, Dropping::Little)]);
}

#[test]
fn a_source_sees_how_its_queue_stands_and_people_when_it_will_be_full() {
    let (queue, counters) = queue(1_000, WhenFull::Block);
    let (fates, begin) = (Arc::default(), Instant::now());
    let (source, pressure) = (&counters.sources[0], queue.pressure());
    assert!(pressure.get().waits && pressure.get().high_since.is_none());
    // Two packets of 50 come in a second, and one goes.
    for second in 0..17 {
        let now = begin + Duration::from_secs(second) + Duration::from_millis(500);
        for _ in 0..2 {
            assert!(queue.offer(&mut Some(packet(0, 50, &fates)), now));
        }
        let left = 1_000 - source.used.get() as u64;
        let full_in = (second > 0).then(|| Duration::from_millis(left * 1_000 / 50));
        assert_eq!(source.full_in.get(), full_in, "{second}");
        queue.take_at(now, 50, &mut Vec::new());
    }
    assert!(source.utilisation() > 0.8, "{}", source.utilisation());
    let pressing = pressure.get();
    assert!(pressing.level > 0.8 && pressing.high_since > Some(begin));
    // From 85 % to 70 % it is as far as what leaves in three seconds.
    assert_eq!(pressing.retry_after, 3);
    // Somebody waits: it is full, whatever its share.
    assert!(!queue.offer(&mut Some(packet(0, 900, &fates)), begin + Duration::from_secs(17)));
    assert_eq!(pressure.get().level, 1.0);
    // Nothing moves any more.
    queue.crossed(begin + Duration::from_secs(40));
    assert_eq!(source.full_in.get(), None);
    assert_eq!(pressure.get().retry_after, 10);
}

#[test]
fn messages_that_cannot_be_read_fill_a_queue_too() {
    let (queue, counters) = queue(100, WhenFull::DropNewest);
    let rejected = Rejected { source: "a".into(), line: 1, reason: "bad".into(), text: "x".repeat(200) };
    for _ in 0..10 {
        let bad = Packet { rejected: vec![rejected.clone(); 3], ..Packet::default() };
        assert!(queue.offer(&mut Some(bad), Instant::now()));
    }
    assert_eq!(take(&queue, 1_000).len(), 2);
    assert_eq!(counters.sources[0].received.get(), 0);
}
