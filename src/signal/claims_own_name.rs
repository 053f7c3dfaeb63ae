//! Claims own name: the payee carries the payer's name, and the account is not known to be theirs.
//!
//! "We have opened a safe account in your name": the victim is told to create the payee under their
//! own name, sometimes first name and initial, and the account is a mule's or one that the caller
//! controls. A new account of one's own at another bank looks the same, which is why the name alone
//! says little.
//!
//! The names are compared as people write them: titles are left out, order does not matter, an
//! initial stands for its name, middle names may lack, and either name of a joint account counts.
//! A shared surname is no match, nor is a shared given name under another surname: thousands have
//! either. Two given names in full under another surname are one person before and after a
//! marriage: hardly two strangers share both.
//!
//! Quiet when the bank knows the account as the payer's own, unless the name check refutes it.

use std::borrow::Cow;

use crate::signal::payee_name_mismatch::found;
use crate::signal::{Facts, Family, Kind, Look, Reading};
use crate::transfer::{Fact, NameResult};

/// Permanent.
pub const KIND: Kind = Kind {
    id: "claims_own_name",
    code: 17,
    version: 1,
    family: Family::Structural,
    group: "own_name",
    recalls: false,
    settings: |_| Some(Box::new(Settings)),
};

/// What a policy decides about this signal: nothing yet.
#[derive(Clone, Copy, Debug)]
pub struct Settings;

impl Look for Settings {
    /// Looks for the payer's name as the payee of an account that is not known to be the payer's.
    fn look(&self, facts: &Facts) -> Reading {
        let transfer = &facts.transfer;
        let Some(held) = &transfer.payer.name else {
            return Reading::Unavailable(Fact::PayerName);
        };
        let Some(typed) = &transfer.payee.name else {
            return Reading::Unavailable(Fact::PayeeName);
        };
        let result = transfer.name_check.as_ref().and_then(found);
        // What is quiet whoever the payee is, first: comparing names takes longest.
        let own = transfer.payee.own == Some(true) && result != Some(NameResult::NoMatch);
        if own || is_strange(held, typed) || !is_same(held, typed) {
            return Reading::Quiet;
        }
        match (transfer.payee.own, result) {
            (_, Some(NameResult::NoMatch)) => Reading::Fired(Cow::Borrowed(
                "the payee carries the payer's name, and the account is in another",
            )),
            (Some(true), _) => Reading::Quiet,
            (Some(false), _) => Reading::Fired(Cow::Borrowed(
                "the payee carries the payer's name, and the account is not known as the payer's",
            )),
            (None, _) => Reading::Unavailable(Fact::PayeeOwn),
        }
    }
}

/// Tells at a glance that two plain names have no two words that begin alike, or share none of two letters
/// or more, without which they are never the same: nearly every transfer is to somebody else.
fn is_strange(held: &str, typed: &str) -> bool {
    let (held, typed) = (held.as_bytes(), typed.as_bytes());
    let Some((held_initials, typed_initials)) = initials(held).zip(initials(typed)) else {
        return false;
    };
    if held_initials & typed_initials == 0 {
        return true;
    }
    let begins = |word: &&[u8]| word.first().is_some_and(|first| held_initials & bit(*first) != 0);
    let alike = || typed.split(|byte| *byte == b' ').filter(begins);
    let shared = |word: &[u8]| {
        let mut helds = held.split(|byte| *byte == b' ');
        1 < word.len() && helds.any(|held| held.eq_ignore_ascii_case(word))
    };
    // An initial, or what a word was cut to, begins as the word does.
    alike().nth(1).is_none() || !alike().any(shared)
}

/// Returns the letters that words begin with, a bit for each; `None` where a name is of more than
/// plain letters and spaces.
fn initials(name: &[u8]) -> Option<u32> {
    let (mut initials, mut begins) = (0, true);
    for byte in name {
        if *byte == b' ' {
            begins = true;
        } else if !byte.is_ascii_alphabetic() {
            return None;
        } else if std::mem::take(&mut begins) {
            initials |= bit(*byte);
        }
    }
    Some(initials)
}

/// Returns the bit of a letter, whatever its case.
fn bit(letter: u8) -> u32 {
    // The last five bits of a letter are its number.
    1_u32 << (letter & 31)
}

