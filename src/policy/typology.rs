//! Typology: one story read from `policy.toml`.

use crate::document::{Section, Text, all, nearest};
use crate::money::Amount;
use crate::policy::{Signals, Typology, Watch, Weight};
use crate::signal;
use crate::warning::{Step, Warnings, name};

/// Reads one typology, noting every problem.
pub(super) fn read(
    section: &Section<'_>,
    watches: &[Watch],
    warnings: &Warnings,
) -> Option<Typology> {
    let id = name(section, "id");
    let priority = section.whole("priority", 1..=1_000);
    let scam_types = SCAM_TYPES.map(|name| (name, name));
    let scam_type = section.choice("scam_type", &scam_types);
    let groups = counts(section, watches);
    let needs = needs(section, watches, groups.as_deref());
    let weights = groups.as_deref().map(|groups| weights(section, watches, groups));

    let points = |key| section.whole(key, 1..=POINTS_MAX);
    let thresholds =
        [points("inform_from"), points("ask_from"), points("review_from"), points("hold_from")];
    let thresholds = ordered(section, thresholds);
    let expected = "an amount of the policy's currency, such as \"100.00\"";
    let amount_min = section.parsed("amount_min", expected, |text| Amount::parse(text).ok());
    let warning = warning(section, warnings);

    let [inform_from, ask_from, review_from, hold_from] = thresholds?;
    Some(Typology {
        id: id?.into(),
        priority: priority?,
        scam_type: scam_type?.into(),
        needs: needs?,
        weights: weights??,
        inform_from,
        ask_from,
        review_from,
        hold_from,
        amount_min: amount_min?,
        warning: warning?.into(),
    })
}

/// Reads the range that a signal's points lie in.
pub(super) fn points_of(section: &Section<'_>, key: &str, kind: &signal::Kind) -> Option<i64> {
    match kind.family {
        // It cancels, and weighs nothing besides.
        signal::Family::Protective if kind.cancels().is_some() => section.whole(key, 0..=0),
        signal::Family::Protective => section.whole(key, -SIGNAL_POINTS_MAX..=0),
        signal::Family::Structural | signal::Family::Coercion | signal::Family::Narrative => {
            section.whole(key, 0..=SIGNAL_POINTS_MAX)
        }
    }
}

/// Reads the evidence groups it counts.
fn counts<'d>(section: &Section<'d>, watches: &[Watch]) -> Option<Vec<Text<'d>>> {
    let groups = section.texts("counts")?;
    for (at, group) in groups.iter().enumerate() {
        if !watches.iter().any(|watch| watch.kind.group == group.text) {
            let known = watches.iter().map(|watch| watch.kind.group);
            let message = format!("no signal of this policy is of the group `{}`", group.text);
            section.report_at(group.line, message, nearest(group.text, known));
        }
        if groups.iter().take(at).any(|other| other.text == group.text) {
            let message = format!("`{}` is counted twice", group.text);
            section.report_at(group.line, message, "name it once: the strongest counts once");
        }
    }
    Some(groups)
}

