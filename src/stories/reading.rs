//! Reading: a story's file becomes a story, or every problem of it is named.

use crate::document::{Document, Problems, Section, all, nearest};
use crate::stories::fact::{Choice, Quantity, Table, Unit};
use crate::stories::payee::Payee;
use crate::stories::person::{Bank, Person};
use crate::stories::step::{Step, Texts};
use crate::stories::{Expected, Order, Scam, Story, Variant};

/// Reads the story in `text`, noting in `problems` what is wrong with it.
pub(super) fn read(file: &str, text: &str, problems: &Problems) -> Option<Story> {
    let document = Document::parse(file, text, problems);
    let root = document.root();
    let story = story(&root);
    drop(root);
    // A file that is no TOML in places may still read as a story.
    let story = story.filter(|_| problems.none())?;
    check(file, &story, problems);
    problems.none().then_some(story)
}

fn story(root: &Section<'_>) -> Option<Story> {
    let schema = root.whole("schema", SCHEMA..=SCHEMA);
    let id = root.parsed("id", "letters, digits and underscores, at most 24", |id| {
        let fits = (1..=24).contains(&id.len());
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (fits && plain).then_some(id)
    });
    let title = root.text("title");
    let told = root.text("told");
    let source = root.optional("source", Section::text);
    let scam = root.choice("scam", &SCAMS);
    let honest = scam == Some(Scam::None);
    let cohort = root.optional("cohort", |root, key| root.choice(key, &COHORTS));
    let elsewhere = root.optional("elsewhere", Section::text);

    let (weekday, time) = begins(root).unzip();
    let person = root.section("person").and_then(|section| Person::read(&Table::of(&section)));
    let bank = match root.optional("bank", Section::section) {
        Some(Some(section)) => Bank::read(Some(&Table::of(&section))),
        Some(None) => Bank::read(None),
        None => None,
    };
    let payees = root.optional("payee", payees);
    let known = payees.as_ref().and_then(Option::as_deref).unwrap_or_default();
    let (telling, bland) = (Texts::read(root, "telling"), Texts::read(root, "bland"));
    let steps = root.sections("step").and_then(|sections| {
        all(sections.iter().map(|section| Step::read(section, known, !honest)))
    });
    let expected = root.optional("expect", expected);

    let cohort = cohort?;
    if honest && cohort.is_none() {
        root.report(
            "cohort",
            "`cohort` is missing",
            "say which group of honest payments it belongs to",
        );
    }
    if !honest && cohort.is_some() {
        root.report("cohort", "`cohort` in a story of a scam", "leave it out");
    }
    schema?;
    Some(Story {
        id: id?.into(),
        title: title?.into(),
        told: told?.into(),
        source: source?.map(Into::into),
        scam: scam?,
        cohort,
        elsewhere: elsewhere?.map(Into::into),
        weekday: weekday?,
        time: time?,
        person: person?,
        bank: bank?,
        payees: payees?.unwrap_or_default(),
        telling: telling?,
        bland: bland?,
        steps: steps?,
        expected: expected?.unwrap_or_default(),
    })
}

fn begins(root: &Section<'_>) -> Option<(Choice<i64>, Quantity)> {
    let section = root.optional("begins", Section::section)?;
    let (weekday, time) = match &section {
        Some(section) => {
            let table = Table::of(section);
            let weekday = table.choice("weekday", &WEEKDAYS);
            (weekday, table.quantity("time", Unit::Clock))
        }
        None => (Some(None), Some(None)),
    };
    // Any working day as likely as another, in the hours that people are at home; ours.
    let any = || {
        let days = WEEKDAYS.iter().take(5).map(|(name, day)| (*day, *name, 200));
        Choice::OneOf(days.collect())
    };
    let daytime = Quantity::Between { from: 570, to: 1_080, by: 5 };
    let (weekday, time) = (weekday?, time?);
    Some((weekday.unwrap_or_else(any), time.unwrap_or(daytime)))
}

fn payees(root: &Section<'_>, key: &str) -> Option<Vec<Payee>> {
    let section = root.section(key)?;
    let names = section.keys();
    all(names.iter().map(|name| {
        let payee = section.section(name.text)?;
        Payee::read(name.text, &Table::of(&payee))
    }))
}

fn expected(root: &Section<'_>, key: &str) -> Option<Expected> {
    let section = root.section(key)?;
    let first_pound = section.optional("first_pound", Section::text);
    let half = section.optional("half", Section::text);
    let held = section.optional("held_per_mille_max", |section, key| section.whole(key, 0..=1000));
    Some(Expected {
        first_pound: first_pound?.map(Into::into),
        half: half?.map(Into::into),
        held_per_mille_max: held?,
    })
}

