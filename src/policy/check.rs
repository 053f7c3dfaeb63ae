//! Check: whether a policy that can be read is fit to decide.
//!
//! Reading finds names that lead nowhere; this finds policies that say something other than their
//! authors mean: a threshold that no evidence reaches, a typology that one sign alone sets off, a
//! phrase that nobody looks for, a warning that is never shown. People fix a policy by its list of
//! problems, so every check runs on whatever could be read, and each says where, what and what to
//! do in the words of the files.
//!
//! Never asked of a policy that has decided already: a check that is added later must not make the
//! past unreadable.

use crate::document::Problems;
use crate::policy::typology::Story;
use crate::policy::{Files, Watch};
use crate::text::Lexicon;
use crate::warning::Warnings;

mod phrases;
mod reach;
mod signals;
mod stories;
mod typologies;
mod words;

/// A policy as far as it could be read.
pub(super) struct Whole<'w, 'd> {
    /// Its files.
    pub(super) files: &'w Files,
    /// The signals it watches for.
    pub(super) watches: &'w [Watch],
    /// Its typologies, in the order of the file.
    pub(super) stories: &'w [Story<'d>],
    /// Its words.
    pub(super) warnings: &'w Warnings,
    /// Its phrases; absent where lexicon.toml cannot be read.
    pub(super) lexicon: Option<&'w Lexicon>,
}

/// Notes everything that makes the policy unfit.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    typologies::check(whole, problems);
    signals::check(whole, problems);
    phrases::check(whole, problems);
    words::check(whole, problems);
    stories::check(whole, problems);
}

impl Whole<'_, '_> {
    /// Returns a file as text; empty where it is none.
    fn text(&self, path: &str) -> &str {
        let contents = self.files.contents(path).unwrap_or(&[]);
        std::str::from_utf8(contents).unwrap_or("")
    }
}

/// Where the signals and typologies stand.
const POLICY: &str = "policy.toml";
/// Where the phrases stand.
const LEXICON: &str = "lexicon.toml";
/// Folder of the words.
const WARNINGS: &str = "warnings/";
/// Where the stories stand.
const CASES: &str = "cases.toml";

#[cfg(test)]
mod tests;
