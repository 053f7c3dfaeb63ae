//! Warnings: shows the words of a policy as payers meet them, and for approval.
//!
//! Never sends anything and needs no server: the words are in the policy, and an amount and a
//! deadline are made up where none are given.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::{CliError, page, print};
use crate::document::{Problem, nearest};
use crate::grpc::write::warning;
use crate::money::{Amount, Currency, Money};
use crate::policy::{self, Files, Policy};
use crate::telemetry::state::hex;
use crate::warning::{Blanks, Choice, Pick, Step, Warnings, Words};

mod sheet;

/// Works on warnings.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Shows warnings as the payer meets them, or writes a page of all of them for approval.
    Show(Show),
}

/// Shows warnings.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The warning's id; a list of all warnings without it.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Only the words of this step.
    #[arg(long, value_parser = ["inform", "ask", "hold"])]
    step: Option<String>,
    /// The language and form, such as cy or en-x-large; the policy's own language without it. The
    /// nearest stands in for one there are no words in.
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    /// The policy's folder; the shipped policy without it.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<PathBuf>,
    /// The amount to fill in, in pounds.
    #[arg(long, value_name = "AMOUNT", default_value = "2500.00", value_parser = amount)]
    amount: Amount,
    /// Until when a hold lasts, as the payer would say it; left out of the words without it.
    #[arg(long, value_name = "TEXT")]
    deadline: Option<String>,
    /// Which wording of the questions, from 1.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    wording: u32,
    /// Prints each as JSON, one a line.
    #[arg(long)]
    json: bool,
    /// Writes all of them, in every language, to one page of HTML for approval.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "step", "locale", "wording", "json"])]
    html: Option<PathBuf>,
}

impl Command {
    /// Runs it.
    pub fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Show(show) => show.run(),
        }
    }
}

impl Show {
    fn run(&self) -> Result<(), CliError> {
        let folder = self.policy.as_deref();
        let files = folder.map_or_else(|| Ok(policy::standard()), crate::cli::policy::read)?;
        let policy = match policy::load(files.clone()) {
            Ok(policy) => policy,
            Err(problems) => return self.show_draft(&files, &problems),
        };
        if let Some(path) = &self.html {
            return self.write(&policy, path);
        }
        print(&self.shown(policy.warnings())?)
    }

