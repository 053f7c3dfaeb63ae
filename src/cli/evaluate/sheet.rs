//! Sheet: everything measured on one page of HTML, with charts.
//!
//! The page holds everything it needs and asks the network for nothing. Places on the charts are whole
//! numbers; everything that is text is escaped by the template library.

use minijinja::{AutoEscape, Environment, Value, context};

use crate::cli::CliError;
use crate::cli::evaluate::Ran;
use crate::cli::evaluate::words::{
    between, described, grouped, million, percent, plain, range, share, thousand,
};
use crate::evaluation::{
    CASES_PER_MILLION, Change, Changed, Curve, Example, Group, Measures, OTHER_CASES_PER_MILLION,
    Rate, ScamType,
};
use crate::telemetry::state::hex;

/// Lays out the page.
pub(super) fn sheet(
    ran: &Ran,
    measures: &[Measures],
    change: Option<&Change>,
) -> Result<String, CliError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let failed = |error: minijinja::Error| {
        CliError::NotAsExpected(format!("the page cannot be laid out: {error}"))
    };
    environment.add_template("sheet", TEMPLATE).map_err(failed)?;
    let template = environment.get_template("sheet").map_err(failed)?;
    let policies = ran.policies.iter().zip(measures).map(|((name, digest), measures)| {
        let digest = format!("sha256:{}", hex(digest));
        policy((name, &digest), measures)
    });
    let file = |(name, header, records): &(String, crate::records::pb::Header, u64)| {
        let scales = [&header.calls_scale, &header.new_payees_scale, &header.missing_scale];
        let scale = |scale: &&String| {
            if scale.is_empty() { "× 1".to_owned() } else { ["× ", scale].concat() }
        };
        context! {
            name => name,
            generator => &header.generator,
            seed => header.seed,
            customers => grouped(header.customers.into()),
            days => header.days,
            payments => grouped(*records),
            scales => scales.iter().map(scale).collect::<Vec<_>>(),
            parameters => hex(&header.parameters_digest).chars().take(16).collect::<String>(),
        }
    };
    let page = context! {
        payments => grouped(ran.payments),
        warm_up => ran.warm_up,
        policies => policies.collect::<Vec<_>>(),
        change => change.map(changed),
        files => ran.files.iter().map(file).collect::<Vec<_>>(),
        base_rates => format!(
            "Scams are several times as frequent in these files as in life, so precision and honest \
             payments for each true hold are reckoned at {CASES_PER_MILLION} cases of police and bank \
             impersonation (6 payments) in a million payments and {OTHER_CASES_PER_MILLION} cases (109 \
             payments) of other scams, after what the Payment Systems Regulator counted in 2023."
        ),
    };
    template.render(page).map_err(failed)
}

fn policy((name, digest): (&str, &str), measures: &Measures) -> Value {
    let harm = &measures.harm;
    let all = measures.groups.iter().find(|group| {
        group.scam_type == Some(ScamType::PoliceBank)
            && group.script.is_none()
            && group.variant.is_none()
    });
    let worth = all.map(|group| group.worth).unwrap_or_default();
    let tile = |number: String, what: &str| context! { number => number, what => what };
    let per = |ratio: Option<u64>| ratio.map_or_else(|| "none found".to_owned(), tenths);
    context! {
        name => name,
        digest => digest,
        tiles => [
            tile(share(worth.half), "of police and bank impersonation cases held before half the money"),
            tile(share(worth.pence), "of their money kept"),
            tile(
                harm.held.per_million().map_or_else(String::new, grouped),
                "honest payments in a million held",
            ),
            tile(
                harm.asked.per_million().map_or_else(String::new, grouped),
                "honest payments in a million asked about and released by a no",
            ),
            tile(per(harm.false_per_true_all), "honest payments held for each case of any scam held"),
        ],
        otherwise => measures.otherwise,
        charts => [
            chart("Police and bank impersonation cases held", "honest payments held, in a million", (&measures.holds, HOLDS_MOST)),
            chart("The same held or asked about", "honest payments asked about, in a million", (&measures.asks, ASKS_MOST)),
        ],
        budgets => [
            budgets("Held, at most", &measures.holds),
            budgets("Held or asked about, at most so many questions", &measures.asks),
        ],
        cut_off => measures.cut_off,
        rates => ["10%", "30%", "50%"],
        cases => measures.groups.iter().filter_map(case).collect::<Vec<_>>(),
        false_per_true => format!(
            "{} honest payments are held for each case of police or bank impersonation that is, {} for each \
             case of any scam. {} of the {} held were asked about first, and a no did not release them.",
            per(harm.false_per_true),
            per(harm.false_per_true_all),
            grouped(harm.held_after_no),
            grouped(harm.held.count),
        ),
        cohorts => cohorts(measures),
        leads => leads(measures),
        variants => crate::evaluation::Variant::ALL.iter().map(|one| plain(one.name())).collect::<Vec<_>>(),
        signs => signs(measures),
        examples => [
            examples("Honest payments farthest over a threshold", &measures.honest_examples),
            examples("Missed payments of police and bank impersonation, those nearest a threshold first", &measures.missed_examples),
        ],
    }
}

