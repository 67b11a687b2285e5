//! Columns of tags, read row by row to see that a device says other tags of itself than before.

use super::text_of;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use std::sync::Arc;

/// A column of tags, of which each row is looked at.
pub(super) enum TagColumn {
    Texts(StringArray),
    Other(ArrayRef),
}

impl TagColumn {
    pub(super) fn of(column: &ArrayRef) -> Option<TagColumn> {
        if !matches!(
            column.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
        ) {
            return Some(TagColumn::Other(Arc::clone(column)));
        }
        let texts = cast(column, &DataType::Utf8).ok()?;
        Some(TagColumn::Texts(texts.as_string_opt()?.clone()))
    }

    /// The text of a row; empty where there is none.
    pub(super) fn read(&self, row: usize, into: &mut String) {
        into.clear();
        match self {
            TagColumn::Texts(texts) if texts.is_valid(row) => into.push_str(texts.value(row)),
            TagColumn::Texts(_) => {}
            TagColumn::Other(column) => into.push_str(&text_of(column, row)),
        }
    }
}
