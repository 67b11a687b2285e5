//! Drives the sinks: gives each what came out, and closes them in the end.

use ouzel_connect::encode::Book;
use ouzel_connect::fault::Fault;
use ouzel_connect::sink::{self, Sink, SinkSettings};
use ouzel_connect::source::Rejected;
use ouzel_engine::output::Output;
use ouzel_engine::plan::Plan;
use ouzel_engine::series::Names;

/// The sinks of a stream, by name.
#[derive(Default)]
pub struct Outlet {
    sinks: Vec<(String, Box<dyn Sink>)>,
}

impl Outlet {
    /// Opens all sinks.
    ///
    /// # Errors
    /// When one cannot be opened; says which and why.
    pub fn open(settings: &[(String, SinkSettings)], plan: &Plan) -> Result<Outlet, Fault> {
        let open = |(name, settings): &(String, SinkSettings)| {
            let sink = sink::open(settings, plan).map_err(|fault| named(name, fault))?;
            Ok((name.clone(), sink))
        };
        Ok(Outlet { sinks: settings.iter().map(open).collect::<Result<_, Fault>>()? })
    }

    /// Adds a sink that was opened already.
    pub fn add(&mut self, name: &str, sink: Box<dyn Sink>) {
        self.sinks.push((name.to_owned(), sink));
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        self.sinks.is_empty()
    }

    /// Gives outputs and rejected input to every sink, also to those behind one that cannot write; each takes the nouns
    /// it wants.
    ///
    /// # Errors
    /// The first fault, where a sink cannot write.
    pub fn write(
        &mut self,
        outputs: &[Output],
        rejected: &[Rejected],
        names: &Names,
        plan: &Plan,
    ) -> Result<(), Fault> {
        let mut first = Ok(());
        for (name, sink) in &mut self.sinks {
            let mut written = sink.write(outputs, &Book { names, plan });
            if !rejected.is_empty() {
                written = written.and(sink.reject(rejected));
            }
            first = first.and(written.map_err(|fault| named(name, fault)));
        }
        first
    }

    /// Hands on what is in buffers, for a live run that has nothing else to do.
    ///
    /// # Errors
    /// The first fault, where a sink cannot write.
    pub fn flush(&mut self) -> Result<(), Fault> {
        let mut first = Ok(());
        for (name, sink) in &mut self.sinks {
            let flushed = sink.flush().map_err(|fault| named(name, fault));
            first = first.and(flushed);
        }
        first
    }

    /// Writes what is left and closes every sink, also those behind one that cannot; a closed pipe must not cost the
    /// files beside it their last rows.
    ///
    /// # Errors
    /// The first fault, where a sink cannot write.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let mut first = Ok(());
        for (name, sink) in &mut self.sinks {
            let closed = sink.finish().map_err(|fault| named(name, fault));
            first = first.and(closed);
        }
        first
    }
}

fn named(name: &str, fault: Fault) -> Fault {
    if sink::is_closed(&fault) { fault } else { Fault { what: format!("sink `{name}`: {}", fault.what), ..fault } }
}
