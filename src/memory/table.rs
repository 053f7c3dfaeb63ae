//! Table: a sorted map that can be copied in an instant.
//!
//! Rows lie in shards behind shared pointers. A copy shares every shard; whoever changes a shared
//! shard first copies that one. So a snapshot of everything remembered costs the writer a few
//! thousand counter increments and later, for each shard it touches while the snapshot is being
//! written, one copy of some hundred small rows.
//!
//! Rows are kept in the order of their keys' hashes inside a shard, and shards in their order, so the
//! same rows have the same bytes however they came about.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::tagged::{self, Tagged, TaggedError};

/// A key: a token or an id.
pub type Key = [u8; 16];

/// A map from keys to rows.
#[derive(Clone, Debug)]
pub struct Table<V> {
    /// Nothing where no row was ever put.
    shards: Vec<Option<Arc<Shard<V>>>>,
    rows: usize,
}

/// Rows whose hashes begin alike, in the order of their hashes and then of their keys.
///
/// Hashes are even, so where a row must lie can be reckoned from its hash, and what is then looked
/// at is a line of memory or two. A search by halves would touch a dozen, each a wait.
#[derive(Clone, Debug)]
struct Shard<V> {
    hashes: Vec<u64>,
    rows: Vec<(Key, V)>,
}

impl<V> Shard<V> {
    const fn new() -> Self {
        Self { hashes: Vec::new(), rows: Vec::new() }
    }

    /// Returns where the row of `key` is, or where it would be put.
    fn place(&self, hash: u64, key: &Key) -> Result<usize, usize> {
        let length = self.hashes.len();
        let mut at = reckoned(hash, length);
        while at
            .checked_sub(1)
            .and_then(|before| self.hashes.get(before))
            .is_some_and(|h| hash <= *h)
        {
            at = at.saturating_sub(1);
        }
        while self.hashes.get(at).is_some_and(|h| *h < hash) {
            at = at.saturating_add(1);
        }
        while self.hashes.get(at) == Some(&hash) {
            match self.rows.get(at).map(|(found, _)| found.cmp(key)) {
                Some(Ordering::Less) => at = at.saturating_add(1),
                Some(Ordering::Equal) => return Ok(at),
                Some(Ordering::Greater) | None => return Err(at),
            }
        }
        Err(at)
    }
}

impl<V: Clone> Table<V> {
    /// Returns an empty table.
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| None).collect(), rows: 0 }
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Tells whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Reads what looking up each of `keys` will read, one step for all of them before the next, so
    /// that their waits for memory fall together. Returns a number that means nothing: what is not
    /// used is not read.
    pub fn warm(&self, keys: &[Key]) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let shards = || {
            keys.iter().map(|key| {
                let hash = hash_of(key);
                (hash, self.shard(hash))
            })
        };
        let length = |shard: &Arc<Shard<V>>| shard.hashes.len();
        let lengths = shards().filter_map(|(_, shard)| shard.map(length));
        let mut read = lengths.fold(0, |read, length| read ^ length);
        for (hash, shard) in shards() {
            let at = shard.map_or(0, |shard| reckoned(hash, shard.hashes.len()));
            let found = shard.and_then(|shard| shard.hashes.get(at));
            read ^= found.map_or(0, |found| usize::try_from(*found).unwrap_or(0));
        }
        for (hash, shard) in shards() {
            let at = shard.map_or(0, |shard| reckoned(hash, shard.hashes.len()));
            let row = shard.and_then(|shard| shard.rows.get(at));
            read ^= row.map_or(0, |([first, ..], _)| usize::from(*first));
        }
        u64::try_from(read).unwrap_or(0)
    }

    /// Returns the row of `key`.
    pub fn get(&self, key: &Key) -> Option<&V> {
        if self.is_empty() {
            return None;
        }
        let hash = hash_of(key);
        let shard = self.shard(hash)?;
        let at = shard.place(hash, key).ok()?;
        shard.rows.get(at).map(|(_, row)| row)
    }

    /// Returns the row of `key` to be changed, made by `new` where there is none.
    pub fn entry(&mut self, key: Key, new: impl FnOnce() -> V) -> Option<&mut V> {
        let hash = hash_of(&key);
        let shard = self.shards.get_mut(shard_of(hash))?;
        let shard = Arc::make_mut(shard.get_or_insert_with(|| Arc::new(Shard::new())));
        let at = match shard.place(hash, &key) {
            Ok(at) => at,
            Err(at) => {
                make_room(&mut shard.hashes);
                make_room(&mut shard.rows);
                shard.hashes.insert(at, hash);
                shard.rows.insert(at, (key, new()));
                self.rows = self.rows.saturating_add(1);
                at
            }
        };
        shard.rows.get_mut(at).map(|(_, row)| row)
    }

    /// Returns the row of `key` to be changed, where there is one.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        let hash = hash_of(key);
        let shard = self.shards.get_mut(shard_of(hash))?.as_mut()?;
        let at = shard.place(hash, key).ok()?;
        Arc::make_mut(shard).rows.get_mut(at).map(|(_, row)| row)
    }

    /// Looks at the rows of shard `number`, wrapped around: those that `wanes` says are changed by `wane`, and
    /// removed where it says that nothing is left.
    pub fn sweep(
        &mut self,
        number: u64,
        wanes: impl Fn(&V) -> bool,
        mut wane: impl FnMut(&mut V) -> bool,
    ) {
        let count = u64::try_from(SHARDS).unwrap_or(1).max(1);
        let at = usize::try_from(number.checked_rem(count).unwrap_or(0)).unwrap_or(0);
        let Some(Some(shard)) = self.shards.get_mut(at) else { return };
        if shard.rows.iter().any(|(_, row)| wanes(row)) {
            let before = shard.rows.len();
            let kept = Arc::make_mut(shard);
            kept.rows.retain_mut(|(_, row)| !wanes(row) || wane(row));
            kept.hashes = kept.rows.iter().map(|(key, _)| hash_of(key)).collect();
            self.rows = self.rows.saturating_sub(before.saturating_sub(kept.rows.len()));
        }
    }

    fn shard(&self, hash: u64) -> Option<&Arc<Shard<V>>> {
        self.shards.get(shard_of(hash))?.as_ref()
    }
}

