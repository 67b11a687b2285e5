//! Parts of a `[feature.NAME]` that know of the clock on the wall, of days and of frequencies: `hour_sin`, `daily_residual`,
//! `band_10_200`, with the settings that are theirs.

use super::detector::by_setting;
use super::feature::Feature;
use super::place::Findings;
use super::suggest;
use super::tree::{At, Table};
use super::zone;
use ouzel_engine::plan::{ChannelFacts, ClockSpec, Daily, DailySpec, Hand, PartSpec, Spectral, SpectrumSpec};
use ouzel_engine::time::Span;

/// More bands than this are a spectrum, not a feature.
const BANDS_MOST: usize = 32;
/// Blocks that share more than this say nearly the same again and again.
const OVERLAP_MOST: f64 = 0.95;
const DAY: Span = Span(86_400_000_000_000);

/// What a word of `give` stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Signal {
    Hand(Hand),
    Daily(Daily),
    /// All bands.
    Bands,
    /// The band that is called so.
    Band,
    Peak,
}

/// The words, for those who have missed them.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    let named = Hand::NAMED.iter().map(|named| named.0).chain(Daily::NAMED.iter().map(|named| named.0));
    named.chain(["bands", "band_0_10", "peak"])
}

/// What a word means.
pub(crate) fn meaning(word: &str) -> Option<Signal> {
    let hand = || Hand::NAMED.iter().find(|named| named.0 == word).map(|named| Signal::Hand(named.1));
    let daily = || Daily::NAMED.iter().find(|named| named.0 == word).map(|named| Signal::Daily(named.1));
    let other = || match word {
        "bands" => Some(Signal::Bands),
        "peak" => Some(Signal::Peak),
        _ => word.starts_with("band_").then_some(Signal::Band),
    };
    hand().or_else(daily).or_else(other)
}