/// Tells whether one of the people whom the bank holds the account for is among those typed.
fn is_same(held: &str, typed: &str) -> bool {
    let typed = people(typed);
    people(held).iter().any(|held| typed.iter().any(|typed| is_person(held, typed)))
}

/// Tells whether two names are those of people who are no relatives as far as names tell: they share no word of
/// two letters or more, and neither is an organisation's.
pub(super) fn are_strangers(held: &str, typed: &str) -> bool {
    let (held, typed) = (people(held), people(typed));
    let known = |word: &String| held.iter().flatten().any(|held| held == word);
    let shared = |word: &String| 1 < word.chars().count() && known(word);
    !held.is_empty() && !typed.is_empty() && !typed.iter().flatten().any(shared)
}

/// Tells whether two names are one person's. No more than [`WORDS_MAX`] words each.
fn is_person(held: &[String], typed: &[String]) -> bool {
    let mut free: Vec<&str> = held.iter().map(String::as_str).collect();
    let mut pair = |fits: &dyn Fn(&str) -> bool| {
        let at = free.iter().position(|word| fits(word));
        at.map(|at| free.swap_remove(at)).is_some()
    };
    // Whole words first, so that an initial never takes the partner of one.
    let (same, rest): (Vec<&String>, Vec<&String>) =
        typed.iter().partition(|word| pair(&|held| held == word.as_str()));
    let (short, strange): (Vec<&String>, Vec<&String>) =
        rest.into_iter().partition(|word| pair(&|held| stands_for(word, held)));

    let whole = same.iter().any(|word| 1 < word.chars().count());
    let two = 2 <= same.len().saturating_add(short.len());
    (whole && two && (strange.is_empty() || free.is_empty())) || is_renamed(held, typed)
}

/// Tells whether both begin with the same two given names in full, whatever the surname.
fn is_renamed(held: &[String], typed: &[String]) -> bool {
    let [held_first, held_second, _, ..] = held else { return false };
    let [first, second, _, ..] = typed else { return false };
    let full = |word: &String| 1 < word.chars().count();
    held_first == first && held_second == second && full(first) && full(second)
}

/// Tells whether one word is the other's initial, or was cut short to three or four letters.
fn stands_for(typed: &str, held: &str) -> bool {
    let count = |word: &str| word.chars().count();
    let cut = (3..=4).contains(&count(typed)) && held.starts_with(typed);
    let initial = count(typed) == 1 && held.starts_with(typed);
    let held_initial = count(held) == 1 && typed.starts_with(held);
    cut || initial || held_initial
}

/// Returns the people in a name, each as words; nobody where it is an organisation's.
fn people(name: &str) -> Vec<Vec<String>> {
    let mut people: Vec<Vec<String>> = vec![Vec::new()];
    for word in words(name).into_iter().take(WORDS_MAX) {
        match word.as_str() {
            "and" => people.push(Vec::new()),
            word if ORGANISATIONS.contains(&word) => return Vec::new(),
            word if TITLES.contains(&word) || ACCOUNTS.contains(&word) => {}
            _ => {
                if let Some(person) = people.last_mut() {
                    person.push(word);
                }
            }
        }
    }
    // "A and B Hollis": the first shares the surname of the last.
    let surname = people.last().filter(|person| 1 < person.len()).and_then(|last| last.last());
    if let Some(surname) = surname.cloned() {
        for person in people.iter_mut().filter(|person| person.len() == 1) {
            person.push(surname.clone());
        }
    }
    people.retain(|person| 1 < person.len());
    people
}

