//! What people say to a running pipeline. It goes through the journal, so that a restart knows it, too.

use ouzel_engine::time::Time;
use serde::{Deserialize, Serialize};

/// A control record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// When it was said.
    pub at: Time,
    /// Who said it, as far as is known.
    pub by: String,
    /// What was said.
    pub what: Order,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// The process has started; silence counts from here.
    Start,
    /// Somebody has seen the alert and takes care of it.
    Acknowledge {
        /// The alert's id, 32 hexadecimal digits.
        alert: String,
        /// What they say of it; may be empty.
        note: String,
    },
    /// Nobody is to be told of the alert until then.
    Silence {
        /// The alert's id, 32 hexadecimal digits.
        alert: String,
        /// Until when.
        until: Time,
    },
}
