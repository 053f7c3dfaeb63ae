//! Lists: the accounts that the bank vouches for, as the log has told of them so far.
//!
//! A list comes in parts, each an entry; it is in force from its last part on, all at once, and
//! replaces the one before. Until then nothing of it counts, so that a load which broke off has
//! changed nothing.
//!
//! Holds tokens only, and no more than two lists: the one in force and the one that is coming.

use std::sync::Arc;

use crate::account::Token;
use crate::calendar::Time;
use crate::entry::Listed;
use crate::history::Listing;
use crate::lists::PARTS_MAX;
use crate::memory::Memory;
use crate::tagged::record;

/// What is remembered of lists.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Lists {
    /// The one in force.
    current: Option<List>,
    /// The one of which parts are still to come.
    coming: Option<List>,
}

/// One list, as far as it is there.
#[derive(Clone, Debug, Eq, PartialEq)]
struct List {
    version: u32,
    content: [u8; 16],
    /// How many parts it has, and how many are recorded.
    parts: u32,
    recorded: u32,
    /// Log time of its last part.
    loaded: Time,
    /// Sorted once all parts are there.
    client_accounts: Vec<Token>,
    billers: Vec<Token>,
}

/// Where a part of a list belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// It is the next one, and may be recorded.
    Next,
    /// It was recorded before, and so were this many parts of its list.
    Before(u32),
    /// Another list is in force under its version.
    Reused,
    /// A later version is in force.
    Old,
    /// Parts before it are not recorded.
    Early,
}

record!(Lists { 1 current, 2 coming });
record!(List {
    1 version, 2 content, 3 parts, 4 recorded, 5 loaded, 6 client_accounts, 7 billers,
});

impl Memory {
    /// Tells where a part of a list belongs.
    pub fn list_place(&self, listed: &Listed) -> Place {
        self.lists.place(listed)
    }

    /// Returns the version of the list in force, and how many client accounts and billers it has.
    pub fn list(&self) -> Option<(u32, usize, usize)> {
        let list = self.lists.current.as_ref()?;
        Some((list.version, list.client_accounts.len(), list.billers.len()))
    }

    /// Takes one more part. Whatever does not belong is left out: the turn records no such part.
    pub(super) fn listed(&mut self, listed: &Listed, time: Time) {
        Arc::make_mut(&mut self.lists).add(listed, time);
    }

    /// Returns the list in force that has an account, by what it vouches for: client accounts, then
    /// billers.
    pub(super) fn listings(&self, account: Token) -> (Option<Listing>, Option<Listing>) {
        let Some(list) = &self.lists.current else { return (None, None) };
        let listing = Listing { version: list.version, loaded: list.loaded };
        let has = |tokens: &[Token]| tokens.binary_search(&account).is_ok().then_some(listing);
        (has(&list.client_accounts), has(&list.billers))
    }
}

impl Lists {
    fn place(&self, listed: &Listed) -> Place {
        if let Some(current) = &self.current {
            if current.is_of(listed) {
                return Place::Before(current.parts);
            }
            if listed.version == current.version {
                return Place::Reused;
            }
            if listed.version < current.version {
                return Place::Old;
            }
        }
        let coming = self.coming.as_ref().filter(|coming| coming.is_of(listed));
        let recorded = coming.map_or(0, |coming| coming.recorded);
        if listed.part <= recorded {
            Place::Before(recorded)
        } else if listed.part == recorded.saturating_add(1) {
            Place::Next
        } else {
            Place::Early
        }
    }

    fn add(&mut self, listed: &Listed, time: Time) {
        if self.place(listed) != Place::Next || PARTS_MAX < listed.parts {
            return;
        }
        let coming = self.coming.take().filter(|coming| coming.is_of(listed));
        let mut list = coming.unwrap_or_else(|| List::begin(listed));
        list.recorded = listed.part;
        list.loaded = time;
        list.client_accounts.extend_from_slice(&listed.client_accounts);
        list.billers.extend_from_slice(&listed.billers);
        if list.recorded < list.parts {
            self.coming = Some(list);
            return;
        }
        for tokens in [&mut list.client_accounts, &mut list.billers] {
            tokens.sort_unstable();
            tokens.dedup();
            tokens.shrink_to_fit();
        }
        self.current = Some(list);
    }
}

impl List {
    fn begin(listed: &Listed) -> Self {
        Self {
            version: listed.version,
            content: listed.content,
            parts: listed.parts,
            recorded: 0,
            loaded: Time::MIN,
            client_accounts: Vec::new(),
            billers: Vec::new(),
        }
    }

