//! Policy: checks policies before anyone relies on them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::{CliError, print};
use crate::decision::{Checked, check};
use crate::document::Problem;
use crate::policy::{self, Files};
use crate::signal;
use crate::telemetry::state::hex;

/// Works on policies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Reads a policy, runs its cases and tells every problem at once.
    Check(Check),
}

/// Checks a policy.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The policy's folder; the shipped one without it.
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Prints what came of it as JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Runs it.
    pub fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Check(check) => check.run(),
        }
    }
}

impl Check {
    fn run(&self) -> Result<(), CliError> {
        let files = match &self.folder {
            Some(folder) => read(folder)?,
            None => policy::standard(),
        };
        match check(files) {
            Ok(checked) if self.json => print(&passed_json(&checked)),
            Ok(checked) => print(&passed(&checked)),
            Err(problems) => {
                let text: String = problems.iter().map(|one| self.problem(one)).collect();
                print(&text)?;
                Err(CliError::NotAsExpected(refused(&problems)))
            }
        }
    }

    fn problem(&self, problem: &Problem) -> String {
        if !self.json {
            return format!("{problem}\n");
        }
        let Problem { file, line, message, advice } = problem;
        let object = json!({ "file": file, "line": line, "message": message, "advice": advice });
        format!("{object}\n")
    }
}

/// Reads the files of a policy's folder: those of TOML in it and one folder below. What is hidden
/// is no part of a policy.
pub fn read(folder: &Path) -> Result<Files, CliError> {
    let mut files = Files::default();
    add(folder, "", &mut files)?;
    let path = folder.display();
    let paths: Vec<_> = files.iter().map(|(path, _)| path).collect();
    if paths.is_empty() {
        let why = format!("`{path}` holds no policy: name a folder with a policy.toml in it");
        return Err(CliError::Usage(why));
    }
    let below = |path: &&str| path.strip_suffix("/policy.toml").map(str::to_owned);
    if !paths.contains(&"policy.toml")
        && let Some(below) = paths.iter().find_map(below)
    {
        let inside = folder.join(&below);
        let why = format!("`{path}` holds no policy: did you mean `{}`?", inside.display());
        return Err(CliError::Usage(why));
    }
    Ok(files)
}

fn add(folder: &Path, below: &str, files: &mut Files) -> Result<(), CliError> {
    let unreadable = |source| CliError::Unreadable { path: folder.display().to_string(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = format!("{below}{name}");
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() && below.is_empty() {
            add(&path, &format!("{inside}/"), files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let contents = fs::read(&path).map_err(|source| CliError::Unreadable {
                path: path.display().to_string(),
                source,
            })?;
            files.insert(&inside, &contents);
        }
    }
    Ok(())
}

/// Says how many problems stand in which file.
fn refused(problems: &[Problem]) -> String {
    let count = problems.len();
    let what = if count == 1 { "problem" } else { "problems" };
    let files = problems.chunk_by(|one, next| one.file == next.file);
    let files = files.filter_map(|of_file| {
        of_file.first().map(|problem| format!("{} in {}", of_file.len(), problem.file))
    });
    let files: Vec<_> = files.collect();
    format!("{count} {what}, {}; this policy is not usable", files.join(", "))
}

fn passed(checked: &Checked) -> String {
    let policy = &checked.policy;
    let watches = policy.watches().len();
    let mut text = format!(
        "no problems; {} cases decided as they want\n\n\
         sha256:{}\n\n\
         {watches} of {} signals watched\n",
        checked.cases,
        hex(&policy.digest()),
        signal::ALL.len(),
    );
    for story in policy.typologies() {
        let thresholds = format!(
            "informs from {}, asks from {}, holds from {}; at most {} points",
            story.inform_from,
            story.ask_from,
            story.hold_from,
            story.most()
        );
        let written = writeln!(text, "typology {}: {thresholds}", story.id);
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    text
}

fn passed_json(checked: &Checked) -> String {
    let policy = &checked.policy;
    let typologies: Vec<&str> = policy.typologies().iter().map(|story| &*story.id).collect();
    let signals: Vec<&str> = policy.watches().iter().map(|watch| watch.kind.id).collect();
    let object = json!({
        "digest": format!("sha256:{}", hex(&policy.digest())),
        "cases": checked.cases,
        "typologies": typologies,
        "signals": signals,
    });
    format!("{object}\n")
}
