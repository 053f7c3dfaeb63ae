//! Imports: which files of past payments are recorded, and how far.
//!
//! A part of a file counts once: the next part must begin where the last one ended, so that a load
//! which broke off is gone on with, and one that is repeated changes nothing.

use std::sync::Arc;

use crate::account::Token;
use crate::calendar::Time;
use crate::entry::Imported;
use crate::history::drawn::Drawn;
use crate::history::pairs::seconds_of;
use crate::history::past::Sent;
use crate::memory::{Memory, Payer};
use crate::tagged::record;

/// The files that are remembered, the one recorded last at the end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Imports {
    files: Vec<File>,
}

/// One file, as far as it is recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct File {
    import: [u8; 16],
    until: u64,
    taken: u64,
}

/// How far a file is recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// How many of its rows are settled, taken or left out: its next part begins with this row.
    pub until: u64,
    /// How many of them were taken.
    pub taken: u64,
}

/// Where a part of a file belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PartPlace {
    /// It is the next one, and may be recorded.
    Next,
    /// All of its rows are settled.
    Before(Progress),
    /// Rows before it are not settled, or some of its own are.
    Elsewhere,
}

record!(Imports { 1 files });
record!(File { 1 import, 2 until, 3 taken });

impl Memory {
    /// Tells how far a file is recorded; nothing of one that was never heard of.
    pub fn import(&self, import: [u8; 16]) -> Progress {
        let file = self.imports.files.iter().find(|file| file.import == import);
        file.map_or_else(Progress::default, |file| Progress {
            until: file.until,
            taken: file.taken,
        })
    }

    /// Tells where the rows from `from` to before `until` of a file belong.
    pub fn import_place(&self, import: [u8; 16], from: u64, until: u64) -> PartPlace {
        let progress = self.import(import);
        if from == progress.until {
            PartPlace::Next
        } else if until <= progress.until {
            PartPlace::Before(progress)
        } else {
            PartPlace::Elsewhere
        }
    }

    /// Tells whether more is known of a payer than past payments.
    pub fn live(&self, customer: Token) -> bool {
        self.payers.get(&customer.0).is_some_and(|payer| payer.live)
    }

    /// Takes past payments of one payer, or the end of a part.
    pub(super) fn imported(&mut self, imported: &Imported) {
        Arc::make_mut(&mut self.imports).add(imported);
        let Some(customer) = imported.public.customer else { return };
        let sent = || imported.payments().map(|(_, past)| past.sent);
        let first = sent().min().unwrap_or(imported.time);
        let last = sent().max().unwrap_or(imported.time);
        self.remember(customer, imported.slot, (first, last));
        let Some(payer) = self.payers.get_mut(&customer.0) else { return };
        for (payee, past) in imported.payments() {
            let (at, money) = (past.sent, past.money);
            let added = past.added.map(|added| at.since(added));
            let history = Arc::make_mut(payer.past.get_or_insert_default());
            let begun = history.send(&Sent { payee, at, money, added, session: None });
            if begun && let Some(drawn) = self.drawn.entry(payee.0, || Arc::new(Drawn::begin(at))) {
                Arc::make_mut(drawn).paid(customer, at);
            }
        }
    }

    /// Remembers a payer who paid from the first of two times to the second.
    fn remember(&mut self, customer: Token, slot: u32, (first, last): (Time, Time)) {
        let (first, last) = (seconds_of(first), seconds_of(last));
        if let Some(payer) = self.payers.entry(customer.0, || Payer::new(slot, first)) {
            payer.first = payer.first.min(first);
            payer.seen = payer.seen.max(last);
        }
        self.head.slot_next = self.head.slot_next.max(slot.saturating_add(1));
    }
}

impl Imports {
    fn add(&mut self, imported: &Imported) {
        let public = &imported.public;
        let at = self.files.iter().position(|file| file.import == public.import);
        let file = at.map(|at| self.files.remove(at));
        let mut file = file.unwrap_or(File { import: public.import, until: 0, taken: 0 });
        file.taken = file.taken.saturating_add(u64::from(public.rows));
        if let Some(end) = &public.end {
            file.until = end.until;
        }
        self.files.push(file);
        if IMPORTS_MAX < self.files.len() {
            self.files.remove(0);
        }
    }
}

