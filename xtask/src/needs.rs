//! What tests need beside the code, one row each: how it is found, how it is installed, which tests need it.
//!
//! As root on Debian it is installed. Elsewhere nothing is touched; what to install is printed.

use crate::{run, ui};
use std::path::{Path, PathBuf};

/// Something that some tests need.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// What people call it.
    pub name: &'static str,
    /// Whether this machine has it.
    pub found: fn(root: &Path) -> bool,
    /// Where it comes from; none of these where nobody packages it.
    pub packages: Packages,
    /// What to do by hand.
    pub by_hand: &'static str,
    /// The tests that do not run without it.
    pub tests: &'static str,
}

/// Packages by the registry that has them.
#[derive(Clone, Copy, Debug)]
pub struct Packages {
    /// Debian.
    pub apt: &'static [&'static str],
    /// npm, as `name@version`.
    pub npm: &'static [&'static str],
    /// PyPI, as `name==version`.
    pub pip: &'static [&'static str],
    /// Maven Central, as `-Dartifact=group:artifact:version`.
    pub maven: &'static [&'static str],
}

impl Packages {
    /// From no registry.
    pub const NONE: Packages = Packages { apt: &[], npm: &[], pip: &[], maven: &[] };
}

/// All needs. A test that needs more gets a row here and nothing anywhere else.
pub const NEEDS: [Need; 5] = [
    Need {
        name: "the benchmark data (SKAB, NAB)",
        found: |root| ["skab", "nab/data"].iter().all(|set| data(root).join(set).is_dir()),
        packages: Packages::NONE,
        by_hand: "put it into ../shared/data beside the checkout, or set OUZEL_DATA to the folder it is in",
        tests: "ouzel-testkit: recorded",
    },
    Need {
        name: "Mosquitto, a broker for MQTT, and its clients",
        found: |_| has("mosquitto_pub") && (has("mosquitto") || Path::new("/usr/sbin/mosquitto").exists()),
        packages: Packages { apt: &["mosquitto", "mosquitto-clients"], ..Packages::NONE },
        by_hand: "install mosquitto and mosquitto-clients",
        tests: "ouzel: live::broker",
    },
    Need {
        name: "Chromium and a font",
        found: |_| has("chromium"),
        packages: Packages { apt: &["chromium", "fonts-dejavu-core"], ..Packages::NONE },
        by_hand: "install chromium",
        tests: "ouzel: live::page",
    },
    Need {
        name: "the packages of the page",
        found: |root| {
            ui::has_node() && (ui::installed(&root.join("ui")) || run::succeeds_in(&root.join("ui"), &ui::INSTALL))
        },
        packages: Packages { apt: &["nodejs", "npm"], ..Packages::NONE },
        by_hand: "install Node.js 18 or later and npm, then run `npm install` in ui/",
        tests: "ouzel: live::page",
    },
    Need {
        name: "DuckDB and pyarrow for Python",
        found: |_| run::says(Path::new("/"), &["python3", "-c", "import duckdb, pyarrow"]).is_some(),
        packages: Packages { pip: &["duckdb==2.0.0", "pyarrow==26.0.1"], ..Packages::NONE },
        by_hand: "install duckdb and pyarrow where python3 finds them",
        tests: "ouzel: live::lake",
    },
];

/// Whether a program is on the path.
fn has(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Where the benchmark data is; the tests look in the same place.
fn data(root: &Path) -> PathBuf {
    std::env::var_os("OUZEL_DATA").map_or(root.join("../shared/data"), PathBuf::from)
}

/// Sees to all needs; gives those that this machine lacks in the end.
pub fn see_to(root: &Path) -> Vec<Need> {
    let mut lacking = Vec::new();
    for need in NEEDS {
        if (need.found)(root) {
            continue;
        }
        let commands = need.packages.commands();
        let installed = may_install() && !commands.is_empty() && commands.iter().all(|command| run::succeeds(command));
        if installed && (need.found)(root) {
            continue;
        }
        eprintln!("this machine lacks {}: {}", need.name, need.by_hand);
        commands.iter().for_each(|command| eprintln!("  {}", command.join(" ")));
        lacking.push(need);
    }
    lacking
}

impl Packages {
    /// The commands that install them, in order.
    fn commands(&self) -> Vec<Vec<&'static str>> {
        let with = |before: &[&'static str], packages: &[&'static str]| [before, packages].concat();
        let mut commands = Vec::new();
        if !self.apt.is_empty() {
            commands.push(vec!["apt-get", "update", "--quiet"]);
            commands.push(with(&["apt-get", "install", "--quiet", "--yes", "--no-install-recommends"], self.apt));
        }
        if !self.npm.is_empty() {
            commands.push(with(&["npm", "install", "--global"], self.npm));
        }
        if !self.pip.is_empty() {
            commands.push(with(&["python3", "-m", "pip", "install", "--quiet", "--break-system-packages"], self.pip));
        }
        commands.extend(self.maven.iter().map(|artifact| vec!["mvn", "--quiet", "dependency:get", artifact]));
        commands
    }
}

/// As root on Debian: nobody else's machine is changed.
fn may_install() -> bool {
    Path::new("/etc/debian_version").exists()
        && run::says(Path::new("/"), &["id", "-u"]).is_some_and(|user| user.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registry_has_its_command() {
        let packages = Packages {
            apt: &["mosquitto"],
            npm: &["vite@7.0.0"],
            pip: &["numpy==2.4.0"],
            maven: &["-Dartifact=g:a:1"],
        };
        let shown: Vec<String> = packages.commands().iter().map(|command| command.join(" ")).collect();
        assert_eq!(
            shown,
            [
                "apt-get update --quiet",
                "apt-get install --quiet --yes --no-install-recommends mosquitto",
                "npm install --global vite@7.0.0",
                "python3 -m pip install --quiet --break-system-packages numpy==2.4.0",
                "mvn --quiet dependency:get -Dartifact=g:a:1",
            ]
        );
        assert!(Packages::NONE.commands().is_empty());
    }

    #[test]
    fn data_is_not_found_where_there_is_none() {
        assert!(NEEDS.iter().all(|need| std::env::var_os("OUZEL_DATA").is_some() || !(need.found)(Path::new("/no"))));
    }
}
