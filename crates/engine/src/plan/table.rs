//! A join with a table: which columns of it become channels, at each reading of a device that has a row.

use serde::{Deserialize, Serialize};

/// What a table gives at each reading. Where the file is, and what its columns of names are called, is the pipeline's to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableSpec {
    /// The value is multiplied by this.
    pub scale: Option<Factor>,
    /// This is added to it then.
    pub offset: Option<Factor>,
    /// Columns of numbers that become channels.
    pub give: Vec<String>,
}

/// A number for each device, or one for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Factor {
    /// A column of the table; an empty cell changes nothing.
    Column(String),
    /// The same for all.
    Plain(f64),
}

impl TableSpec {
    /// The word for the scaled value in channel names.
    pub const VALUE: &str = "value";

    /// Whether it gives the value, scaled.
    pub fn scales(&self) -> bool {
        self.scale.is_some() || self.offset.is_some()
    }

    /// What it gives, in channel names: the value first.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let value = self.scales().then_some(TableSpec::VALUE);
        value.into_iter().chain(self.give.iter().map(String::as_str))
    }
}