    /// Shows the words that can be read of a policy that is none yet, and all that is wrong with it
    /// below. A page for approval and what programs read are of whole policies only.
    fn show_draft(&self, files: &Files, problems: &[Problem]) -> Result<(), CliError> {
        let whole = self.json || self.html.is_some();
        // A warning that is not found may be one that cannot be read: the problems say.
        let shown = if whole { None } else { self.shown(&policy::words(files)).ok() };
        let mut text = shown.unwrap_or_default();
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push('\n');
        }
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        text.push_str(&lines.join("\n"));
        text.push('\n');
        print(&text)?;
        let count = problems.len();
        let what = if count == 1 { "problem" } else { "problems" };
        Err(CliError::NotAsExpected(format!("{count} {what}; this policy is not usable")))
    }

    /// Lays out what is asked for: the warnings named, or a list of all.
    fn shown(&self, warnings: &Warnings) -> Result<String, CliError> {
        let chosen = self.chosen(warnings)?;
        if self.id.is_none() && self.step.is_none() {
            return if self.json { list_json(warnings) } else { Ok(list(warnings)) };
        }
        let mut text = String::new();
        for (step, words) in chosen {
            text.push_str(&if self.json {
                self.object(step, &words)
            } else {
                text_of(step, &words)
            });
        }
        Ok(text)
    }

    /// Returns the words that are asked for, in the order of ids and steps.
    fn chosen(&self, warnings: &Warnings) -> Result<Vec<(Step, Words)>, CliError> {
        let ids = warnings.ids();
        if let Some(id) = self.id.as_deref().filter(|id| !ids.contains(id)) {
            let advice = nearest(id, ids.into_iter());
            return Err(CliError::Usage(format!("there is no warning `{id}`: {advice}")));
        }
        let locale = self.locale.as_deref().unwrap_or(warnings.locale());
        let blanks = Blanks {
            money: Money { amount: self.amount, currency: Currency::GBP },
            deadline: self.deadline.as_deref(),
        };
        let mut chosen = Vec::new();
        for id in ids.into_iter().filter(|id| self.id.as_deref().is_none_or(|asked| asked == *id)) {
            for step in Step::ALL {
                let asked = self.step.as_deref().is_none_or(|asked| asked == step.name());
                let variant = self.wording.saturating_sub(1);
                let pick = Pick { id, step, variant, locale };
                chosen.extend(
                    asked
                        .then(|| warnings.words(pick, &blanks))
                        .flatten()
                        .map(|words| (step, words)),
                );
            }
        }
        Ok(chosen)
    }

    fn object(&self, step: Step, words: &Words) -> String {
        let questions: Vec<_> = words
            .questions
            .iter()
            .map(|question| {
                let option = |choice: &Choice| json!({ "id": choice.id, "text": choice.text });
                let options: Vec<_> = question.options.iter().map(option).collect();
                json!({ "id": question.id, "text": question.text, "options": options })
            })
            .collect();
        let object = json!({
            "id": words.id,
            "version": words.version,
            "step": step.name(),
            "locale": words.locale,
            "wording": self.wording,
            "digest": format!("sha256:{}", hex(&words.digest)),
            "title": words.title,
            "safe_action": words.safe_action,
            "paragraphs": words.paragraphs,
            "questions": questions,
        });
        format!("{object}\n")
    }

    fn write(&self, policy: &Policy, path: &Path) -> Result<(), CliError> {
        let money = Money { amount: self.amount, currency: Currency::GBP };
        let sheet = sheet::sheet(policy, money, self.deadline.as_deref())?;
        fs::write(path, sheet)
            .map_err(|source| CliError::Unwritable { path: path.display().to_string(), source })?;
        let count = policy.warnings().count();
        print(&format!("{count} texts for approval: open {} in a browser\n", path.display()))
    }
}

/// Lays out a list of all warnings.
fn list(warnings: &Warnings) -> String {
    let mut text = String::new();
    for (id, title) in titles(warnings) {
        let written = writeln!(text, "{id:<24} {title}");
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    let written = writeln!(
        text,
        "\n{} texts, each to inform, ask and hold, in {}; name one to read it",
        warnings.count(),
        warnings.locales().join(", ")
    );
    debug_assert!(written.is_ok(), "a string takes everything");
    text
}

fn list_json(warnings: &Warnings) -> Result<String, CliError> {
    let mut text = String::new();
    for (id, title) in titles(warnings) {
        let object = json!({ "id": id, "title": title, "locales": warnings.locales() });
        writeln!(text, "{object}").map_err(|_| CliError::Output(std::io::Error::other("full")))?;
    }
    Ok(text)
}

/// Returns every warning with the heading of its weakest step.
fn titles(warnings: &Warnings) -> Vec<(&str, Box<str>)> {
    let blanks =
        Blanks { money: Money { amount: Amount::ZERO, currency: Currency::GBP }, deadline: None };
    let title = |id| {
        Step::ALL.into_iter().find_map(|step| {
            let pick = Pick { id, step, variant: 0, locale: warnings.locale() };
            warnings.words(pick, &blanks).map(|words| words.title)
        })
    };
    warnings.ids().into_iter().map(|id| (id, title(id).unwrap_or_default())).collect()
}

/// Lays out one warning.
fn text_of(step: Step, words: &Words) -> String {
    let what = match step {
        Step::Inform => "To inform: shown once, and the payment may leave.",
        Step::Ask => "To ask: shown before anything leaves; the answers come back and count.",
        Step::Hold => "To hold: shown while the payment waits for a person.",
    };
    let mut text = format!("{what}\n");
    page::warned(&mut text, &warning(words));
    text.push('\n');
    text
}

fn amount(text: &str) -> Result<Amount, String> {
    Amount::parse(text).map_err(|_| "write an amount such as 2500.00".to_owned())
}
