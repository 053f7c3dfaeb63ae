//! Margin: by how many points a decision was over or under what it takes to hold or to ask.
//!
//! Moving every threshold of a policy by the same number of points moves every margin by as many, so one
//! pass over the payments gives the whole curve. What is remembered stays what it was under the policy's own
//! thresholds: a curve says what these facts had come to, not how another past had gone.

use crate::decision::Decision;
use crate::policy::{CannotAsk, Policy, Signals, Typology};
use crate::signal::{Facts, Reading};
use crate::warning::Answered;

/// By how many points a decision was over its thresholds: at 0 exactly on them, below 0 under them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Margins {
    /// Over what it takes to hold a payer who admits nothing: `review_from`, since a question is answered with a
    /// no and then releases below it only; `ask_from` where nobody can be asked. `i64::MAX` where an admission holds whatever the points, [`Margins::NONE`] where no story
    /// is met.
    pub hold: i64,
    /// Over `ask_from`, where somebody can be asked; [`Margins::NONE`] where nobody can or no story is met.
    pub ask: i64,
}

impl Margins {
    /// No threshold reaches so low.
    pub const NONE: i64 = i64::MIN;
}

/// Returns the margins of a decision that was reached from these facts under this policy.
pub fn margins(facts: &Facts, decision: &Decision, policy: &Policy) -> Margins {
    let mut margins = Margins { hold: Margins::NONE, ask: Margins::NONE };
    // Whoever admits is held, whatever else was seen.
    let admits = |typology: &Typology| answered(typology, facts, policy) == Answered::Admission;
    if !facts.answers.is_empty() && policy.typologies().iter().any(admits) {
        margins.hold = i64::MAX;
        return margins;
    }
    if decision.weighed.is_empty() {
        return margins;
    }
    let fired = fired(decision, policy);
    let distrusted = fired.meets(policy.distrusted());
    let worth = policy.worth(facts.transfer.money);
    let mut stories = policy.typologies().iter();
    for weighed in &decision.weighed {
        // Both are in the order of the policy.
        let Some(story) = stories.by_ref().find(|story| story.id == weighed.typology) else {
            break;
        };
        let small = worth.is_some_and(|worth| worth < story.amount_min.value());
        let seen = !small
            && story.needs.iter().all(|needed| fired.meets(*needed))
            && story.is_told(&facts.mentions);
        if !seen {
            continue;
        }
        let asked = facts.can_ask && !distrusted;
        let (hold_from, ask_from) = match answered(story, facts, policy) {
            Answered::Denial if distrusted => (story.ask_from, None),
            Answered::Denial => (story.review_from, None),
            Answered::Open | Answered::Admission if asked => {
                (story.review_from, Some(story.ask_from))
            }
            Answered::Open | Answered::Admission => match story.cannot_ask(distrusted, policy) {
                CannotAsk::Review => (story.ask_from, None),
                CannotAsk::Allow => (story.review_from, None),
            },
        };
        margins.hold = margins.hold.max(weighed.points.saturating_sub(hold_from));
        if let Some(ask_from) = ask_from {
            margins.ask = margins.ask.max(weighed.points.saturating_sub(ask_from));
        }
    }
    margins
}

/// Returns the signals that fired less those that others cancel: as deciding reads them.
fn fired(decision: &Decision, policy: &Policy) -> Signals {
    let mut fired = Signals::default();
    let mut watches = policy.watches().iter().enumerate();
    for reading in &decision.readings {
        // Both are in the order of the signals.
        let Some((at, _)) = watches.find(|(_, watch)| watch.kind.code == reading.code) else {
            break;
        };
        if matches!(reading.reading, Reading::Fired(_)) {
            fired.add(at);
        }
    }
    let cancelling = policy.cancelling().iter().filter(|(at, _)| fired.has(*at));
    let cancelled = cancelling.fold(Signals::default(), |sum, (_, cancelled)| sum.and(*cancelled));
    fired.less(cancelled)
}

fn answered(typology: &Typology, facts: &Facts, policy: &Policy) -> Answered {
    if facts.answers.is_empty() {
        return Answered::Open;
    }
    policy.warnings().answered(&typology.warning, &facts.answers)
}
