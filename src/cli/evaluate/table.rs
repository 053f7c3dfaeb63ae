//! Table: everything measured, laid out for a terminal of 100 columns.

use std::fmt::Write as _;

use crate::cli::evaluate::Ran;
use crate::cli::evaluate::words::{
    between, described, grouped, hundredths, million, million_only, percent, plain, share, thousand,
};
use crate::evaluation::{
    CASES_PER_MILLION, Change, Curve, Example, Group, Measures, OTHER_CASES_PER_MILLION, Rate,
    ScamType,
};
use crate::telemetry::state::hex;

/// Lays out the report.
pub(super) fn report(ran: &Ran, measures: &[Measures], change: Option<&Change>) -> String {
    let mut page = Page(String::new());
    page.line(&format!(
        "{} payments in {}, {} a second",
        grouped(ran.payments),
        if ran.files.len() == 1 {
            "one file".to_owned()
        } else {
            format!("{} files", ran.files.len())
        },
        grouped(ran.per_second()),
    ));
    for (name, header, records) in &ran.files {
        page.line(&format!(
            "  {name}: seed {}, {} customers, {} days, {} payments{}",
            header.seed,
            grouped(header.customers.into()),
            header.days,
            grouped(*records),
            scales(header),
        ));
    }
    for ((name, digest), measures) in ran.policies.iter().zip(measures) {
        page.policy(ran, (name, digest), measures);
    }
    if let Some(change) = change {
        page.change(change);
    }
    page.0
}

impl Ran {
    /// Returns how many payments were evaluated a second.
    pub(super) fn per_second(&self) -> u64 {
        self.payments.saturating_mul(1_000_000).checked_div(self.micros).unwrap_or(0)
    }
}