    /// Tells whether a part is one of this list.
    fn is_of(&self, listed: &Listed) -> bool {
        (self.version, self.content, self.parts) == (listed.version, listed.content, listed.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::memory::snapshot::Slices;
    use crate::testing::{listed, time};

    fn now() -> Time {
        time("2026-11-20T15:04:05Z")
    }

    fn take(memory: &mut Memory, part: &Listed) {
        memory.apply(&Entry::Listed(Box::new(part.clone())), now());
    }

    /// Tells which of three accounts are client accounts, and of which version.
    fn has(memory: &Memory) -> [Option<u32>; 3] {
        let version = |number| memory.listings(Token([number; 16])).0.map(|found| found.version);
        [version(1), version(2), version(3)]
    }

    #[test]
    fn a_list_is_in_force_from_its_last_part_on_and_replaces_the_one_before() {
        let mut memory = Memory::new();
        take(&mut memory, &listed(1, (1, 1), &[1]));
        assert_eq!((memory.list(), has(&memory)), (Some((1, 1, 0)), [Some(1), None, None]));
        take(&mut memory, &listed(2, (1, 2), &[2]));
        assert_eq!(has(&memory), [Some(1), None, None]);
        take(&mut memory, &listed(2, (2, 2), &[3]));
        assert_eq!((memory.list(), has(&memory)), (Some((2, 2, 0)), [None, Some(2), Some(2)]));
        take(&mut memory, &listed(3, (1, 1), &[]));
        assert_eq!((memory.list(), has(&memory)), (Some((3, 0, 0)), [None; 3]));
    }

    #[test]
    fn an_account_is_found_under_what_the_bank_vouches_for_with_when_it_did() {
        let mut memory = Memory::new();
        let biller = vec![Token([9; 16])];
        take(&mut memory, &Listed { billers: biller, ..listed(4, (1, 1), &[1]) });
        let listing = Some(Listing { version: 4, loaded: now() });
        assert_eq!(memory.listings(Token([9; 16])), (None, listing));
        assert_eq!(memory.listings(Token([1; 16])), (listing, None));
        assert_eq!(memory.listings(Token([8; 16])), (None, None));
    }

    #[test]
    fn a_part_has_one_place() {
        let mut memory = Memory::new();
        let check = |memory: &Memory, part: &Listed, want| {
            assert_eq!(memory.list_place(part), want);
        };
        let (first, second) = (listed(2, (1, 2), &[1]), listed(2, (2, 2), &[2]));
        check(&memory, &second, Place::Early);
        check(&memory, &first, Place::Next);
        take(&mut memory, &first);
        check(&memory, &first, Place::Before(1));
        check(&memory, &second, Place::Next);
        // A load that broke off is begun again with another list, at its first part only.
        let other = |part| Listed { content: [9; 16], ..listed(2, (part, 2), &[1]) };
        check(&memory, &other(2), Place::Early);
        check(&memory, &other(1), Place::Next);
        take(&mut memory, &second);
        check(&memory, &first, Place::Before(2));
        check(&memory, &second, Place::Before(2));
        // In force, its version stands for it alone, and an earlier one for nothing.
        check(&memory, &other(1), Place::Reused);
        check(&memory, &Listed { parts: 1, ..first }, Place::Reused);
        check(&memory, &listed(1, (1, 1), &[1]), Place::Old);
        check(&memory, &listed(3, (1, 1), &[1]), Place::Next);
    }

    #[test]
    fn what_does_not_belong_changes_nothing() {
        let mut memory = Memory::new();
        take(&mut memory, &listed(2, (1, 2), &[1]));
        take(&mut memory, &listed(2, (2, 2), &[2]));
        let lists = memory.lists.clone();
        for part in [
            listed(2, (1, 2), &[3]),
            listed(1, (1, 1), &[3]),
            listed(3, (2, 2), &[3]),
            Listed { content: [9; 16], ..listed(2, (1, 2), &[3]) },
            listed(4, (1, PARTS_MAX + 1), &[3]),
        ] {
            take(&mut memory, &part);
            assert_eq!(memory.lists, lists, "{part:?}");
        }
    }

    #[test]
    fn a_snapshot_keeps_both_lists() {
        let mut memory = Memory::new();
        take(&mut memory, &listed(1, (1, 1), &[1, 2]));
        take(&mut memory, &listed(2, (1, 2), &[3]));
        let bytes: Vec<u8> = Slices::new(&memory).flatten().collect();
        let mut read = Memory::from_snapshot(&bytes).unwrap();
        assert_eq!(read.digest(), memory.digest());
        assert_eq!(has(&read), [Some(1), Some(1), None]);
        take(&mut read, &listed(2, (2, 2), &[2]));
        assert_eq!(has(&read), [None, Some(2), Some(2)]);
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            assert!(Memory::from_snapshot(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