/// Most files remembered; the one recorded longest ago goes first, and counts again where it is
/// loaded once more. Our assumption: a bank loads a year in months or in days of a few weeks.
pub const IMPORTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Entry, ImportedPublic};
    use crate::history::pairs::time_of;
    use crate::memory::snapshot::Slices;
    use crate::testing::{allowed, imported, pounds, request, time};

    fn take(memory: &mut Memory, imported: Imported) {
        let time = imported.time;
        memory.apply(&Entry::Imported(Box::new(imported)), time);
    }

    #[test]
    fn past_payments_are_counted_like_those_that_were_reported() {
        let mut memory = Memory::new();
        take(&mut memory, imported(1, (0, 4), &["2026-05-01T09:00:00Z", "2026-01-01T09:00:00Z"]));
        let customer = Token([9; 16]);
        let payer = memory.payers.get(&customer.0).unwrap();
        let (first, last) = (time("2026-01-01T09:00:00Z"), time("2026-05-01T09:00:00Z"));
        assert_eq!((time_of(payer.first), time_of(payer.seen), payer.live), (first, last, false));
        let pair = payer.past.as_ref().unwrap().pairs.get(Token([2; 16]), Time::MIN).unwrap();
        assert_eq!((pair.first, pair.last, pair.count), (first, time("2026-05-01T00:00:00Z"), 2));
        assert_eq!(pair.total, pounds("20"));
        assert_eq!((memory.slot(customer), memory.slot_next()), (3, 4));
    }

    #[test]
    fn a_payer_is_live_from_the_first_decision_on_and_stays_it() {
        let mut memory = Memory::new();
        let decided = allowed(request(1), 1, time("2026-11-20T15:04:05Z"));
        let customer = decided.public.identity.customer;
        let past = || {
            let mut past = imported(1, (0, 1), &["2026-05-01T09:00:00Z"]);
            past.public.customer = Some(customer);
            past
        };
        take(&mut memory, past());
        assert!(!memory.live(customer));
        memory.apply(&Entry::Decided(Box::new(decided)), time("2026-11-20T15:04:05Z"));
        assert!(memory.live(customer));
        take(&mut memory, past());
        assert!(memory.live(customer));
    }

    #[test]
    fn a_part_has_one_place() {
        let mut memory = Memory::new();
        let id = [1; 16];
        assert_eq!(memory.import_place(id, 0, 4), PartPlace::Next);
        assert_eq!(memory.import_place(id, 1, 4), PartPlace::Elsewhere);
        take(&mut memory, imported(1, (0, 4), &["2026-05-01T09:00:00Z"]));
        let progress = Progress { until: 4, taken: 1 };
        assert_eq!(memory.import(id), progress);
        for (rows, want) in [
            ((4, 9), PartPlace::Next),
            ((0, 4), PartPlace::Before(progress)),
            ((1, 3), PartPlace::Before(progress)),
            ((3, 5), PartPlace::Elsewhere),
            ((5, 9), PartPlace::Elsewhere),
        ] {
            assert_eq!(memory.import_place(id, rows.0, rows.1), want, "{rows:?}");
        }
    }

    #[test]
    fn an_entry_that_does_not_end_its_part_leaves_the_place_where_it_was() {
        let mut memory = Memory::new();
        let mut first = imported(1, (0, 4), &["2026-05-01T09:00:00Z"]);
        first.public.end = None;
        take(&mut memory, first);
        assert_eq!(memory.import([1; 16]), Progress { until: 0, taken: 1 });
    }

    #[test]
    fn files_are_remembered_up_to_a_bound_and_the_oldest_goes_first() {
        let mut memory = Memory::new();
        let last = u8::try_from(IMPORTS_MAX).unwrap();
        for number in 0..last {
            take(&mut memory, imported(number, (0, 4), &[]));
        }
        // Recorded again, so the second is the oldest now.
        take(&mut memory, imported(0, (4, 8), &[]));
        take(&mut memory, imported(last, (0, 4), &[]));
        assert_eq!(memory.import([0; 16]).until, 8);
        assert_eq!(memory.import([1; 16]).until, 0);
        assert_eq!(memory.import([2; 16]).until, 4);
        assert_eq!(memory.imports.files.len(), IMPORTS_MAX);
    }

    #[test]
    fn a_payer_who_was_erased_keeps_the_key_and_has_no_payments() {
        let mut memory = Memory::new();
        let erased = Imported { personal: None, ..imported(1, (0, 4), &["2026-05-01T09:00:00Z"]) };
        take(&mut memory, erased);
        let payer = memory.payers.get(&[9; 16]).unwrap();
        assert_eq!((payer.slot, payer.past.is_none()), (3, true));
        assert_eq!(memory.slot_next(), 4);
    }

    #[test]
    fn a_snapshot_keeps_how_far_files_are_recorded() {
        let mut memory = Memory::new();
        take(&mut memory, imported(1, (0, 4), &["2026-05-01T09:00:00Z"]));
        let nobody = Imported {
            slot: 0,
            personal: None,
            public: ImportedPublic {
                customer: None,
                payees: Vec::new(),
                ..imported(2, (0, 7), &[]).public
            },
            ..imported(2, (0, 7), &[])
        };
        take(&mut memory, nobody);
        assert_eq!(memory.payers(), 1);
        let bytes: Vec<u8> = Slices::new(&memory).flatten().collect();
        let read = Memory::from_snapshot(&bytes).unwrap();
        assert_eq!(read.digest(), memory.digest());
        assert_eq!(read.import([2; 16]), Progress { until: 7, taken: 0 });
    }
}
