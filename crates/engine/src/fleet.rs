//! What only the whole can tell: the outputs of all shards in one order, and the alert book over them.
//!
//! Shards work on their own devices; here their outputs of the same stretch of input are merged by place (input, device
//! name, node, ordinal), which makes the shard count invisible; what devices have of windows of several is put together,
//! and alerts are added in their places.

use crate::alert::Book;
use crate::group::GroupWindows;
use crate::output::{Alert, Output, What};
use crate::plan::Plan;
use crate::reading::{Reading, StreamClock};
use crate::series::{Device, Names};
use hashbrown::{HashMap, HashSet};

/// Stands before a state of more than alerts: no number is written so.
const MARK: [u8; 11] = [0xFF; 11];

/// The end of the way: outputs in order, alerts among them.
#[derive(Debug)]
pub struct Fleet {
    book: Book,
    groups: GroupWindows,
    /// Alerts stand behind all operators: the node number of the first rule.
    first_rule: u16,
}

impl Fleet {
    /// The fleet of a plan, without any trouble yet.
    pub fn new(plan: &Plan) -> Fleet {
        Fleet { book: Book::new(plan), groups: GroupWindows::new(plan), first_rule: plan.operators.len() as u16 }
    }

    /// Takes the stream's clock back, before the state.
    pub fn resume(&mut self, clock: StreamClock) {
        self.groups.resume(clock);
    }

    /// Takes the outputs of every shard over one stretch of input, the ticks of that stretch with their numbers, and the number of the
    /// input's end if it has ended; leaves all of it in `outputs`, in order, with the alerts that follow from it.
    pub fn gather(
        &mut self,
        outputs: &mut Vec<Output>,
        shards: usize,
        ticks: &[(u64, Reading)],
        end: Option<u64>,
        names: &Names,
    ) {
        self.group(outputs, shards, names, |groups, outputs, say| {
            let mut ticks = ticks.iter().peekable();
            for output in outputs {
                while let Some((number, tick)) = ticks.peek().filter(|(number, _)| *number < output.input) {
                    groups.tick(*number, tick, names, say);
                    ticks.next();
                }
                if let What::Part(part) = &output.what {
                    groups.hear(output.input, output.node, part, names, say);
                }
            }
            groups.settle(names, say);
            for (number, tick) in ticks {
                groups.tick(*number, tick, names, say);
            }
            if let Some(number) = end {
                groups.end(number, names, say);
            }
        });
        self.alerts(outputs, shards, names, |book, outputs, add| {
            let mut ticks = ticks.iter().peekable();
            for output in outputs {
                while let Some((number, tick)) = ticks.peek().filter(|(number, _)| *number < output.input) {
                    book.tick(tick, |alert| add(*number, alert));
                    ticks.next();
                }
                book.hear(output.node, &output.what, |alert| add(output.input, alert));
            }
            for (number, tick) in ticks {
                book.tick(tick, |alert| add(*number, alert));
            }
        });
    }

    /// The same for what every shard gave when these devices were retired, as input `number`: their alerts are over.
    pub fn retire(
        &mut self,
        outputs: &mut Vec<Output>,
        shards: usize,
        (number, devices): (u64, &[Device]),
        names: &Names,
    ) {
        self.group(outputs, shards, names, |groups, outputs, say| {
            for output in outputs {
                if let What::Part(part) = &output.what {
                    groups.hear(output.input, output.node, part, names, say);
                }
            }
            groups.retire(number, devices, names, say);
        });
        let gone: HashSet<Device> = devices.iter().copied().collect();
        self.alerts(outputs, shards, names, |book, outputs, add| {
            for output in outputs {
                book.hear(output.node, &output.what, |alert| add(output.input, alert));
            }
            book.retire(|series| gone.contains(&names.of(series).0), |alert| add(number, alert));
        });
    }

    /// Puts outputs in order, and in the place of parts the aggregates of groups that follow from them.
    fn group(
        &mut self,
        outputs: &mut Vec<Output>,
        shards: usize,
        names: &Names,
        follow: impl FnOnce(&mut GroupWindows, &[Output], &mut dyn FnMut(Output)),
    ) {
        if self.groups.is_empty() {
            return;
        }
        if shards > 1 {
            by_place(outputs, names);
        }
        let mut results: Vec<Output> = Vec::new();
        follow(&mut self.groups, outputs, &mut |output| results.push(output));
        outputs.retain(|output| !matches!(output.what, What::Part(_)));
        // One input may close several windows of a group.
        let mut before: HashMap<(u64, Device, u16), u32> = HashMap::new();
        for result in &mut results {
            let count = before.entry((result.input, result.device, result.node)).or_default();
            result.ordinal = *count;
            *count += 1;
        }
        outputs.append(&mut results);
        by_place(outputs, names);
    }

    /// Puts outputs in order, and the alerts that `follow` from them in their places.
    fn alerts(
        &mut self,
        outputs: &mut Vec<Output>,
        shards: usize,
        names: &Names,
        follow: impl FnOnce(&mut Book, &[Output], &mut dyn FnMut(u64, Alert)),
    ) {
        if shards > 1 {
            by_place(outputs, names);
        }
        if !self.book.listens() {
            return;
        }
        let mut alerts = Vec::new();
        let first_rule = self.first_rule;
        follow(&mut self.book, outputs, &mut |input, alert| {
            let device = names.of(alert.series).0;
            let node = first_rule + alert.rule;
            alerts.push(Output { input, device, node, ordinal: 0, what: What::Alert(Box::new(alert)) });
        });
        if !alerts.is_empty() {
            outputs.append(&mut alerts);
            by_place(outputs, names);
        }
    }

    /// The alerts that are firing, each as its last change left it, in the order of rules.
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.book.open().cloned().collect()
    }

    /// How many alerts are firing.
    pub fn firing(&self) -> usize {
        self.book.firing()
    }

    /// Parts that came after their group's window had closed.
    pub fn missed(&self) -> u64 {
        self.groups.missed()
    }

    /// The state, as bytes.
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        crate::checkpoint::append(&(self.book.save(), self.groups.save()), &mut bytes);
        bytes
    }

    /// Takes the state back.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        // The first builds had the alert book alone, without a mark.
        let Some(bytes) = bytes.strip_prefix(&MARK) else { return self.book.restore(bytes) };
        let (book, groups): (Vec<u8>, Vec<u8>) = postcard::from_bytes(bytes)?;
        self.book.restore(&book)?;
        self.groups.restore(&groups)
    }
}

/// Sorts by place. Alerts of one place go by channel and then keep their order, and get ordinals.
fn by_place(outputs: &mut [Output], names: &Names) {
    let channel = |of: &Output| names.channel_name(names.of(of.what.series()).1);
    outputs.sort_by(|a, b| {
        a.input
            .cmp(&b.input)
            .then_with(|| names.device_name(a.device).cmp(names.device_name(b.device)))
            .then(a.node.cmp(&b.node))
            .then(a.ordinal.cmp(&b.ordinal))
            .then_with(|| channel(a).cmp(channel(b)))
    });
    for i in 1..outputs.len() {
        let (before, this) = (&outputs[i - 1], &outputs[i]);
        let twin = matches!(this.what, What::Alert(_))
            && (before.input, before.device, before.node) == (this.input, this.device, this.node);
        if twin {
            outputs[i].ordinal = before.ordinal.saturating_add(1);
        }
    }
}