/// A page in the making.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.0.push('\n');
        self.line(text);
    }

    fn policy(&mut self, ran: &Ran, (name, digest): (&str, &[u8; 32]), measures: &Measures) {
        let digest: String = hex(digest).chars().take(12).collect();
        self.heading(&format!("Under {name}, sha256:{digest}…"));
        self.line(&format!(
            "  The first {} days are remembered and not measured: {} payments. {} cases are cut off by the end \
             of a file.",
            ran.warm_up,
            grouped(measures.warming),
            measures.cut_off
        ));
        self.scams(measures);
        self.honest(measures);
        self.curve(
            "Thresholds moved: cases of police and bank impersonation held at",
            &measures.holds,
        );
        self.curve("ask_from moved: cases held or asked about at", &measures.asks);
        if measures.otherwise != 0 {
            self.line(&format!(
                "  {} payments were held otherwise than the curves say: a no released the story that led, \
                 and not another.",
                grouped(measures.otherwise)
            ));
        }
        self.leads(measures);
        self.signs(measures);
        self.examples("Honest payments farthest over a threshold", &measures.honest_examples);
        self.examples(
            "Missed payments of police and bank impersonation",
            &measures.missed_examples,
        );
    }

    fn scams(&mut self, measures: &Measures) {
        self.heading(&format!(
            "{:<32}{:>6}  {:>18}{:>12}{:>19}{:>11}{:>8}",
            "Scams",
            "cases",
            "before half (95%)",
            "1st pound",
            "held at all (95%)",
            "+ asked",
            "money"
        ));
        let mut last = None;
        for group in &measures.groups {
            // All kinds together, each kind, and this scam by variant and by script.
            let this = group.scam_type == Some(ScamType::PoliceBank);
            let shown = match (&group.script, group.variant) {
                (None, None) => true,
                (None, Some(_)) | (Some(_), None) => this,
                (Some(_), Some(_)) => false,
            };
            if !shown {
                continue;
            }
            if last != Some(group.scam_type) {
                last = Some(group.scam_type);
            }
            self.group(group);
        }
        self.heading(
            "With questions, where a payer admits the story: stopped before half, money kept",
        );
        for group in measures
            .groups
            .iter()
            .filter(|group| group.scam_type == Some(ScamType::PoliceBank) && group.script.is_none())
        {
            let name = group.variant.map_or_else(|| "all".to_owned(), plain);
            let mut row = format!("    {name:<28}");
            for (per_mille, half, pence) in &group.worth.admitted {
                let percent = per_mille.checked_div(10).unwrap_or(0);
                let _ = write!(row, "   {percent}%: {:>6} {:>6}", share(*half), share(*pence));
            }
            self.line(&row);
        }
    }

    fn group(&mut self, group: &Group) {
        let name = match (group.scam_type, &group.script, group.variant) {
            (None, ..) => "all scams".to_owned(),
            (Some(kind), None, None) => format!("  {}", plain(kind.name())),
            (_, Some(script), _) => format!("      {}", plain(script)),
            (_, None, Some(variant)) => format!("    {}", plain(variant)),
        };
        let worth = &group.worth;
        self.line(&format!(
            "{name:<32}{:>6}  {:>18}{:>12}{:>19}{:>11}{:>8}",
            grouped(worth.stopped.of),
            between(worth.half),
            share(worth.first_pound),
            between(worth.stopped),
            share(worth.touched),
            share(worth.pence),
        ));
    }

    fn honest(&mut self, measures: &Measures) {
        let harm = &measures.harm;
        self.heading(&format!(
            "{:<26}{:>12}{:>22}{:>14}{:>12}{:>12}",
            "Honest payments",
            "payments",
            "held a million (95%)",
            "asked a mill.",
            "held 1,000",
            "asked 1,000"
        ));
        let mut row = |name: &str, held: Rate, asked: Rate| {
            self.line(&format!(
                "{name:<26}{:>12}{:>22}{:>14}{:>12}{:>12}",
                grouped(held.of),
                million(held),
                million_only(asked),
                thousand(held),
                thousand(asked),
            ));
        };
        row("  all", harm.held, harm.asked);
        for (cohort, held, asked) in &harm.cohorts {
            row(&format!("    {}", plain(cohort.name())), *held, *asked);
        }
        self.line(&format!(
            "  {} of the {} held were asked about first, and a no did not release them.",
            grouped(harm.held_after_no),
            grouped(harm.held.count)
        ));
        let per = |ratio: Option<u64>| ratio.map_or_else(|| "none found".to_owned(), hundredths);
        self.line(&format!(
            "  Honest payments held for each case held: {} of this scam ({CASES_PER_MILLION} cases in a million \
             payments), {} of any ({}).",
            per(harm.false_per_true),
            per(harm.false_per_true_all),
            CASES_PER_MILLION.saturating_add(OTHER_CASES_PER_MILLION),
        ));
    }

    fn curve(&mut self, title: &str, curve: &Curve) {
        self.heading(title);
        let names = ["telling words", "bland live call", "bland silent", "adaptive", "all"];
        self.line(&format!(
            "  {:<30}{:>8}{}",
            "at most",
            "offset",
            names.map(|name| format!("{name:>17}")).concat()
        ));
        for budget in &curve.budgets {
            let title = format!("{} in a million honest", grouped(budget.per_million));
            let Some(point) = &budget.point else {
                self.line(&format!("  {title:<30}     none: no threshold keeps within it"));
                continue;
            };
            let found = names.map(|name| {
                let key = name.replace(' ', "_");
                let found = point.found.iter().find(|(group, ..)| *group == key);
                format!(
                    "{:>17}",
                    found.map_or_else(String::new, |(_, stopped, _)| between(*stopped))
                )
            });
            self.line(&format!("  {title:<30}{:>+8}{}", point.offset, found.concat()));
        }
        self.line("  What is remembered is as under the policy's own thresholds.");
    }

    fn leads(&mut self, measures: &Measures) {
        self.heading(&format!(
            "{:<32}{:>10}{:>10}{:>12}{:>12}{:>12}{:>12}{:>11}",
            "Typologies that led: held, asked",
            "honest",
            "",
            "this scam",
            "",
            "other scams",
            "",
            "precision"
        ));
        for lead in &measures.leads {
            self.line(&format!(
                "  {:<30}{:>10}{:>10}{:>12}{:>12}{:>12}{:>12}{:>11}",
                &*lead.typology,
                grouped(lead.honest.0),
                grouped(lead.honest.1),
                grouped(lead.scams.0),
                grouped(lead.scams.1),
                grouped(lead.others.0),
                grouped(lead.others.1),
                lead.precision.map_or_else(|| "-".to_owned(), percent),
            ));
        }
    }

    fn signs(&mut self, measures: &Measures) {
        self.heading(&format!(
            "{:<30}{:>16}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}",
            "Signals fired",
            "honest a mill.",
            "this scam",
            "telling",
            "live call",
            "silent",
            "others",
            "precision"
        ));
        for sign in &measures.signs {
            let variant = |at: usize| {
                let wanted = crate::evaluation::Variant::ALL.get(at).copied();
                let found = sign.variants.iter().find(|(variant, _)| Some(*variant) == wanted);
                found.map_or_else(|| "-".to_owned(), |(_, rate)| share(*rate))
            };
            self.line(&format!(
                "  {:<28}{:>16}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}",
                sign.id,
                million_only(sign.honest),
                share(sign.scams),
                variant(0),
                variant(1),
                variant(2),
                share(sign.others),
                percent(sign.precision),
            ));
        }
    }

    fn examples(&mut self, title: &str, examples: &[Example]) {
        if examples.is_empty() {
            return;
        }
        self.heading(title);
        for example in examples.iter().take(EXAMPLES_SHOWN) {
            self.line(&format!("  {}", told(example)));
        }
    }

    fn change(&mut self, change: &Change) {
        self.heading("What the second policy decides otherwise");
        for (what, (second, first)) in change.counts() {
            self.line(&format!(
                "  {what:<64} {:>8} more {:>8} fewer",
                grouped(second),
                grouped(first)
            ));
        }
        if change.incomplete {
            self.line("  Too many honest payments were held or asked about to be compared one by one: these are too low.");
        }
        for one in change.examples.iter().take(EXAMPLES_SHOWN) {
            let side =
                |side: &Option<Example>| side.as_ref().map_or_else(|| "let pass".to_owned(), told);
            self.line(&format!("  first:  {}", side(&one.before)));
            self.line(&format!("  second: {}", side(&one.after)));
        }
    }
}

fn told(example: &Example) -> String {
    let (what, decided, signals) = described(example);
    let (file, record) = (example.noted.file, example.noted.record);
    format!("file {file} record {record}: {what}; {decided}; {signals}")
}

fn scales(header: &crate::records::pb::Header) -> String {
    let scales = [
        ("calls", &header.calls_scale),
        ("new payees", &header.new_payees_scale),
        ("missing facts", &header.missing_scale),
    ];
    let told = scales.iter().filter(|(_, scale)| !scale.is_empty() && *scale != "1");
    told.map(|(name, scale)| [", ", name, " times ", scale].concat()).collect()
}

/// As many as fit on a screen beside the rest; `--json` has more.
const EXAMPLES_SHOWN: usize = 8;
