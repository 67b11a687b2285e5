//! What stands behind the `?` of an address. Unknown names are let be; what cannot be understood is said.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query as Pairs};
use axum::http::request::Parts;
use ouzel_connect::decode::time::TimeReader;
use ouzel_connect::format::{TimeForm, Zone};
use ouzel_engine::time::{Span, Time};
use std::convert::Infallible;

/// The names and values of a query, in their order; names may repeat.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Infallible> {
        // Pairs of text can be made of every query; one that is none at all asks for nothing.
        Ok(Query(Pairs::try_from_uri(&parts.uri).map(|Pairs(pairs)| pairs).unwrap_or_default()))
    }
}

impl Query {
    /// The first value of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a name, which may repeat and may hold several with commas between them.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(key, _)| key == name).flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// A whole number; one above `high` counts as `high`.
    ///
    /// # Errors
    /// When it is not a whole number, or below `low`.
    pub fn whole(&self, name: &str, default: usize, low: usize, high: usize) -> Result<usize, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match text.parse::<usize>() {
            Ok(number) if number >= low => Ok(number.min(high)),
            _ => Err(Problem::bad(format!("`{name}` cannot be `{text}`; write a whole number from {low} to {high}"))),
        }
    }

    /// Numbers of series, ascending and each once; `None` where none are named.
    ///
    /// # Errors
    /// When one is not a number.
    pub fn series(&self) -> Result<Option<Vec<u32>>, Problem> {
        self.numbers("series")
    }

    /// The same of any name.
    ///
    /// # Errors
    /// When one is not a number.
    pub fn numbers(&self, name: &str) -> Result<Option<Vec<u32>>, Problem> {
        let list = self.list(name);
        let number = |text: &String| {
            let wrong = || Problem::bad(format!("`{name}` cannot have `{text}`; write numbers from /api/v1/meta"));
            text.parse::<u32>().map_err(|_| wrong())
        };
        let mut all = list.iter().map(number).collect::<Result<Vec<u32>, Problem>>()?;
        all.sort_unstable();
        all.dedup();
        Ok(Some(all).filter(|all| !all.is_empty()))
    }

    /// `from` and `to`; the last quarter of an hour where they are left out.
    ///
    /// # Errors
    /// When one is not a time, or they are the wrong way round.
    pub fn range(&self, now: Time) -> Result<(Time, Time), Problem> {
        let from = self.time("from", now)?.unwrap_or(now - Span::from_secs(900));
        let to = self.time("to", now)?.unwrap_or(now);
        if from >= to {
            return Err(Problem::bad(format!("`from` ({from}) must be earlier than `to` ({to})")));
        }
        Ok((from, to))
    }

    fn time(&self, name: &str, now: Time) -> Result<Option<Time>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || {
            let way = "write microseconds since 1970, 2024-01-01T00:00:00Z, now, or -15m";
            Problem::bad(format!("`{name}` cannot be `{text}`; {way}"))
        };
        if text == "now" {
            return Ok(Some(now));
        }
        if let Ok(micros) = text.parse::<i64>() {
            return micros.checked_mul(1_000).map(|nanos| Some(Time(nanos))).ok_or_else(wrong);
        }
        if let Some(back) = text.strip_prefix('-') {
            return Span::parse(back).map(|span| Some(now - span)).map_err(|_| wrong());
        }
        // A plus that was not escaped arrives as a space: 2024-01-01T00:00:00 02:00.
        let text = if text.contains('T') { text.replace(' ', "+") } else { text.to_owned() };
        let mut reader = TimeReader::new(&TimeForm::Rfc3339(Zone::default()))?;
        reader.read(text.as_bytes()).map(Some).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(10_000);

    fn query(text: &str) -> Query {
        let uri = format!("/x?{text}").parse().unwrap();
        Query(Pairs::try_from_uri(&uri).unwrap().0)
    }

    #[test]
    fn a_range_is_told_in_four_ways_and_is_the_last_quarter_by_default() {
        for (text, from, to) in [
            ("", 9_100, 10_000),
            ("from=-1h", 6_400, 10_000),
            ("from=0&to=now", 0, 10_000),
            ("from=5000000&to=-1000s", 5, 9_000),
            ("from=1970-01-01T00:00:10Z&to=1970-01-01T01:00:20+01:00", 10, 20),
        ] {
            assert_eq!(query(text).range(NOW), Ok((Time::from_secs(from), Time::from_secs(to))), "{text}");
        }
        for text in
            ["from=now", "from=yesterday", "from=-", "from=--5m", "to=99999999999999999999", "from=9223372036854775807"]
        {
            assert!(query(text).range(NOW).unwrap_err().what.contains("`from`") || text.starts_with("to"), "{text}");
        }
    }

    #[test]
    fn lists_repeat_or_have_commas() {
        assert_eq!(query("device=a,b&device=c%20d&device=").list("device"), ["a", "b", "c d"]);
        assert_eq!(query("series=3,1&series=3").series(), Ok(Some(vec![1, 3])));
        assert_eq!(query("series=").series(), Ok(None));
        assert!(query("series=1,x").series().is_err());
        assert_eq!(query("limit=999999").whole("limit", 100, 1, 1_000), Ok(1_000));
        assert!(query("limit=0").whole("limit", 100, 1, 1_000).is_err());
    }
}