/// Returns the words of a name, without accents and in lower case; `and` for its signs.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars().take(NAME_CHARS_MAX).flat_map(char::to_lowercase) {
        let Some(word) = words.last_mut() else { break };
        match plain(letter) {
            '\'' | '\u{2019}' | '\u{300}'..='\u{36f}' => {}
            '&' | '+' => words.extend(["and".to_owned(), String::new()]),
            letter if letter.is_alphanumeric() => word.push(letter),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the letter without its accent: a bank may hold "Siân" where people type "Sian".
fn plain(letter: char) -> char {
    let of = |letters: &str| letters.contains(letter);
    match letter {
        _ if letter.is_ascii() => letter,
        _ if of("àáâãäåā") => 'a',
        _ if of("çćč") => 'c',
        _ if of("èéêëēęě") => 'e',
        _ if of("ìíîïī") => 'i',
        _ if of("ñńň") => 'n',
        _ if of("òóôõöøō") => 'o',
        _ if of("šś") => 's',
        _ if of("ùúûüū") => 'u',
        _ if of("ŵ") => 'w',
        _ if of("ýÿŷ") => 'y',
        _ if of("žźż") => 'z',
        _ => letter,
    }
}

/// Words before and after a name that are no part of it.
const TITLES: [&str; 19] = [
    "mr", "mrs", "ms", "miss", "mx", "dr", "sir", "dame", "lord", "lady", "rev", "prof", "capt",
    "jr", "snr", "esq", "mbe", "obe", "phd",
];

/// What people add to their own name to tell their accounts apart, and what they are told to add.
const ACCOUNTS: [&str; 14] = [
    "account", "acct", "acc", "ac", "new", "safe", "secure", "savings", "saver", "current",
    "personal", "holding", "joint", "isa",
];

/// Words that make a name an organisation's, or money held for somebody else.
const ORGANISATIONS: [&str; 18] = [
    "ltd",
    "limited",
    "llp",
    "plc",
    "cic",
    "solicitors",
    "solicitor",
    "chambers",
    "client",
    "clients",
    "trust",
    "trustees",
    "estate",
    "executors",
    "deceased",
    "charity",
    "services",
    "of",
];

/// Most words of a name that are compared: no joint account names more than two people in full.
const WORDS_MAX: usize = 12;
/// Most characters of a name that are read: the most that the API takes.
const NAME_CHARS_MAX: usize = 140;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Reading::{Quiet, Unavailable};
    use crate::testing::{facts, name_check};

    #[test]
    fn one_name_written_in_many_ways_is_one_persons() {
        for (held, typed) in [
            ("Ann Hollis", "Ann Hollis"),
            ("ANN HOLLIS", "ann hollis"),
            ("Mrs Ann Hollis", "Ann Hollis"),
            ("Ann Hollis", "MRS A HOLLIS"),
            ("Ann Hollis", "A. Hollis"),
            ("A M Hollis", "Ann Hollis"),
            ("HOLLIS ANN MARIE", "Ann Hollis"),
            ("Ann Hollis", "Hollis, Ann"),
            ("Ann Marie Hollis", "Ann Hollis"),
            ("Ann Hollis", "Ann Marie Hollis"),
            ("Ann Marie Hollis", "A M Hollis"),
            // As a victim was told: first name and shortened surname.
            ("Ann Hollis", "Ann H"),
            ("Ann Hollis", "Ann Holl"),
            ("Daniel Okafor", "Dan Okafor"),
            ("Siân O'Brien", "SIAN OBRIEN"),
            ("Sian O\u{2019}Brien", "Sian O Brien"),
            ("Ann Hollis", "Ann Mercer-Hollis"),
            ("Ann Mercer-Hollis", "Ann Hollis"),
            // Before and after a marriage.
            ("Ann Marie Hollis", "Ann Marie Mercer"),
            ("Ann Hollis", "ANN HOLLIS SAFE ACCOUNT"),
            ("Ann Hollis", "A Hollis new savings acc"),
            ("MR B & MRS A HOLLIS", "Ann Hollis"),
            ("Brian Hollis and Ann Hollis", "A Hollis"),
            ("Ann Hollis", "Ann & Brian Hollis"),
        ] {
            assert!(is_same(held, typed), "{held} and {typed}");
            assert!(!is_strange(held, typed), "{held} and {typed}");
        }
    }

    #[test]
    fn what_two_people_share_is_nobodys_own_name() {
        for (held, typed) in [
            ("Ann Hollis", "Brian Hollis"),
            ("Ann Hollis", "B Hollis"),
            ("Ann Hollis", "Ann Mercer"),
            ("Ann Marie Hollis", "Ann Jane Mercer"),
            ("A M Hollis", "A M Mercer"),
            ("Ann Hollis", "Hollis"),
            ("Ann Hollis", "Ann"),
            ("Ann Hollis", "A H"),
            ("John Smithson", "John Smith"),
            ("Ann Hollis", "Hollis Solicitors"),
            ("Ann Hollis", "Ann Hollis Ltd"),
            ("Ann Hollis", "Executors of Ann Hollis"),
            ("Ann Hollis", "A Hollis & Co Solicitors Client"),
            ("Ann Hollis", "R Mercer"),
            ("Ann Hollis", "Mr and Mrs"),
            ("Ann Hollis", "&&&"),
            ("", ""),
        ] {
            assert!(!is_same(held, typed), "{held} and {typed}");
        }
    }

    #[test]
    fn people_who_share_no_name_are_strangers() {
        for (held, typed, want) in [
            ("Mrs Ann Hollis", "R Mercer", true),
            ("Ann Hollis", "Robert Mercer", true),
            // An initial is shared by a few people in a hundred.
            ("A Hollis", "A Mercer", true),
            ("MR B & MRS A HOLLIS", "R Mercer & S Lowe", true),
            // Husbands, children, and those who were named after somebody.
            ("Ann Hollis", "Brian Hollis", false),
            ("Ann Hollis", "Ann Mercer", false),
            ("MR B & MRS A HOLLIS", "Tom Hollis", false),
            // Firms keep accounts for their customers, and for themselves.
            ("Ann Hollis", "Mercer Savings Ltd", false),
            ("Hollis Services", "R Mercer", false),
            // One word is a shop, or a first name.
            ("Ann Hollis", "Moneybox", false),
            ("Ann Hollis", "", false),
            ("", "R Mercer", false),
        ] {
            assert_eq!(are_strangers(held, typed), want, "{held} and {typed}");
        }
    }

    #[test]
    fn a_glance_tells_strangers_and_most_of_a_family() {
        for (held, typed, want) in [
            ("Ann Hollis", "R Mercer", true),
            ("Ann Hollis", "Brian Hollis", true),
            ("Ann Hollis", "B Hollis", true),
            ("Ann Hollis", "Hollis", true),
            ("Ann Hollis", "ann hollis", false),
            ("Ann Hollis", "Hollis A", false),
            ("Ann Hollis", "Abigail Hollis", false),
            // No word of two letters is shared.
            ("Ann Hollis", "A H", true),
            ("Ann Hollis", "Alan Holt", true),
            // More than letters and spaces is not to be told at a glance.
            ("Ann Hollis", "R. Mercer", false),
            ("Si\u{e2}n Hollis", "R Mercer", false),
            ("", "Ann Hollis", true),
        ] {
            assert_eq!(is_strange(held, typed), want, "{held} and {typed}");
        }
    }

    /// Looks at an account under the payer's own name, of which the bank and the check know this.
    #[track_caller]
    fn check(own: Option<bool>, result: Option<NameResult>, want: &Reading) {
        let mut facts = facts();
        facts.transfer.payer.name = Some("Mrs Ann Hollis".into());
        facts.transfer.payee.name = Some("A HOLLIS".into());
        facts.transfer.payee.own = own;
        facts.transfer.name_check = result.map(|result| name_check(Some(result), ""));
        assert_eq!(&Settings.look(&facts), want);
        facts.transfer.payee.name = Some("R Mercer".into());
        assert_eq!(Settings.look(&facts), Quiet);
    }

    #[test]
    fn an_account_that_the_bank_knows_as_own_is_quiet_unless_the_check_refutes_it() {
        let other = Reading::Fired(
            "the payee carries the payer's name, and the account is in another".into(),
        );
        let unknown = Reading::Fired(
            "the payee carries the payer's name, and the account is not known as the payer's"
                .into(),
        );
        let missing = Unavailable(Fact::PayeeOwn);
        let (found, close) = (Some(NameResult::Match), Some(NameResult::CloseMatch));
        let refuted = Some(NameResult::NoMatch);
        let unchecked = Some(NameResult::CouldNotCheck);
        for result in [None, found, close, unchecked] {
            check(Some(true), result, &Quiet);
            check(Some(false), result, &unknown);
            check(None, result, &missing);
        }
        for own in [None, Some(false), Some(true)] {
            check(own, refuted, &other);
        }
    }

    #[test]
    fn needs_both_names() {
        let mut facts = facts();
        assert_eq!(Settings.look(&facts), Unavailable(Fact::PayerName));
        facts.transfer.payer.name = Some("Ann Hollis".into());
        assert_eq!(Settings.look(&facts), Unavailable(Fact::PayeeName));
    }

    #[test]
    fn however_long_the_names_are_the_work_is_bounded() {
        let long = "ann hollis & ".repeat(100_000);
        assert!(people(&long).iter().map(Vec::len).sum::<usize>() <= WORDS_MAX + 4);
        assert!(is_same(&long, &long));
    }
}
