//! `ouzel test`: the cases of a config, what came out beside what had to.

use crate::ending::{Done, Ending, Failure};
use crate::figures::counted;
use crate::load::load;
use crate::{screen, stop};
use ouzel_engine::plan::Plan;
use ouzel_pipeline::cases::{self, EXPECTED, GOT, Verdict};
use ouzel_pipeline::config::{Config, Expect, TestConfig};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Run the [test.*] cases of a config and show what differs
#[derive(clap::Args)]
pub struct Args {
    /// The config file
    config: PathBuf,
    /// The cases to run; without any, all of them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write what came out into the files of expected lines; then read them and see whether it is right
    #[arg(long)]
    bless: bool,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
}

/// What is told to whoever has no tests yet.
const NO_TEST: &str = "\
has no tests. A test is readings and the lines that must come of them:

[test.too_hot]
lines  = [\"time,device,temperature\", \"2024-01-01T00:00:00Z,press,20\", \"2024-01-01T00:00:01Z,press,99\"]
expect = [{ alert = \"too_hot\", device = \"press\", state = \"firing\" }]

For longer ones name files: input = \"cases/hot.csv\", expect = \"cases/hot.expected\"; then
`ouzel test --bless` writes the expected lines from what comes out, for you to read.
";

/// Runs the command.
///
/// # Errors
/// When the config has problems, a file cannot be read, or nobody reads the answer.
pub fn run(args: &Args) -> Done {
    let stop = stop::listen()?;
    let mut loaded = load(&args.config).map_err(Failure::Config)?;
    loaded.look_at_files(args.bless);
    let config = loaded.config().map_err(Failure::Config)?;
    if config.tests.is_empty() {
        return Err(Failure::Usage(format!("{} {NO_TEST}", args.config.display())));
    }
    let chosen = chosen(&config, &args.names)?;
    let mut report =
        Report { width: chosen.iter().map(|test| test.name.chars().count()).max().unwrap_or(0), ..Report::default() };
    for test in chosen {
        report.case(&config, test, args, &stop)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(Ending::Interrupted);
        }
    }
    report.end(args.json)?;
    Ok(if report.failed == 0 { Ending::Done } else { Ending::Found })
}

fn chosen<'c>(config: &'c Config, names: &[String]) -> Result<Vec<&'c TestConfig>, Failure> {
    let unknown = names.iter().find(|name| config.tests.iter().all(|test| test.name != **name));
    if let Some(name) = unknown {
        let known: Vec<&str> = config.tests.iter().map(|test| test.name.as_str()).collect();
        return Err(Failure::Usage(format!("no test is called `{name}`; {}", cases::nearest(name, &known))));
    }
    Ok(config.tests.iter().filter(|test| names.is_empty() || names.contains(&test.name)).collect())
}

/// What is told of all cases.
#[derive(Default)]
struct Report {
    width: usize,
    passed: u64,
    failed: u64,
    cases: Vec<serde_json::Value>,
}

impl Report {
    fn case(&mut self, config: &Config, test: &TestConfig, args: &Args, stop: &AtomicBool) -> Result<(), Failure> {
        let verdict = match cases::run(config, test, stop) {
            Ok(verdict) => verdict,
            Err(fault) => {
                self.failed += 1;
                self.cases.push(serde_json::json!({ "name": test.name, "ok": false, "error": fault.what }));
                return self.line(args, &test.name, &format!("failed   {}", fault.what), "");
            }
        };
        // What did not come whole is no right answer, whatever was asked.
        let blessed = args.bless && !verdict.holds() && verdict.is_whole();
        let said = if blessed { bless(&verdict, test, &config.plan)? } else { None };
        let done = said.is_some();
        self.passed += u64::from(verdict.holds() || done);
        self.failed += u64::from(!verdict.holds() && !done);
        let mut json = verdict.to_json();
        json["blessed"] = done.into();
        self.cases.push(json);
        match said {
            Some(said) => self.line(args, &test.name, &said, ""),
            None => {
                let mut differences = verdict.differences(test);
                if blessed {
                    let lines = verdict
                        .blessed(&config.plan)
                        .lines()
                        .map(|line| format!("    '{line}',\n"))
                        .collect::<String>();
                    differences.push_str(&format!(
                        "  its lines stand in the config, which is yours to write. What came out:\n  expect = [\n{lines}  ]\n"
                    ));
                }
                self.line(args, &test.name, &verdict.summary(), &differences)
            }
        }
    }

    fn line(&self, args: &Args, name: &str, summary: &str, differences: &str) -> Result<(), Failure> {
        if args.json {
            return Ok(());
        }
        screen::print(&coloured(&format!("{name:0$}  {summary}\n{differences}", self.width)))
    }

    fn end(&self, json: bool) -> Result<(), Failure> {
        if json {
            let all = serde_json::json!({ "passed": self.passed, "failed": self.failed, "cases": self.cases });
            return screen::print(&format!("{all}\n"));
        }
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        screen::print(&format!("{} ok{failed}\n", counted(self.passed, "test")))
    }
}

/// Writes what came out where it is expected, and says so; nothing, where that is the config itself.
fn bless(verdict: &Verdict, test: &TestConfig, plan: &Plan) -> Result<Option<String>, Failure> {
    let Expect::File(name, path, _) = &test.expect else { return Ok(None) };
    let cannot = |error| Failure::Failed(format!("{name} cannot be written: {error}"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let text = verdict.blessed(plan);
    std::fs::write(path, &text).map_err(cannot)?;
    let changed = (verdict.pairs.len() - verdict.held()) as u64;
    let lines = counted(verdict.got.len() as u64, "line");
    Ok(Some(format!("written  {name}: {lines}, {changed} of them new or changed; read them")))
}

/// The lines of a difference in their colours, which a terminal shows and everything else does not get.
fn coloured(text: &str) -> String {
    let colour = |line: &str| {
        let code = if line.starts_with(EXPECTED) {
            "31"
        } else if line.starts_with(GOT) {
            "32"
        } else {
            return format!("{line}\n");
        };
        format!("\u{1b}[{code}m{line}\u{1b}[0m\n")
    };
    text.lines().map(colour).collect()
}
