//! Typologies: thresholds within reach, needs that ask something, evidence of more than one kind.

use crate::document::{Problems, Text};
use crate::policy::check::reach::Reach;
use crate::policy::check::{POLICY, Whole};
use crate::policy::typology::{Need, Story};
use crate::policy::{Watch, Weight};
use crate::signal::Family;

/// Notes what is wrong with each typology, and with any two of them.
pub(super) fn check(whole: &Whole<'_, '_>, problems: &Problems) {
    for (at, story) in whole.stories.iter().enumerate() {
        let reach = Reach { watches: whole.watches, weights: weights(story), needs: &story.needs };
        counts(story, whole.watches, problems);
        needs(story, whole.watches, problems);
        // Where a name in it leads nowhere, what it reaches is not known yet.
        let readable = !weights(story).is_empty()
            && !story.needs.is_empty()
            && story.needs.iter().all(|need| !need.signals.none());
        if readable {
            thresholds(story, reach, problems);
            kinds(story, whole.watches, reach, problems);
            protection(story, reach, whole.watches, problems);
        }
        let before = whole.stories.iter().take(at);
        let same = before.filter(|other| never_leads(story, other)).min_by_key(|other| other.id);
        if let Some(other) = same {
            let (_, leads) = in_order(story, other);
            let message = format!(
                "`{}` and `{}` need and count the same, and `{}` leads whenever both speak",
                story.id, other.id, leads.id
            );
            let advice = "let them differ in `needs`, `mentions` or `counts`, or keep one";
            problems.report(POLICY, story.section.line_of("needs"), message, advice);
        }
    }
}

/// Notes groups that add nothing, and a typology that nothing can speak against.
fn counts(story: &Story<'_>, watches: &[Watch], problems: &Problems) {
    for group in &story.counts {
        let known = watches.iter().any(|watch| watch.kind.group == group.text);
        let weighs = weights(story).iter().any(|weight| {
            let watch = watches.get(weight.watch);
            watch.is_some_and(|watch| watch.kind.group == group.text) && weight.points != 0
        });
        if known && !weighs {
            let message = format!("`{}` is counted and weighs nothing", group.text);
            let advice = "give its signals points, or take the group out of `counts`";
            problems.report(POLICY, group.line, message, advice);
        }
    }
    let protected = watches.iter().any(|watch| watch.kind.group == PROTECTIVE);
    let counted = |group: &str| story.counts.iter().any(|counted| counted.text == group);
    if protected && !story.counts.is_empty() && !counted(PROTECTIVE) {
        let message = "nothing that speaks for a payment is counted";
        let advice = format!("add `{PROTECTIVE}` to `counts`, so that known payees are left alone");
        problems.report(POLICY, story.section.line_of("counts"), message, advice);
    }
}

/// Notes lists that ask nothing of a payment.
fn needs(story: &Story<'_>, watches: &[Watch], problems: &Problems) {
    if NEEDS_MAX < story.needs.len() {
        let message = format!("{} lists are needed", story.needs.len());
        let advice = format!("keep to {NEEDS_MAX}: nobody can follow more");
        problems.report(POLICY, story.section.line_of("needs"), message, advice);
    }
    for (at, need) in story.needs.iter().enumerate() {
        let line = need.names.first().map_or_else(|| story.section.line_of("needs"), line_of);
        for (place, name) in need.names.iter().enumerate() {
            let earlier = need.names.iter().take(place);
            if earlier.clone().any(|other| other.text == name.text) {
                let message = format!("`{}` is there twice", name.text);
                problems.report(POLICY, name.line, message, "name it once");
                continue;
            }
            let group = watches.iter().find(|watch| watch.kind.id == name.text);
            let group = group.map(|watch| watch.kind.group).filter(|group| *group != name.text);
            let named = |group: &str| need.names.iter().any(|other| other.text == group);
            if let Some(group) = group.filter(|group| named(group)) {
                let message = format!("`{}` is of the group `{group}`, named here too", name.text);
                problems.report(POLICY, name.line, message, "keep the one you mean");
            }
        }
        let protective = |at: usize, watch: &Watch| {
            need.signals.has(at) && watch.kind.family == Family::Protective
        };
        if watches.iter().enumerate().any(|(at, watch)| protective(at, watch)) {
            let message = "what speaks for a payment is needed for a scam";
            problems.report(POLICY, line, message, "take the protective group out of `needs`");
        }
        let stricter = |(place, other): (usize, &Need<'_>)| {
            let same = other.signals == need.signals;
            place != at
                && !other.signals.none()
                && other.signals.within(need.signals)
                && (!same || place < at)
        };
        if NEEDS_MAX >= story.needs.len() && story.needs.iter().enumerate().any(stricter) {
            let message = format!("{} asks nothing more than another list", listed(&need.names));
            let advice = "remove it: whatever meets the narrower list meets this one";
            problems.report(POLICY, line, message, advice);
        }
    }
}

