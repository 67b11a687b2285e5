//! Settings that are a number of bytes: `"10GB"`, `"32MiB"`.

use super::tree::{At, Table, scalar};
use toml::de::DeValue;

/// What a unit stands for: powers of 1000, or with an `i` of 1024, as IEC 80000-13 has them.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

impl Table<'_, '_> {
    /// A number of bytes with its unit, at least `low`.
    pub(crate) fn size(&mut self, key: &'static str, low: u64) -> Option<At<u64>> {
        let value = self.get(key)?;
        let DeValue::String(text) = value.get_ref() else {
            let raw = scalar(value.get_ref()).filter(|raw| raw.starts_with(|c: char| c.is_ascii_digit()));
            let raw = raw.unwrap_or_else(|| "10".to_owned());
            self.wrong(key, value, "a size with a unit", format!("write \"{raw}MB\" or \"{raw}GB\""));
            return None;
        };
        let Some(what) = parse(text) else {
            let hint = "write a number and one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, for example \"10GB\"";
            self.found.problem(&value.span(), format!("`{key}` is a size, not `{text}`"), hint);
            return None;
        };
        if what < low {
            let hint = format!("write \"{}\" or more", shown(low));
            self.found.problem(&value.span(), format!("`{key}` is too small"), hint);
            return None;
        }
        Some(At { what, place: value.span() })
    }
}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')?;
    let (number, unit) = (text[..digits].replace('_', ""), text[digits..].trim());
    // Nobody means millibytes, so small and large letters are alike.
    let factor = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let bytes = number.parse::<f64>().ok()? * factor as f64;
    (0.0..=u64::MAX as f64).contains(&bytes).then_some(bytes.round() as u64)
}

/// In the largest unit that leaves a whole number.
fn shown(bytes: u64) -> String {
    let whole = UNITS.iter().filter(|(_, factor)| bytes.is_multiple_of(*factor));
    let (unit, factor) = whole.max_by_key(|(_, factor)| *factor).unwrap_or(&UNITS[0]);
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("10GB", Some(10_000_000_000)),
            ("1.5 MiB", Some(1_572_864)),
            ("500_000 b", Some(500_000)),
            ("32mib", Some(32 << 20)),
            ("100", None),
            ("GB", None),
            ("1.2.3GB", None),
            ("-1GB", None),
            ("99999999999TB", None),
        ] {
            assert_eq!(parse(text), bytes, "{text}");
        }
        assert_eq!((shown(1 << 20), shown(10_000_000)), ("1MiB".to_owned(), "10MB".to_owned()));
    }
}