/// The parts that these ask for, each with its words; `None` where a setting of theirs is wrong.
pub(crate) fn parts(
    table: &mut Table<'_, '_>,
    asked: &[(At<String>, Signal)],
) -> Option<Vec<(PartSpec, Vec<At<String>>)>> {
    let (mut hands, mut days, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for (word, what) in asked {
        match what {
            Signal::Hand(hand) => hands.push((*hand, word.clone())),
            Signal::Daily(daily) => days.push((*daily, word.clone())),
            Signal::Bands | Signal::Band | Signal::Peak => lines.push((*what, word.clone())),
        }
    }
    // All settings are read before the first mistake ends it: what nobody has read is taken for unknown.
    let zone = if hands.is_empty() && days.is_empty() { None } else { Some(zone::read(table)) };
    let daily = if days.is_empty() { None } else { Some((slots(table), days_back(table))) };
    let spectrum = if lines.is_empty() { None } else { Some(spectrum(table, &lines)) };
    let mut parts = Vec::new();
    if let Some(zone) = zone {
        let zone = zone?;
        if !hands.is_empty() {
            let (give, words) = hands.into_iter().unzip();
            parts.push((PartSpec::Clock(ClockSpec { zone: zone.clone(), give }), words));
        }
        if let Some((slots, days_back)) = daily {
            let (give, words) = days.into_iter().unzip();
            parts.push((PartSpec::Daily(DailySpec { slots: slots?, days: days_back?, zone, give }), words));
        }
    }
    if let Some(spectrum) = spectrum {
        parts.push(spectrum?);
    }
    Some(parts)
}

fn slots(table: &mut Table<'_, '_>) -> Option<u32> {
    if !table.has("slot") {
        table.get("slot");
        return Some(288);
    }
    let slot = table.length("slot")?;
    let slots = DAY.0 / slot.what.0;
    let fits = DAY.0 % slot.what.0 == 0;
    let range = i64::from(DailySpec::SLOTS_LEAST)..=i64::from(DailySpec::SLOTS_MOST);
    if !fits || !range.contains(&slots) {
        let message = match fits {
            true => format!("a day has {slots} slots of {}", slot.what),
            false => format!("a day is no whole number of {}", slot.what),
        };
        let hint =
            format!("write a part of a day from \"1m\" to \"6h\" ({} to {} slots): \"5m\"", range.start(), range.end());
        table.found.problem(&slot.place, message, hint);
        return None;
    }
    Some(slots as u32)
}

fn days_back(table: &mut Table<'_, '_>) -> Option<u32> {
    if !table.has("days") {
        table.get("days");
        return Some(8);
    }
    table.whole("days", 2, u64::from(DailySpec::DAYS_MOST)).map(|days| days.what as u32)
}

fn spectrum(table: &mut Table<'_, '_>, lines: &[(Signal, At<String>)]) -> Option<(PartSpec, Vec<At<String>>)> {
    let sampling = table.text("sampling");
    let hertz = match &sampling {
        Some(text) => hertz_of(text, table.found),
        None if table.has("sampling") => None,
        // That of the channels, once they are known.
        None => Some(0.0),
    };
    let block = match table.has("block") {
        true => table.whole("block", u64::from(SpectrumSpec::BLOCK_LEAST), u64::from(SpectrumSpec::BLOCK_MOST)),
        false => table.get("block").and(None).or(Some(At { what: 1_024, place: table.place.clone() })),
    };
    let overlap = match table.has("overlap") {
        true => table.not_negative("overlap"),
        false => table.get("overlap").and(None).or(Some(At { what: 0.5, place: table.place.clone() })),
    };
    let bands = bands(table);
    let block = block?;
    if !block.what.is_power_of_two() {
        let message = format!("a block of {} readings is no power of two", block.what);
        table.found.problem(&block.place, message, format!("write {}", block.what.next_power_of_two()));
        return None;
    }
    let overlap = overlap?;
    if overlap.what > OVERLAP_MOST {
        let message = format!("blocks cannot share {} of their readings", overlap.what);
        table.found.problem(&overlap.place, message, format!("write a share from 0 to {OVERLAP_MOST}: 0.5 is usual"));
        return None;
    }
    let bands = bands?;
    let (mut give, mut words) = (Vec::new(), Vec::new());
    let names: Vec<String> = bands.iter().map(|band| band.1.clone()).collect();
    for (what, word) in lines {
        match what {
            Signal::Bands => {
                for (index, name) in (0..).zip(&names) {
                    give.push(Spectral::Band(index));
                    words.push(At { what: name.clone(), place: word.place.clone() });
                }
            }
            Signal::Peak => {
                give.push(Spectral::Peak);
                words.push(word.clone());
            }
            _ => match names.iter().position(|name| *name == word.what) {
                Some(index) => {
                    give.push(Spectral::Band(index as u16));
                    words.push(word.clone());
                }
                None => {
                    let known: Vec<&str> = names.iter().map(String::as_str).collect();
                    let message = format!("no band of `bands` is called `{}`", word.what);
                    table.found.problem(&word.place, message, suggest::hint(&word.what, &known));
                    return None;
                }
            },
        }
    }
    if lines.iter().any(|(what, _)| *what != Signal::Peak) {
        table.need("bands", "from where to where, in hertz: bands = [\"0-10Hz\", \"10-200Hz\"]");
    }
    let bands = bands.into_iter().map(|band| band.0).collect();
    let (block, hertz) = (block.what as u32, hertz?);
    let hop = SpectrumSpec::hop_of(block, overlap.what);
    Some((PartSpec::Spectrum(SpectrumSpec { hertz, block, hop, bands, give }), words))
}

/// A band and its name.
type Band = ((f64, f64), String);

fn bands(table: &mut Table<'_, '_>) -> Option<Vec<Band>> {
    let texts = if table.has("bands") { table.texts("bands")? } else { Vec::new() };
    let mut bands: Vec<Band> = Vec::new();
    for text in &texts {
        let Some(band) = band_of(&text.what) else {
            let message = format!("`{}` is no band of frequencies", text.what);
            table.found.problem(&text.place, message, "write from where to where, with the unit behind: \"10-200Hz\"");
            return None;
        };
        if let Some(at) = bands.iter().position(|known| known.1 == band.1) {
            let (message, hint) = match bands[at].0 == band.0 {
                true => (format!("the band `{}` stands here twice", text.what), "leave one out"),
                // `0.5-2Hz` and `0-5.2Hz`: a point in a name is written `_`, too.
                false => (
                    format!("the bands `{}` and `{}` would both be called `{}`", texts[at].what, text.what, band.1),
                    "put one of them into a feature of its own",
                ),
            };
            table.found.problem(&text.place, message, hint);
            return None;
        }
        bands.push(band);
    }
    if let Some(first) = texts.first().filter(|_| bands.len() > BANDS_MOST) {
        let message = format!("{} bands are more than {BANDS_MOST}", bands.len());
        table.found.problem(&first.place, message, "leave some out, or put them into a feature of their own");
        return None;
    }
    Some(bands)
}

/// `10-200Hz`, `0.5-2kHz`: both ends in the unit behind.
fn band_of(text: &str) -> Option<Band> {
    let (numbers, factor) = unit_of(text)?;
    let (low, high) = numbers.split_once('-')?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let (low, high) = (rounded(number(low)? * factor), rounded(number(high)? * factor));
    let name = format!("band_{low}_{high}").replace('.', "_");
    (0.0 <= low && low < high).then_some(((low, high), name))
}

/// To 12 significant digits: 16.1 kHz are 16 100 Hz, and not 2 pHz more.
fn rounded(hertz: f64) -> f64 {
    format!("{hertz:.11e}").parse().unwrap_or(hertz)
}

fn unit_of(text: &str) -> Option<(&str, f64)> {
    let text = text.trim();
    let unit = |(unit, factor): (&str, f64)| Some((text.strip_suffix(unit)?.trim_end(), factor));
    [("kHz", 1e3), ("MHz", 1e6), ("Hz", 1.0)].into_iter().find_map(unit)
}

/// `1kHz`, `25.6 kHz`.
fn hertz_of(text: &At<String>, found: &mut Findings) -> Option<f64> {
    let number = unit_of(&text.what).and_then(|(number, factor)| Some(number.parse::<f64>().ok()? * factor));
    let hertz = number.filter(|hertz| (1e-6..=1e8).contains(hertz));
    if hertz.is_none() {
        let message = format!("`sampling` is how many readings there are in a second, not `{}`", text.what);
        found.problem(&text.place, message, "write it with its unit: \"1kHz\", \"25.6kHz\" or \"50Hz\"");
    }
    hertz
}

/// Where `sampling` was left out it follows from the channels, now that these are known; and no band may lie where nothing is.
pub(crate) fn settle(features: &mut [Feature], facts: &[ChannelFacts], found: &mut Findings) {
    for feature in features {
        let Feature { name, on, spec, bands, .. } = feature;
        let Some(parts) = spec.as_mut().map(|spec| &mut spec.parts) else { continue };
        let Some(spectrum) = parts.iter_mut().find_map(|part| match &mut part.work {
            PartSpec::Spectrum(spectrum) => Some(spectrum),
            _ => None,
        }) else {
            continue;
        };
        let every = |name: &str| facts.iter().find(|facts| facts.name == name).and_then(|facts| facts.every);
        if spectrum.hertz == 0.0 {
            let of_channels = by_setting(on, |input| every(&input.name));
            match &of_channels[..] {
                [(Some(every), _)] => spectrum.hertz = 1.0 / every.as_secs_f64(),
                [] => continue,
                _ => {
                    let message = format!("`feature.{}` needs `sampling`", name.what);
                    let hint =
                        "how many readings there are in a second: sampling = \"1kHz\"; or say `every` of the channel";
                    found.problem(&name.place, message, hint);
                    continue;
                }
            }
        }
        if let Some((low, high)) = spectrum.bands.iter().find(|(low, _)| *low >= spectrum.hertz / 2.0) {
            let place = bands.as_ref().unwrap_or(&name.place);
            let message =
                format!("from {low} to {high} Hz there is nothing to see with {} readings a second", spectrum.hertz);
            found.problem(place, message, format!("bands reach up to half of that: {} Hz", spectrum.hertz / 2.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_have_names_in_hertz() {
        for (text, band) in [
            ("0-10Hz", Some((0.0, 10.0, "band_0_10"))),
            ("10 - 200 Hz", Some((10.0, 200.0, "band_10_200"))),
            ("0.5-2kHz", Some((500.0, 2_000.0, "band_500_2000"))),
            ("0.5-2.5Hz", Some((0.5, 2.5, "band_0_5_2_5"))),
            ("16.1-20kHz", Some((16_100.0, 20_000.0, "band_16100_20000"))),
            ("0.0011-2.2003kHz", Some((1.1, 2_200.3, "band_1_1_2200_3"))),
            ("10-200", None),
            ("200-10Hz", None),
            ("-1-10Hz", None),
            ("Hz", None),
        ] {
            let got = band_of(text);
            assert_eq!(got, band.map(|(low, high, name)| ((low, high), name.to_owned())), "{text}");
        }
    }

    #[test]
    fn every_word_has_a_meaning() {
        assert!(words().all(|word| meaning(word).is_some()));
        assert_eq!(meaning("mean"), None);
    }
}