/// Notes what is wrong with a story as a whole. What follows from draws is found by telling it.
fn check(file: &str, story: &Story, problems: &Problems) {
    let pays = || story.steps.iter().filter_map(|step| step.pays().map(|pays| (step, pays)));
    let takes = pays().any(|(_, pays)| !pays.honest);
    if story.is_scam() && takes == story.elsewhere.is_some() {
        let advice = "let a step pay the scammer, or say in `elsewhere` how the money left";
        problems.report(file, 0, "it is not clear how the scam takes the money", advice);
    }
    if !story.is_scam() && pays().next().is_none() {
        problems.report(file, 0, "nobody is paid", "add a step that `does = \"pays\"`");
    }
    if story.is_scam() && takes {
        let told = |pays: &crate::stories::step::Pays| pays.telling.is_some();
        for (step, _) in pays().filter(|(_, pays)| !pays.honest && !told(pays)) {
            if story.telling.is_none() {
                let advice = "add [telling] with the words that give the scam away";
                problems.report(file, step.line, "nothing tells what this payment is", advice);
            }
        }
    }
    for (place, payee) in story.payees.iter().enumerate() {
        let used = pays().any(|(_, pays)| pays.to.contains(&place));
        if !used {
            let message = format!("nobody pays `{}`", payee.id);
            problems.report(file, 0, message, "pay them in a step, or leave them out");
        }
    }
    let mut open = false;
    for step in &story.steps {
        use crate::stories::step::Does;
        match &step.does {
            Does::Calls(_) => open = true,
            Does::HangsUp if !open => {
                problems.report(file, step.line, "no call has begun", "begin one in a step before");
            }
            Does::HangsUp => open = false,
            _ => {}
        }
    }
    expectations(file, story, problems);
}

fn expectations(file: &str, story: &Story, problems: &Problems) {
    let Expected { first_pound, half, held_per_mille_max } = &story.expected;
    if held_per_mille_max.is_some() && story.is_scam() {
        let advice = "expect it of honest stories only";
        problems.report(file, 0, "`held_per_mille_max` in a story of a scam", advice);
    }
    let step = |name: &str| {
        let names: Vec<_> = story.steps.iter().filter_map(|step| step.name.as_deref()).collect();
        let found = story.step(name);
        if found.is_none() {
            let message = format!("`{name}` is no step of this story");
            let advice = match names.as_slice() {
                [] => "give the step a `name`".to_owned(),
                names => nearest(name, names.iter().copied()),
            };
            problems.report(file, 0, message, advice);
        }
        found
    };
    let wanted =
        [("first_pound", first_pound.as_deref().map(step)), ("half", half.as_deref().map(step))];
    for draw in 0..CHECKED_DRAWS {
        let order = Order { seed: 0, draw, variant: Variant::Telling, life: false };
        let telling = story.tell(order);
        for (what, wanted) in wanted {
            let Some(Some(wanted)) = wanted else { continue };
            let at = telling.told.iter().find(|told| match what {
                "half" => told.label.reaches_half,
                _ => told.label.first_pound,
            });
            let found = at.and_then(|told| told.label.step);
            if found != Some(wanted) {
                let found = found.map_or("no step".to_owned(), |found| format!("step {found}"));
                let message = format!("`{what}` is reached at {found}, not at step {wanted}");
                problems.report(file, 0, message, "name that step, or leave the expectation out");
            }
        }
    }
}

const SCHEMA: u32 = 1;

/// In so many draws an expectation is tried when a story is read; the tests try all.
const CHECKED_DRAWS: u32 = 16;

const SCAMS: [(&str, Scam); 6] = [
    ("none", Scam::None),
    ("impersonation_police_bank", Scam::ImpersonationPoliceBank),
    ("impersonation_other", Scam::ImpersonationOther),
    ("invoice_and_mandate", Scam::InvoiceAndMandate),
    ("romance", Scam::Romance),
    ("advance_fee", Scam::AdvanceFee),
];

/// Groups of honest payments that a policy must not hurt more than others.
const COHORTS: [(&str, &str); 16] = [
    ("everyday", "everyday"),
    ("completion", "completion"),
    ("courts_and_tax", "courts_and_tax"),
    ("legal", "legal"),
    ("builder", "builder"),
    ("car", "car"),
    ("wedding", "wedding"),
    ("own_new_account", "own_new_account"),
    ("honest_call", "honest_call"),
    ("student", "student"),
    ("sole_trader", "sole_trader"),
    ("charity", "charity"),
    ("move", "move"),
    ("investment", "investment"),
    ("family", "family"),
    ("new_phone", "new_phone"),
];

const WEEKDAYS: [(&str, i64); 7] = [
    ("monday", 0),
    ("tuesday", 1),
    ("wednesday", 2),
    ("thursday", 3),
    ("friday", 4),
    ("saturday", 5),
    ("sunday", 6),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::{payee, person, step};

    #[test]
    fn the_paper_on_stories_lists_every_name() {
        let paper = include_str!("../../tests/stories/README.md");
        let mut names = [person::names(), payee::names(), step::names()].concat();
        names.extend(SCAMS.map(|(name, _)| name));
        names.extend(COHORTS.map(|(name, _)| name));
        names.extend(WEEKDAYS.map(|(name, _)| name));
        assert!(80 < names.len());
        for name in names {
            assert!(paper.contains(&format!("`{name}`")), "{name}");
        }
    }
}