/// Lays out a curve, up to so many honest payments in a million.
fn chart(title: &str, across: &str, (curve, most): (&Curve, u64)) -> Value {
    let along = |per_million: u64| {
        let root = per_million.saturating_mul(10_000).isqrt();
        let whole = most.saturating_mul(10_000).isqrt().max(1);
        46_u64.saturating_add(root.saturating_mul(412).checked_div(whole).unwrap_or(0))
    };
    let up = |share: u64| {
        let below = 1_000_000_u64.saturating_sub(share).saturating_mul(270);
        14_u64.saturating_add(below.checked_div(1_000_000).unwrap_or(0))
    };
    let lines = CURVES.map(|(group, class)| {
        let mut points = Vec::new();
        for point in &curve.points {
            let found = point.found.iter().find(|(name, ..)| *name == group);
            let share = found.and_then(|(_, stopped, _)| stopped.per_million());
            if let (Some(honest), Some(share)) = (point.honest.per_million(), share)
                && honest <= most
            {
                points.push(format!("{},{}", along(honest), up(share)));
            }
        }
        context! { name => plain(group), class => class, points => points.join(" ") }
    });
    let tick = |at: u64, label: String| context! { at => at, label => label };
    let marks = [20, 40, 80, 160, 500, 1_000, 2_000, 5_000, 10_000];
    let marks = marks
        .into_iter()
        .filter(|mark| *mark <= most && most.checked_div(50).is_some_and(|least| least <= *mark));
    let now = curve.points.iter().find(|point| point.offset == 0);
    let now = now.and_then(|point| point.honest.per_million()).filter(|now| *now <= most);
    context! {
        title => title,
        across => across,
        up => [0, 25, 50, 75, 100]
            .map(|share: u64| tick(up(share.saturating_mul(10_000)), format!("{share}%"))),
        along => std::iter::once(0).chain(marks).map(|mark| tick(along(mark), grouped(mark))).collect::<Vec<_>>(),
        now => now.map(along),
        lines => lines,
    }
}

fn budgets(title: &str, curve: &Curve) -> Value {
    let names = CURVES.map(|(group, _)| group);
    let row = |budget: &crate::evaluation::Budget| {
        let cell = |group: &str| {
            let found = budget.point.as_ref()?.found.iter().find(|(name, ..)| *name == group)?;
            Some(context! { share => share(found.1), range => range(found.1) })
        };
        let offset = budget.point.as_ref().map(|point| format!("{:+}", point.offset));
        context! {
            at => format!("{} in a million", grouped(budget.per_million)),
            offset => offset.unwrap_or_else(|| "none".to_owned()),
            cells => names.iter().map(|group| cell(group)).collect::<Vec<_>>(),
        }
    };
    context! {
        title => title,
        names => names.map(plain),
        rows => curve.budgets.iter().map(row).collect::<Vec<_>>(),
    }
}

/// Returns a row of the table of cases: every kind of scam, and this one by variant and by script.
fn case(group: &Group) -> Option<Value> {
    let this = group.scam_type == Some(ScamType::PoliceBank);
    let (name, class) = match (group.scam_type, &group.script, group.variant) {
        (None, None, None) => ("all scams".to_owned(), "sum"),
        (Some(kind), None, None) => (plain(kind.name()), "sum"),
        (_, None, Some(variant)) if this => (plain(variant), "in"),
        (_, Some(script), None) if this => (format!("script: {}", plain(script)), "in"),
        _ => return None,
    };
    let worth = &group.worth;
    let thousandth = |per_million: u64| per_million.checked_div(1_000).unwrap_or(0);
    let (low, high) = worth.half.interval().unwrap_or_default();
    Some(context! {
        name => name,
        class => class,
        cases => grouped(worth.stopped.of),
        half => context! {
            share => share(worth.half),
            range => range(worth.half),
            at => thousandth(worth.half.per_million().unwrap_or(0)),
            low => thousandth(low),
            high => thousandth(high),
        },
        first => share(worth.first_pound),
        held => between(worth.stopped),
        touched => share(worth.touched),
        money => share(worth.pence),
        admitted => worth.admitted.map(|(_, half, _)| share(half)),
    })
}