/// Notes thresholds that no evidence reaches, and a hold that is never preceded by a question.
fn thresholds(story: &Story<'_>, reach: Reach<'_>, problems: &Problems) {
    let most = reach.most();
    if let Some((key, points)) = story.thresholds.iter().find(|(_, points)| most < *points) {
        let all = format!("everything counted comes to {most} points");
        let message = if *key == "inform_from" {
            format!("`{key}` is {points} and {all}, so it never fires")
        } else {
            format!("`{key}` is {points} and {all}, so it is out of reach")
        };
        let advice = format!("lower it to {most} or less, or count more groups");
        problems.report(POLICY, story.section.line_of(key), message, advice);
    }
    let hold = story.thresholds.iter().find(|(key, _)| *key == "hold_from");
    if let (Some((key, points)), Some(least)) = (hold, reach.least())
        && *points <= least
    {
        let message = format!(
            "what is needed comes to {least} points already, so it always holds and nobody is asked \
             first"
        );
        let advice = format!("raise `{key}` above {least}, or need less");
        problems.report(POLICY, story.section.line_of(key), message, advice);
    }
}

/// Notes a typology that evidence of one kind sets off: among a million payments every single sign
/// is seen a thousand times, and this kind of scam six times.
fn kinds(story: &Story<'_>, watches: &[Watch], reach: Reach<'_>, problems: &Problems) {
    let reached = |points: i64| {
        let steps = story.thresholds.iter().rev().filter(|(key, _)| *key != "review_from");
        steps.clone().find(|(_, from)| *from <= points).map(|(key, _)| *key)
    };
    for group in &story.counts {
        let alone = reach.most_of(|watch| watch.kind.group == group.text);
        if let Some(key) = alone.and_then(reached) {
            let message = format!("`{}` alone reaches `{key}`", group.text);
            let advice = "need another group as well: no single sign is rare among honest people";
            problems.report(POLICY, story.section.line_of(key), message, advice);
        }
    }
    let scored = reach.most_of(|watch| [SCORE, "payee"].contains(&watch.kind.group));
    let counted = story.counts.iter().find(|group| group.text == SCORE);
    if let (Some(group), Some(key)) = (counted, scored.and_then(reached)) {
        let message = format!("scores of others and a new payee reach `{key}`");
        let advice = "need something seen or said as well: nobody can argue with a score";
        problems.report(POLICY, group.line, message, advice);
    }
    let said = reach.most_of(|watch| watch.kind.family == Family::Narrative);
    let several = story.counts.iter().filter(|group| {
        let of = watches.iter().find(|watch| watch.kind.group == group.text);
        of.is_some_and(|watch| watch.kind.family == Family::Narrative)
    });
    if 1 < several.count() && said.and_then(reached) == Some("hold_from") {
        let message = "what is written reaches `hold_from` with nothing else";
        let advice = "need a group of another kind, such as `payee`: people write anything";
        problems.report(POLICY, story.section.line_of("hold_from"), message, advice);
    }
}

/// Notes protection that silences everything it may speak against.
fn protection(story: &Story<'_>, reach: Reach<'_>, watches: &[Watch], problems: &Problems) {
    let takes = takes_off(story, watches, PROTECTIVE);
    let most = reach.most();
    let firm = reach.sum(|watch| watch.kind.is_firm());
    let left = firm.saturating_add(most.saturating_sub(firm).saturating_sub(takes).max(0));
    let inform = story.thresholds.iter().find(|(key, _)| *key == "inform_from");
    if let Some((key, points)) = inform
        && left < *points
        && *points <= most
    {
        let message = format!(
            "what speaks for a payment takes off {takes} points, so that even everything together, \
             {most} points, stays below `{key}`"
        );
        let advice = "let it weigh less: a protected payee must not silence all evidence at once";
        problems.report(POLICY, story.section.line_of("counts"), message, advice);
    }
}

/// Returns how much the strongest signal of a protective group takes off.
fn takes_off(story: &Story<'_>, watches: &[Watch], group: &str) -> i64 {
    let of_group =
        |weight: &&Weight| watches.get(weight.watch).is_some_and(|watch| watch.kind.group == group);
    let points = weights(story).iter().filter(of_group).map(|weight| weight.points);
    points.min().unwrap_or(0).min(0).saturating_neg()
}

/// Tells whether one of two typologies can never lead: both speak of the same and reach each step
/// at the same points or later.
fn never_leads(one: &Story<'_>, other: &Story<'_>) -> bool {
    let (Some(a), Some(b)) = (&one.typology, &other.typology) else { return false };
    let (later, leads) = in_order(one, other);
    let steps = later.thresholds.iter().zip(&leads.thresholds);
    a.needs == b.needs
        && a.mentions == b.mentions
        && a.groups == b.groups
        && steps.clone().all(|((_, later), (_, leads))| leads <= later)
}

/// Returns the one with the higher priority number, then the other.
fn in_order<'s, 'd>(one: &'s Story<'d>, other: &'s Story<'d>) -> (&'s Story<'d>, &'s Story<'d>) {
    let priority = |story: &Story<'_>| story.typology.as_ref().map(|story| story.priority);
    if priority(one) < priority(other) { (other, one) } else { (one, other) }
}

fn weights<'s>(story: &'s Story<'_>) -> &'s [Weight] {
    story.weights.as_deref().unwrap_or_default()
}

fn line_of(name: &Text<'_>) -> u32 {
    name.line
}

fn listed(names: &[Text<'_>]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"{}\"", name.text)).collect();
    format!("[{}]", names.join(", "))
}

/// Speaks for a payment.
const PROTECTIVE: &str = "protective";
/// What others make of the payment.
const SCORE: &str = "outside_score";

/// Most lists that may be needed. The shipped stories have three.
const NEEDS_MAX: usize = 6;
