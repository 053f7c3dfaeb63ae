//! Typology: one story read from `policy.toml`.

use rust_decimal::Decimal;

use crate::document::{Section, Text, all, nearest};
use crate::policy::{CannotAsk, Group, Signals, Typology, Watch, Weight};
use crate::signal;
use crate::text::Concept;
use crate::warning::{Step, Warnings, name};

/// One typology as far as it could be read, with the places its parts stand at.
pub(super) struct Story<'d> {
    /// Where it stands.
    pub(super) section: Section<'d>,
    /// Its name; empty where it has none.
    pub(super) id: &'d str,
    /// The evidence groups it counts.
    pub(super) counts: Vec<Text<'d>>,
    /// What it needs, list by list.
    pub(super) needs: Vec<Need<'d>>,
    /// What each signal weighs in it; absent where that cannot be read.
    pub(super) weights: Option<Vec<Weight>>,
    /// Points from which each step is taken, weakest first; those that could be read.
    pub(super) thresholds: Vec<(&'static str, i64)>,
    /// Concepts of which one at least must be mentioned.
    pub(super) mentions: Vec<Text<'d>>,
    /// The warning it chooses, whether or not there is one of that id.
    pub(super) warning: Option<&'d str>,
    /// Whether it is stated to be right more often than not.
    pub(super) likely: bool,
    /// All of the above, where nothing is wrong with it.
    pub(super) typology: Option<Typology>,
}

/// One list of what a typology needs.
pub(super) struct Need<'d> {
    /// The names in it.
    pub(super) names: Vec<Text<'d>>,
    /// The signals they stand for.
    pub(super) signals: Signals,
}

/// What may be written of where nobody can be asked.
pub(super) const CANNOT_ASK: [(&str, CannotAsk); 2] =
    [("review", CannotAsk::Review), ("allow", CannotAsk::Allow)];

/// Reads one typology, noting every problem.
pub(super) fn read<'d>(section: Section<'d>, watches: &[Watch], warnings: &Warnings) -> Story<'d> {
    let id = name(&section, "id");
    let priority = section.whole("priority", 1..=1_000);
    let scam_types = SCAM_TYPES.map(|name| (name, name));
    let scam_type = section.choice("scam_type", &scam_types);
    let counts = counts(&section, watches);
    let needs = needs(&section, watches, counts.as_deref());
    let weights = counts.as_deref().and_then(|counts| weights(&section, watches, counts));
    let mentions = section.optional("mentions", |section, key| mentions(section, key));

    let [inform, ask, review, hold] = THRESHOLDS.map(|key| section.whole(key, 1..=POINTS_MAX));
    let thresholds = THRESHOLDS.into_iter().zip([inform, ask, review, hold]);
    let thresholds = thresholds.filter_map(|(key, points)| Some((key, points?))).collect();
    let ordered = ordered(&section, [inform, ask, review, hold]);
    let expected = "an amount of the policy's currency, such as \"100.00\"";
    let amount_min = section.amount("amount_min", expected);
    let cannot_ask =
        section.optional("cannot_ask", |section, key| section.choice(key, &CANNOT_ASK));
    let precision = section.optional("precision", precision);
    let stated = section.text("warning");
    let warning = stated.and_then(|id| warning(&section, id, warnings));

    let typology = || {
        let [inform_from, ask_from, review_from, hold_from] = ordered?;
        precision?;
        Some(Typology {
            id: id?.into(),
            priority: priority?,
            scam_type: scam_type?.into(),
            needs: needs.as_ref()?.iter().map(|need| need.signals).collect(),
            mentions: concepts(mentions.as_ref()?.as_deref().unwrap_or_default())?,
            counted: Signals::at(weights.as_ref()?.iter().map(|weight| weight.watch)),
            misses: {
                let missed = weights.as_ref()?.iter().filter(|weight| weight.unavailable != 0);
                Signals::at(missed.map(|weight| weight.watch))
            },
            suspicious: suspicious(weights.as_ref()?, watches),
            groups: groups(weights.as_ref()?),
            inform_from,
            ask_from,
            review_from,
            hold_from,
            cannot_ask: cannot_ask?,
            amount_min: amount_min?,
            warning: warning?.into(),
        })
    };
    let typology = typology();
    Story {
        typology,
        section,
        id: id.unwrap_or(""),
        counts: counts.unwrap_or_default(),
        needs: needs.unwrap_or_default(),
        weights,
        thresholds,
        mentions: mentions.flatten().unwrap_or_default(),
        warning: stated,
        likely: precision.flatten().is_some_and(|precision| HALF < precision),
    }
}