fn cohorts(measures: &Measures) -> Vec<Value> {
    let harm = &measures.harm;
    let all = std::iter::once(("all".to_owned(), harm.held, harm.asked));
    let each =
        harm.cohorts.iter().map(|(cohort, held, asked)| (plain(cohort.name()), *held, *asked));
    let rows: Vec<_> = all.chain(each).collect();
    // The longest bar, or three in a thousand, fills the width; intervals may end beyond it.
    let most = rows.iter().filter_map(|(_, held, _)| held.per_million()).max().unwrap_or(0);
    let most = most.max(3_000);
    let at = |per_million: u64| {
        per_million.saturating_mul(1_000).checked_div(most).unwrap_or(0).min(1_000)
    };
    let row = |(name, held, asked): (String, Rate, Rate)| {
        let (low, high) = held.interval().unwrap_or_default();
        context! {
            name => name,
            payments => grouped(held.of),
            held => thousand(held),
            at => at(held.per_million().unwrap_or(0)),
            low => at(low),
            high => at(high),
            limit => at(1_000),
            million => million(held),
            asked => thousand(asked),
        }
    };
    rows.into_iter().map(row).collect()
}

fn leads(measures: &Measures) -> Vec<Value> {
    let row = |lead: &crate::evaluation::Lead| {
        let numbers = [
            lead.honest.0,
            lead.honest.1,
            lead.scams.0,
            lead.scams.1,
            lead.others.0,
            lead.others.1,
        ];
        let mut cells: Vec<String> = numbers.map(grouped).into();
        cells.push(lead.precision.map_or_else(|| "–".to_owned(), percent));
        context! { name => &*lead.typology, cells => cells }
    };
    measures.leads.iter().map(row).collect()
}

fn signs(measures: &Measures) -> Vec<Value> {
    let row = |sign: &crate::evaluation::Sign| {
        let mut cells = vec![
            sign.honest.per_million().map_or_else(|| "–".to_owned(), grouped),
            share(sign.scams),
        ];
        for variant in crate::evaluation::Variant::ALL {
            let found = sign.variants.iter().find(|(of, _)| of == variant);
            cells.push(found.map_or_else(|| "–".to_owned(), |(_, rate)| share(*rate)));
        }
        cells.extend([share(sign.others), percent(sign.precision)]);
        context! { name => sign.id, cells => cells }
    };
    measures.signs.iter().map(row).collect()
}

fn examples(title: &str, examples: &[Example]) -> Value {
    let row = |example: &Example| {
        let (what, decided, signals) = described(example);
        context! { place => place(example), what => what, decided => decided, signals => signals }
    };
    context! { title => title, rows => examples.iter().map(row).collect::<Vec<_>>() }
}

fn changed(change: &Change) -> Value {
    let count = |(name, (more, fewer)): (&str, (u64, u64))| {
        context! { name => name, more => grouped(more), fewer => grouped(fewer) }
    };
    let row = |changed: &Changed| {
        let any = changed.after.as_ref().or(changed.before.as_ref());
        let decided = |side: &Option<Example>| {
            side.as_ref().map_or_else(
                || "let pass".to_owned(),
                |side| {
                    let (_, decided, signals) = described(side);
                    format!("{decided}: {signals}")
                },
            )
        };
        context! {
            place => any.map(place),
            what => any.map(|any| described(any).0),
            first => decided(&changed.before),
            second => decided(&changed.after),
        }
    };
    context! {
        counts => change.counts().map(count),
        incomplete => change.incomplete,
        rows => change.examples.iter().map(row).collect::<Vec<_>>(),
    }
}

fn place(example: &Example) -> String {
    format!("{}, {}", example.noted.file, grouped(example.noted.record))
}

/// Writes hundredths with one decimal.
fn tenths(hundredths: u64) -> String {
    let tenths = hundredths.saturating_add(5).checked_div(10).unwrap_or(0);
    let (whole, rest) = (tenths.checked_div(10).unwrap_or(0), tenths.checked_rem(10).unwrap_or(0));
    format!("{}.{rest}", grouped(whole))
}

const TEMPLATE: &str = include_str!("sheet.html");

/// The groups of cases that are drawn, and the class of their lines.
const CURVES: [(&str, &str); 4] =
    [("telling_words", "a"), ("bland_live_call", "b"), ("bland_silent", "c"), ("adaptive", "d")];

/// Honest payments in a million at which the charts end: several times what a policy should come to.
const HOLDS_MOST: u64 = 500;
const ASKS_MOST: u64 = 2_000;