impl<V: Clone> Default for Table<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone + Tagged> Table<V> {
    /// Appends shard `at` as bytes: how many rows, then each key and row. `false` beyond the last.
    pub fn put_shard(&self, at: usize, bytes: &mut Vec<u8>) -> bool {
        let Some(shard) = self.shards.get(at) else { return false };
        let rows = shard.as_ref().map_or(&[][..], |shard| shard.rows.as_slice());
        tagged::put_varint(u64::try_from(rows.len()).unwrap_or(u64::MAX), bytes);
        for (key, row) in rows {
            bytes.extend_from_slice(key);
            tagged::put_sized(bytes, |bytes| row.put(bytes));
        }
        true
    }

    /// Takes a whole table, as written shard by shard, off the front of `bytes`.
    pub fn take_all(bytes: &mut &[u8]) -> Result<Self, TaggedError> {
        let mut table = Self::new();
        for at in 0..SHARDS {
            let count = tagged::take_varint(bytes)?;
            let mut shard = Shard::new();
            for _ in 0..count {
                let (key, rest) = bytes.split_first_chunk().ok_or(TaggedError::Short)?;
                *bytes = rest;
                let row = V::take(tagged::take_sized(bytes)?)?;
                let hash = hash_of(key);
                let last = shard.hashes.last().zip(shard.rows.last());
                let ascends = last.is_none_or(|(last, (before, _))| (last, before) < (&hash, key));
                if !ascends || shard_of(hash) != at {
                    return Err(TaggedError::NotCanonical);
                }
                make_room(&mut shard.hashes);
                make_room(&mut shard.rows);
                shard.hashes.push(hash);
                shard.rows.push((*key, row));
            }
            table.rows = table.rows.saturating_add(shard.rows.len());
            if let Some(place) = table.shards.get_mut(at).filter(|_| !shard.rows.is_empty()) {
                *place = Some(Arc::new(shard));
            }
        }
        Ok(table)
    }
}

/// Makes room for one more, and for an eighth of what there is: with doubling a shard would be half empty
/// half of the time, and a million payers would take 20 MB more.
fn make_room<T>(rows: &mut Vec<T>) {
    if rows.len() == rows.capacity() {
        rows.reserve_exact((rows.len() / 8).max(4));
    }
}