/// Returns those of the weighed signals that speak against a transfer.
fn suspicious(weights: &[Weight], watches: &[Watch]) -> Signals {
    let speaks = |weight: &&Weight| {
        let watch = watches.get(weight.watch);
        watch.is_some_and(|watch| watch.kind.family != signal::Family::Protective)
    };
    Signals::at(weights.iter().filter(speaks).map(|weight| weight.watch))
}

/// Puts together what sees the same event.
fn groups(weights: &[Weight]) -> Vec<Group> {
    let groups = weights.chunk_by(|one, next| one.group == next.group);
    let group = |weights: &[Weight]| Group {
        members: Signals::at(weights.iter().map(|weight| weight.watch)),
        weights: weights.to_vec(),
    };
    groups.map(group).collect()
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
fn needs<'d>(
    section: &Section<'d>,
    watches: &[Watch],
    counted: Option<&[Text<'_>]>,
) -> Option<Vec<Need<'d>>> {
    let lists = section.text_lists("needs")?;
    if lists.is_empty() || lists.iter().any(Vec::is_empty) {
        let advice = "name what must have fired, such as [[\"payee\"], [\"voice\"]]";
        section.report("needs", "`needs` names nothing", advice);
    }
    let need = |names: Vec<Text<'d>>| {
        let signals = one_of(section, &names, watches, counted);
        Need { names, signals }
    };
    Some(lists.into_iter().map(need).collect())
}

/// Reads the concepts of which one at least must be mentioned.
fn mentions<'d>(section: &Section<'d>, key: &str) -> Option<Vec<Text<'d>>> {
    let names = section.texts(key)?;
    if names.is_empty() {
        let advice = "name concepts of the lexicon, or remove the key";
        section.report(key, format!("`{key}` names nothing"), advice);
    }
    for name in &names {
        let _ = signal::concept(section, *name);
    }
    Some(names)
}

/// Reads what share of the payments it led was found to be scams. Whoever states it has measured it:
/// only then may its warning say that a scam is likely.
fn precision(section: &Section<'_>, key: &str) -> Option<Decimal> {
    section.parsed(key, "a share up to 1, such as \"0.62\"", |text| {
        let share = Decimal::from_str_exact(text).ok()?;
        (Decimal::ZERO..=Decimal::ONE).contains(&share).then_some(share)
    })
}

fn concepts(names: &[Text<'_>]) -> Option<Vec<Concept>> {
    names.iter().map(|name| Concept::named(name.text)).collect()
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

/// Returns the id of a warning that has words for every step.
fn warning<'d>(section: &Section<'d>, id: &'d str, warnings: &Warnings) -> Option<&'d str> {
    let ids = warnings.ids();
    if !ids.contains(&id) {
        let message = format!("there is no warning `{id}`");
        section.report("warning", message, nearest(id, ids.into_iter()));
        return None;
    }
    let missing = Step::ALL.into_iter().filter(|step| !warnings.has(id, *step));
    all(missing.map(|step| {
        if warnings.is_faulty(id, step) {
            return None;
        }
        let message = format!("the warning `{id}` has no words to {}", step.name());
        let advice = format!("add [warning.{}] to it", step.name());
        section.report("warning", message, advice);
        None::<()>
    }))?;
    Some(id)
}

/// Above it, it is right more often than not.
const HALF: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

/// The points from which each step is taken, weakest first.
const THRESHOLDS: [&str; 4] = ["inform_from", "ask_from", "review_from", "hold_from"];

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