/// Reads what must have fired.
fn needs(
    section: &Section<'_>,
    watches: &[Watch],
    counted: Option<&[Text<'_>]>,
) -> Option<Vec<Signals>> {
    let lists = section.text_lists("needs")?;
    if lists.is_empty() || lists.iter().any(Vec::is_empty) {
        let advice = "name what must have fired, such as [[\"payee\"], [\"voice\"]]";
        section.report("needs", "`needs` names nothing", advice);
    }
    Some(lists.iter().map(|names| one_of(section, names, watches, counted)).collect())
}

/// Reads one list of groups and signals of which one must have fired.
fn one_of(
    section: &Section<'_>,
    names: &[Text<'_>],
    watches: &[Watch],
    counted: Option<&[Text<'_>]>,
) -> Signals {
    let mut signals = Signals::default();
    for name in names {
        let mut known = false;
        for (at, watch) in watches.iter().enumerate() {
            if watch.kind.group != name.text && watch.kind.id != name.text {
                continue;
            }
            known = true;
            signals.add(at);
            let counts = |counted: &[Text<'_>]| {
                counted.iter().any(|counted| counted.text == watch.kind.group)
            };
            if counted.is_some_and(|counted| !counts(counted)) {
                let message = format!("`{}` is needed and not counted", name.text);
                let advice = format!("add `{}` to `counts`", watch.kind.group);
                section.report_at(name.line, message, advice);
            }
        }
        if !known {
            let names = watches.iter().flat_map(|watch| [watch.kind.group, watch.kind.id]);
            let message = format!("no signal of this policy is or is of the group `{}`", name.text);
            section.report_at(name.line, message, nearest(name.text, names));
        }
    }
    signals
}

/// Returns what each signal of the groups weighs: its own points, or what `points` says instead.
fn weights(section: &Section<'_>, watches: &[Watch], counted: &[Text<'_>]) -> Option<Vec<Weight>> {
    let overrides = section.optional("points", Section::section)?;
    let mut sound = true;
    let mut weights = Vec::new();
    for (at, watch) in watches.iter().enumerate() {
        let id = watch.kind.id;
        let group = counted.iter().position(|counted| counted.text == watch.kind.group);
        let stated = overrides.as_ref().filter(|section| section.has(id));
        let points = match stated {
            Some(section) => points_of(section, id, watch.kind),
            None => Some(watch.points),
        };
        match (points, group, stated) {
            (Some(points), Some(group), _) => {
                let unavailable = watch.unavailable.min(points.max(0));
                weights.push(Weight { watch: at, group, points, unavailable });
            }
            (Some(_), None, Some(section)) => {
                let message = format!("`{id}` is weighed and not counted");
                section.report(id, message, format!("add `{}` to `counts`", watch.kind.group));
            }
            (Some(_), None, None) => {}
            (None, _, _) => sound = false,
        }
    }
    weights.sort_by_key(|weight| weight.group);
    sound.then_some(weights)
}

/// Checks that each threshold lies above the one before.
fn ordered(section: &Section<'_>, thresholds: [Option<i64>; 4]) -> Option<[i64; 4]> {
    let [inform, ask, review, hold] = thresholds;
    let (inform, ask, review, hold) = (inform?, ask?, review?, hold?);
    if ask <= inform || review < ask || hold < review || hold <= ask {
        let advice = "write them so that inform_from < ask_from < hold_from, and review_from from \
                      ask_from to hold_from";
        section.report("inform_from", "the thresholds are out of order", advice);
        return None;
    }
    Some([inform, ask, review, hold])
}

/// Reads the name of a warning that has words for every step.
fn warning<'d>(section: &Section<'d>, warnings: &Warnings) -> Option<&'d str> {
    let id = section.text("warning")?;
    let ids = warnings.ids();
    if !ids.contains(&id) {
        let message = format!("there is no warning `{id}`");
        section.report("warning", message, nearest(id, ids.into_iter()));
        return None;
    }
    let missing = Step::ALL.into_iter().filter(|step| !warnings.has(id, *step));
    all(missing.map(|step| {
        let message = format!("the warning `{id}` has no words to {}", step.name());
        let advice = format!("add [warning.{}] to it", step.name());
        section.report("warning", message, advice);
        None::<()>
    }))?;
    Some(id)
}

/// UK Finance's categories of authorised push payment fraud.
const SCAM_TYPES: [&str; 8] = [
    "purchase",
    "investment",
    "romance",
    "advance_fee",
    "invoice_mandate",
    "ceo",
    "impersonation_police_bank",
    "impersonation_other",
];

/// Highest threshold: far above any sum of the signals there are.
const POINTS_MAX: i64 = 1_000;
/// Most points of one signal, so that points read like parts of a hundred.
const SIGNAL_POINTS_MAX: i64 = 100;
