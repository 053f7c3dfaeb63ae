//! Json: everything measured, for programs. Keys are permanent; new ones may be added. Every share is
//! `{count, of, per_million, low, high}`: the interval after Wilson, 95 times of 100, in parts of a million.

use serde_json::{Value, json};

use crate::cli::evaluate::Ran;
use crate::evaluation::{
    Change, Changed, Curve, Example, Group, Lead, Margins, Measures, Point, Rate, ScamType, Sign,
};
use crate::telemetry::state::hex;

/// Writes the report as one object in one line.
pub(super) fn report(ran: &Ran, measures: &[Measures], change: Option<&Change>) -> String {
    let file = |(name, header, records): &(String, crate::records::pb::Header, u64)| {
        json!({
            "name": name, "records": records, "generator": header.generator, "seed": header.seed,
            "parameters_digest": hex(&header.parameters_digest), "customers": header.customers,
            "days": header.days, "calls_scale": header.calls_scale,
            "new_payees_scale": header.new_payees_scale, "missing_scale": header.missing_scale,
        })
    };
    let policies = ran.policies.iter().zip(measures).map(|((name, digest), measures)| {
        let digest = format!("sha256:{}", hex(digest));
        json!({ "name": name, "digest": digest, "measures": policy(measures) })
    });
    let object = json!({
        "files": ran.files.iter().map(file).collect::<Vec<_>>(),
        "warm_up_days": ran.warm_up,
        "payments": ran.payments,
        "microseconds": ran.micros,
        "payments_per_second": ran.per_second(),
        "policies": policies.collect::<Vec<_>>(),
        "change": change.map(changed),
    });
    format!("{object}\n")
}

fn policy(measures: &Measures) -> Value {
    let harm = &measures.harm;
    let cohorts = harm.cohorts.iter().map(|(cohort, held, asked)| {
        json!({ "cohort": cohort.name(), "held": rate(*held), "asked": rate(*asked) })
    });
    json!({
        "payments_not_measured": measures.warming,
        "scam_payments": measures.scam_payments,
        "cases_cut_off": measures.cut_off,
        "cases": measures.groups.iter().map(group).collect::<Vec<_>>(),
        "honest": {
            "held": rate(harm.held),
            "held_after_no": harm.held_after_no,
            "asked": rate(harm.asked),
            "cohorts": cohorts.collect::<Vec<_>>(),
        },
        "false_per_true_hundredths": harm.false_per_true,
        "false_per_true_hundredths_all_scams": harm.false_per_true_all,
        "signals": measures.signs.iter().map(sign).collect::<Vec<_>>(),
        "typologies": measures.leads.iter().map(lead).collect::<Vec<_>>(),
        "held_otherwise_than_curves": measures.otherwise,
        "hold_curve": curve(&measures.holds),
        "ask_curve": curve(&measures.asks),
        "examples": {
            "honest": measures.honest_examples.iter().map(example).collect::<Vec<_>>(),
            "missed": measures.missed_examples.iter().map(example).collect::<Vec<_>>(),
        },
    })
}

fn group(group: &Group) -> Value {
    let worth = &group.worth;
    let admitted = worth.admitted.iter().map(|(per_mille, half, pence)| {
        json!({
            "admit_per_mille": per_mille,
            "before_half_per_million": half.per_million(),
            "pence_per_million": pence.per_million(),
        })
    });
    json!({
        "type": group.scam_type.map(ScamType::name),
        "script": group.script,
        "variant": group.variant,
        "cases": worth.stopped.of,
        "payments": worth.payments,
        "before_first_pound": rate(worth.first_pound),
        "before_half": rate(worth.half),
        "held": rate(worth.stopped),
        "held_or_asked": rate(worth.touched),
        "pence": worth.pence.of,
        "pence_kept": worth.pence.count,
        "pence_kept_per_million": worth.pence.per_million(),
        "admitted": admitted.collect::<Vec<_>>(),
    })
}

fn sign(sign: &Sign) -> Value {
    let variants = sign
        .variants
        .iter()
        .map(|(variant, found)| json!({ "variant": variant.name(), "fired": rate(*found) }));
    json!({
        "id": sign.id,
        "honest": rate(sign.honest),
        "scams": rate(sign.scams),
        "variants": variants.collect::<Vec<_>>(),
        "other_scams": rate(sign.others),
        "precision_per_million": sign.precision,
    })
}

fn lead(lead: &Lead) -> Value {
    let both = |(held, asked): (u64, u64)| json!({ "held": held, "asked": asked });
    json!({
        "id": *lead.typology,
        "honest": both(lead.honest),
        "scams": both(lead.scams),
        "other_scams": both(lead.others),
        "hold_precision_per_million": lead.precision,
    })
}

fn curve(curve: &Curve) -> Value {
    let budgets = curve.budgets.iter().map(|budget| {
        json!({ "per_million": budget.per_million, "point": budget.point.as_ref().map(point) })
    });
    json!({
        "budgets": budgets.collect::<Vec<_>>(),
        "points": curve.points.iter().map(point).collect::<Vec<_>>(),
    })
}

fn point(point: &Point) -> Value {
    let found = point.found.iter().map(|(group, stopped, half)| {
        json!({ "group": group, "stopped": rate(*stopped), "before_half": rate(*half) })
    });
    json!({
        "offset": point.offset,
        "honest": rate(point.honest),
        "found": found.collect::<Vec<_>>(),
    })
}

fn example(example: &Example) -> Value {
    let noted = &example.noted;
    let margin = |margin: i64| (margin != Margins::NONE && margin != i64::MAX).then_some(margin);
    let scam = noted.scam.map(|(kind, variant, step)| {
        json!({ "type": kind.name(), "variant": variant.name(), "step": step })
    });
    json!({
        "file": noted.file,
        "record": noted.record,
        "kind": noted.kind,
        "scam": scam,
        "outcome": noted.outcome.name(),
        "typology": noted.typology.as_deref(),
        "points": noted.points,
        "over_hold": margin(noted.margins.hold),
        "over_ask": margin(noted.margins.ask),
        "signals": example.signals,
    })
}

fn changed(change: &Change) -> Value {
    let both =
        |(second, first): (u64, u64)| json!({ "only_against": second, "only_policy": first });
    let one = |one: &Changed| {
        let side = |side: &Option<Example>| side.as_ref().map(example);
        json!({ "policy": side(&one.before), "against": side(&one.after) })
    };
    json!({
        "honest_held": both(change.honest_held),
        "honest_asked": both(change.honest_asked),
        "cases_held": both(change.cases),
        "other_cases_held": both(change.other_cases),
        "scam_payments_held_or_asked": both(change.touched),
        "incomplete": change.incomplete,
        "examples": change.examples.iter().map(one).collect::<Vec<_>>(),
    })
}

fn rate(rate: Rate) -> Value {
    let (low, high) = rate.interval().unzip();
    json!({
        "count": rate.count, "of": rate.of, "per_million": rate.per_million(), "low": low, "high": high,
    })
}