/// Spreads keys evenly. Ids of callers may share their first or last bytes, so every bit takes
/// part: multiplying carries each bit upwards, and the top bits choose the shard.
pub(super) fn hash_of(key: &Key) -> u64 {
    let whole = u128::from_be_bytes(*key);
    let high = u64::try_from(whole >> 64).unwrap_or(0);
    let low = u64::try_from(whole & u128::from(u64::MAX)).unwrap_or(0);
    // 2^64 divided by the golden ratio, and an odd constant of the same kind for the other half.
    let mixed = high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low.wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Returns the shard of a hash: its top bits.
fn shard_of(hash: u64) -> usize {
    usize::try_from(hash >> (64 - SHARDS_LOG2)).unwrap_or(0)
}

/// Returns where a hash should lie among `length` that are even: the bits below the shard's as a
/// part of the whole.
fn reckoned(hash: u64, length: usize) -> usize {
    let part = u128::from(hash << SHARDS_LOG2);
    let at = part.saturating_mul(u128::try_from(length).unwrap_or(0)) >> 64;
    usize::try_from(at).unwrap_or(0)
}

// 16,384 shards: copying a table takes as many increments (about 100 µs), and at a million rows a
// shard holds 61, which are copied or shifted within a microsecond.
const SHARDS_LOG2: u32 = 14;
const SHARDS: usize = 1 << SHARDS_LOG2;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a key of its own for each number.
    pub(in crate::memory) fn key(number: u32) -> Key {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn a_copy_does_not_see_what_changes_later() {
        let mut table = Table::new();
        *table.entry(key(1), || 10_u64).unwrap() = 11;
        let copy = table.clone();
        *table.get_mut(&key(1)).unwrap() = 12;
        table.entry(key(2), || 20);
        assert_eq!((copy.get(&key(1)), copy.get(&key(2)), copy.len()), (Some(&11), None, 1));
        assert_eq!(
            (table.get(&key(1)), table.get(&key(2)), table.len()),
            (Some(&12), Some(&20), 2)
        );
    }

    #[test]
    fn the_same_rows_have_the_same_bytes_in_whatever_order_they_came() {
        let bytes = |numbers: &[u32]| {
            let mut table = Table::new();
            for number in numbers {
                table.entry(key(*number), || u64::from(*number));
            }
            let mut bytes = Vec::new();
            let mut at = 0;
            while table.put_shard(at, &mut bytes) {
                at += 1;
            }
            bytes
        };
        let written = bytes(&[3, 1, 2]);
        assert_eq!(written, bytes(&[1, 2, 3]));
        let read = Table::<u64>::take_all(&mut written.as_slice()).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read.get(&key(2)), Some(&2));
    }

    #[test]
    fn a_shard_has_room_for_an_eighth_more_than_its_rows() {
        let mut table = Table::new();
        let alike = (0..).map(key).filter(|key| shard_of(hash_of(key)) == 7);
        let check = |table: &Table<u64>| {
            let shard = table.shards[7].as_ref().unwrap();
            let most = shard.rows.len() + (shard.rows.len() / 8).max(4);
            let room = [shard.hashes.capacity(), shard.rows.capacity()];
            assert!(room.iter().all(|room| *room <= most), "{room:?} for {}", shard.rows.len());
        };
        for key in alike.take(100) {
            table.entry(key, || 1_u64);
            check(&table);
        }
        let mut written = Vec::new();
        for at in 0..SHARDS {
            table.put_shard(at, &mut written);
        }
        check(&Table::take_all(&mut written.as_slice()).unwrap());
    }

    #[test]
    fn keys_that_share_their_ends_are_spread() {
        for place in [0, 8, 12] {
            let mut shards: Vec<_> = (0..1000_u32)
                .map(|number| {
                    let mut key = [7; 16];
                    key[place..place + 4].copy_from_slice(&number.to_be_bytes());
                    shard_of(hash_of(&key))
                })
                .collect();
            shards.sort_unstable();
            shards.dedup();
            assert!(shards.len() > 940, "{} shards for 1,000 keys", shards.len());
        }
    }

    #[test]
    fn warming_reads_every_step_of_looking_up() {
        let mut table = Table::new();
        let (here, elsewhere) = (key(0x0700_0000), key(1));
        assert_eq!(table.warm(&[here]), 0);
        table.entry(here, || ());
        // The length of the shard, the hash in it, and the first byte of the row.
        assert_eq!(table.warm(&[here]), 1 ^ hash_of(&here) ^ 7);
        assert_ne!(shard_of(hash_of(&here)), shard_of(hash_of(&elsewhere)));
        assert_eq!(table.warm(&[elsewhere]), 0);
    }

    #[test]
    fn a_sweep_changes_what_wanes_in_its_shard_and_removes_what_is_used_up() {
        let mut table = Table::new();
        for number in 0..100 {
            table.entry(key(number), || u64::from(number));
        }
        let wane = |row: &mut u64| {
            *row += 1_000;
            1_020 <= *row
        };
        for shard in 0..u64::try_from(SHARDS).unwrap() {
            table.sweep(shard, |row| *row < 40, wane);
        }
        assert_eq!(table.len(), 80);
        for (number, want) in [(19, None), (20, Some(1_020)), (39, Some(1_039)), (40, Some(40))] {
            assert_eq!(table.get(&key(number)), want.as_ref(), "{number}");
        }
    }
}
