//! Words: what typologies choose is there, and can be understood.

use crate::document::Problems;
use crate::policy::check::Whole;
use crate::warning::{self, Chosen};

/// Notes warnings that nobody is shown, and words that are not fit to be.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    let chosen = whole.stories.iter().filter_map(|story| {
        let id = story.warning?;
        Some(Chosen { id, likely: story.likely })
    });
    warning::check(whole.warnings, &chosen.collect::<Vec<_>>(), problems);
}
