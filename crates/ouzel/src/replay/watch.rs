//! The progress bar: looks over the shoulder of the sources to see how far they are.

use super::inputs::Inputs;
use crate::screen;
use indicatif::{ProgressBar, ProgressStyle};
use ouzel_connect::fault::Fault;
use ouzel_connect::source::{Rows, Source};
use ouzel_engine::series::Names;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bar, if there is one.
pub struct Watch {
    bar: Option<ProgressBar>,
}

/// A source that moves the bar on when it is read.
struct Watched {
    source: Box<dyn Source>,
    read: Arc<[Arc<AtomicU64>]>,
    bar: ProgressBar,
}

impl Watch {
    /// The sources of these inputs; with a progress bar if it is `shown` and somebody watches.
    pub fn over(inputs: Inputs, shown: bool) -> (Vec<Box<dyn Source>>, Watch) {
        let Inputs { sources, read, size_bytes, .. } = inputs;
        if !shown || !screen::is_watched() {
            return (sources, Watch { bar: None });
        }
        let (bar, read) = (bar(size_bytes), Arc::from(read));
        let watched =
            |source| Box::new(Watched { source, read: Arc::clone(&read), bar: bar.clone() }) as Box<dyn Source>;
        (sources.into_iter().map(watched).collect(), Watch { bar: Some(bar) })
    }

    /// Clears the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Source for Watched {
    fn next(&mut self, names: &mut Names, into: &mut Rows) -> Result<bool, Fault> {
        let more = self.source.next(names, into);
        self.bar.set_position(self.read.iter().map(|read| read.load(Ordering::Relaxed)).sum());
        more
    }
}

fn bar(size_bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match size_bytes {
        Some(size) => (ProgressBar::new(size), "{wide_bar} {percent:>3} % of {total_bytes}, {eta} left"),
        None => (ProgressBar::no_length(), "{spinner} {bytes} in {elapsed}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is fixed and right"))
}
