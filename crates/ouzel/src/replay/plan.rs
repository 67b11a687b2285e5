//! The plan that runs where the user has none: written as a config and read back, so that what is shown is what runs.

use super::inputs::{Inputs, Known};
use crate::ending::Failure;
use ouzel_pipeline::config::{self, Config};
use std::path::Path;

/// Makes the plan, and says what is to be known of it.
///
/// # Errors
/// When the input has no channel to watch.
pub fn for_inputs(inputs: &Inputs) -> Result<(Config, Vec<String>), Failure> {
    let mut channels: Vec<&str> = Vec::new();
    for channel in inputs.known.iter().flat_map(|known| &known.channels) {
        if !channels.contains(&channel.as_str()) {
            channels.push(channel);
        }
    }
    if channels.is_empty() {
        return Err(Failure::Failed(format!(
            "{} has no channel with a number in its first rows: write a config that names them",
            inputs.known.first().map_or_else(|| "the input".to_owned(), Known::label)
        )));
    }
    let text = text(&inputs.known, &channels);
    // All that is not the plan stands behind `#`, so that standard error as a whole is a config, too.
    let mut notes = vec![
        "# without --config, this plan runs; save it, change it, and give it with --config".to_owned(),
        format!("\n{text}"),
    ];
    notes.extend(inputs.unused().into_iter().chain(inputs.namesakes()).map(|note| format!("# {note}")));
    if inputs.known.iter().any(Known::is_open) {
        notes.push("# channels that first come later in the input are not watched: add them to such a config".into());
    }
    if notes.len() > 2 {
        notes.push(String::new());
    }
    let read = config::read("the plan", &text, Path::new(""));
    let shown = read.render_all(&text);
    let ours = || Failure::Failed(format!("a plan was made that cannot be read, which is our mistake:\n{text}{shown}"));
    Ok((read.config.ok_or_else(ours)?, notes))
}

fn text(known: &[Known], channels: &[&str]) -> String {
    let mut text = String::new();
    // Only neighbours share a source: the order of inputs decides ties.
    for (index, group) in known.chunk_by(Known::reads_like).enumerate() {
        let name = if index == 0 { "input".to_owned() } else { format!("input-{}", index + 1) };
        text.push_str(&format!("[source.{name}]\n"));
        let paths: Vec<String> =
            group.iter().filter_map(|known| Some(quoted(&known.path.as_ref()?.to_string_lossy()))).collect();
        text.push_str(&match &paths[..] {
            [] => "type = \"stdin\"\n".to_owned(),
            [path] => format!("type = \"file\"\npath = {path}\n"),
            paths => format!("type = \"file\"\npaths = {}\n", list(paths)),
        });
        text.push_str(&format!("{}\n\n", group[0].format_line()));
    }
    let channels: Vec<String> = channels.iter().map(|channel| quoted(&literal(channel))).collect();
    let channels = list(&channels);
    text.push_str(&format!(
        "[window.minute]\n\
         over = {channels}\n\
         size = \"1m\"\n\
         give = [\"count\", \"mean\", \"std\", \"min\", \"max\"]\n\n\
         [detector.odd]\n\
         type = \"zscore\"\n\
         on = {channels}\n\
         past = \"100\"\n\
         warning = 4\n\
         critical = 6\n\n\
         [alert.odd]\n\
         on = \"odd\"\n"
    ));
    text
}

/// How long a line of a list gets.
const WIDTH: usize = 100;

/// A list in one line, or where that would be long, in several.
fn list(items: &[String]) -> String {
    let mut lines = vec![String::new()];
    for item in items {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].len() + item.len() > WIDTH {
            lines.push(String::new());
        }
        let line = lines.last_mut().expect("there is always a line");
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(&format!("{item},"));
    }
    match &lines[..] {
        [line] => format!("[{}]", line.trim_end_matches(',')),
        lines => format!("[\n    {}\n]", lines.join("\n    ")),
    }
}

/// A channel's name as configs name it: one with dots could be taken for what a window says.
fn literal(channel: &str) -> String {
    if channel.contains('.') && !channel.contains('`') { format!("`{channel}`") } else { channel.to_owned() }
}

/// A string of TOML. JSON's are good there, but for one character that JSON need not escape.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_names_make_a_config_that_can_be_read() {
        for channels in [&["x"][..], &["Volume Flow RateRMS", "a.b.mean", "minute.x.mean", "\"q\"\\\u{7f}\u{1}", "é"]]
        {
            let text = text(&[], channels);
            let read = config::read("plan", &text, Path::new(""));
            let plan = read.config.clone().unwrap_or_else(|| panic!("{}", read.render_all(&text))).plan;
            assert_eq!(plan.operators.len(), 2);
            plan.operators.iter().for_each(|operator| assert_eq!(operator.on, channels));
            assert_eq!(plan.alerts.len(), 1);
        }
    }

    #[test]
    fn long_lists_have_several_lines() {
        let item = |word: &str, times| quoted(&word.repeat(times));
        assert_eq!(list(&[item("a", 1), item("b", 1)]), "[\"a\", \"b\"]");
        let long = [item("a", 60), item("b", 30), item("c", 1), item("d", 1)];
        let [a, b] = [&long[0], &long[1]];
        assert_eq!(list(&long), format!("[\n    {a}, {b}, \"c\",\n    \"d\",\n]"));
        assert_eq!(list(&[]), "[]");
    }
}
