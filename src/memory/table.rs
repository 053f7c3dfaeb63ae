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
    /// Two to this power are the shards.
    log2: u32,
    rows: usize,
}

/// A map of which all rows grow old together: two tables, of which the older is dropped when the
/// younger has served its time or is full.
#[derive(Clone, Debug)]
pub struct Generations<V> {
    young: Table<V>,
    old: Table<V>,
    /// Was old, and is freed a shard at a time: freeing a million rows at once would be felt.
    dropped: Vec<Option<Arc<Shard<V>>>>,
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
    fn place(&self, hash: u64, key: &Key, log2: u32) -> Result<usize, usize> {
        let length = self.hashes.len();
        let mut at = reckoned(hash, length, log2);
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
        Self::of(SHARDS_LOG2)
    }

    /// Returns an empty table for about so many rows: fewer shards for few rows are made, dropped and read
    /// sooner.
    fn sized(rows: usize) -> Self {
        let shards = rows.checked_div(FEW_ROWS).unwrap_or(0).max(1).next_power_of_two();
        Self::of(shards.ilog2().clamp(SHARDS_LOG2_MIN, SHARDS_LOG2))
    }

    fn of(log2: u32) -> Self {
        let shards = (0..1_usize << log2).map(|_| None).collect();
        Self { shards, log2, rows: 0 }
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
            let at = shard.map_or(0, |shard| reckoned(hash, shard.hashes.len(), self.log2));
            let found = shard.and_then(|shard| shard.hashes.get(at));
            read ^= found.map_or(0, |found| usize::try_from(*found).unwrap_or(0));
        }
        for (hash, shard) in shards() {
            let at = shard.map_or(0, |shard| reckoned(hash, shard.hashes.len(), self.log2));
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
        let at = shard.place(hash, key, self.log2).ok()?;
        shard.rows.get(at).map(|(_, row)| row)
    }

    /// Returns the row of `key` to be changed, made by `new` where there is none.
    pub fn entry(&mut self, key: Key, new: impl FnOnce() -> V) -> Option<&mut V> {
        let hash = hash_of(&key);
        if self.shard(hash).is_some_and(|shard| MANY_ROWS <= shard.rows.len()) {
            self.grow();
        }
        let log2 = self.log2;
        let shard = self.shards.get_mut(shard_of(hash, log2))?;
        let shard = Arc::make_mut(shard.get_or_insert_with(|| Arc::new(Shard::new())));
        let at = match shard.place(hash, &key, log2) {
            Ok(at) => at,
            Err(at) => {
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
        let log2 = self.log2;
        let shard = self.shards.get_mut(shard_of(hash, log2))?.as_mut()?;
        let at = shard.place(hash, key, log2).ok()?;
        Arc::make_mut(shard).rows.get_mut(at).map(|(_, row)| row)
    }

    /// Looks at the rows of part `number` of as many as there are shards at most, wrapped around: those that
    /// `wanes` says are changed by `wane`, and removed where it says that nothing is left. Which rows that
    /// are does not depend on how many shards there are.
    pub fn sweep(
        &mut self,
        number: u64,
        wanes: impl Fn(&V) -> bool,
        wane: impl Fn(&mut V) -> bool,
    ) {
        let count = u64::try_from(SHARDS).unwrap_or(1).max(1);
        let part = usize::try_from(number.checked_rem(count).unwrap_or(0)).unwrap_or(0);
        let at = part >> SHARDS_LOG2.saturating_sub(self.log2);
        let Some(Some(shard)) = self.shards.get_mut(at) else { return };
        let wanes = |key: &Key, row: &V| wanes(row) && shard_of(hash_of(key), SHARDS_LOG2) == part;
        if shard.rows.iter().any(|(key, row)| wanes(key, row)) {
            let before = shard.rows.len();
            let kept = Arc::make_mut(shard);
            kept.rows.retain_mut(|(key, row)| !wanes(key, row) || wane(row));
            kept.hashes = kept.rows.iter().map(|(key, _)| hash_of(key)).collect();
            self.rows = self.rows.saturating_sub(before.saturating_sub(kept.rows.len()));
        }
    }

    /// Returns every row, in the order of its bytes in a snapshot.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &V)> {
        let shards = self.shards.iter().flatten();
        shards.flat_map(|shard| shard.rows.iter().map(|(key, row)| (key, row)))
    }

    fn shard(&self, hash: u64) -> Option<&Arc<Shard<V>>> {
        self.shards.get(shard_of(hash, self.log2))?.as_ref()
    }

    /// Spreads the rows over more shards, where there may be more.
    fn grow(&mut self) {
        if SHARDS_LOG2 <= self.log2 {
            return;
        }
        let mut grown = Self::of(self.log2.saturating_add(GROWTH_LOG2).min(SHARDS_LOG2));
        for shard in std::mem::take(&mut self.shards).into_iter().flatten() {
            let Shard { hashes, rows } = Arc::unwrap_or_clone(shard);
            for (hash, row) in hashes.into_iter().zip(rows) {
                let at = shard_of(hash, grown.log2);
                let Some(shard) = grown.shards.get_mut(at) else { continue };
                // In their order before and after: what is shared by nobody is not copied.
                let shard = Arc::make_mut(shard.get_or_insert_with(|| Arc::new(Shard::new())));
                shard.hashes.push(hash);
                shard.rows.push(row);
            }
        }
        grown.rows = self.rows;
        *self = grown;
    }
}

impl<V: Clone> Default for Table<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone + Tagged> Table<V> {
    /// Appends part `at` of as many as there are shards at most as bytes: how many rows, then each key and
    /// row. `false` beyond the last.
    pub fn put_shard(&self, at: usize, bytes: &mut Vec<u8>) -> bool {
        if SHARDS <= at {
            return false;
        }
        let shard = self.shards.get(at >> SHARDS_LOG2.saturating_sub(self.log2));
        let rows = shard.and_then(Option::as_ref).map_or(&[][..], |shard| {
            let before = |number: usize| {
                shard.hashes.partition_point(|hash| shard_of(*hash, SHARDS_LOG2) < number)
            };
            shard.rows.get(before(at)..before(at.saturating_add(1))).unwrap_or_default()
        });
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
                if !ascends || shard_of(hash, SHARDS_LOG2) != at {
                    return Err(TaggedError::NotCanonical);
                }
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

impl<V: Clone> Generations<V> {
    /// Returns an empty map.
    pub fn new() -> Self {
        Self { young: Table::new(), old: Table::new(), dropped: Vec::new() }
    }

    /// Returns both tables, the younger first.
    pub fn tables(&self) -> [&Table<V>; 2] {
        [&self.young, &self.old]
    }

    /// Takes two tables, the younger first.
    pub fn from_tables(young: Table<V>, old: Table<V>) -> Self {
        Self { young, old, dropped: Vec::new() }
    }

    /// Returns how many rows there are in both; a key in both counts twice.
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Tells whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many rows the younger table has.
    pub fn young_len(&self) -> usize {
        self.young.len()
    }

    /// Returns the row of `key`, the younger one where there are two.
    pub fn get(&self, key: &Key) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Returns the row of `key` in the younger table, taken from the older one or made by `new`.
    pub fn entry(&mut self, key: Key, new: impl FnOnce() -> V) -> Option<&mut V> {
        let old = &self.old;
        self.young.entry(key, || old.get(&key).cloned().unwrap_or_else(new))
    }

    /// Returns the row of `key` to be changed, where there is one, in the younger table.
    pub fn entry_of(&mut self, key: &Key) -> Option<&mut V> {
        if self.young.get(key).is_none() {
            let row = self.old.get(key)?.clone();
            return self.young.entry(*key, || row);
        }
        self.young.get_mut(key)
    }

    /// Makes the younger table the older one and forgets that one.
    pub fn turn_over(&mut self) {
        let forgotten = std::mem::take(&mut self.old);
        // One time is mostly like the one before.
        let young = Table::sized(self.young.len());
        self.old = std::mem::replace(&mut self.young, young);
        self.dropped = forgotten.shards;
    }

    /// Frees one shard of what was forgotten.
    pub fn free_some(&mut self) {
        while self.dropped.pop().is_some_and(|shard| shard.is_none()) {}
    }
}

impl<V: Clone> Default for Generations<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Spreads keys evenly. Ids of callers may share their first or last bytes, so every bit takes
/// part: multiplying carries each bit upwards, and the top bits choose the shard.
fn hash_of(key: &Key) -> u64 {
    let whole = u128::from_be_bytes(*key);
    let high = u64::try_from(whole >> 64).unwrap_or(0);
    let low = u64::try_from(whole & u128::from(u64::MAX)).unwrap_or(0);
    // 2^64 divided by the golden ratio, and an odd constant of the same kind for the other half.
    let mixed = high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low.wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Returns the shard of a hash among two to the power of `log2`: its top bits.
fn shard_of(hash: u64, log2: u32) -> usize {
    usize::try_from(hash >> (64_u32.saturating_sub(log2))).unwrap_or(0)
}

/// Returns where a hash should lie among `length` that are even: the bits below the shard's as a
/// part of the whole.
fn reckoned(hash: u64, length: usize, log2: u32) -> usize {
    let part = u128::from(hash << log2);
    let at = part.saturating_mul(u128::try_from(length).unwrap_or(0)) >> 64;
    usize::try_from(at).unwrap_or(0)
}

// 16,384 shards: copying a table takes as many increments (about 100 µs), and at a million rows a
// shard holds 61, which are copied or shifted within a microsecond.
const SHARDS_LOG2: u32 = 14;
const SHARDS: usize = 1 << SHARDS_LOG2;
/// Fewer shards than that are no cheaper.
const SHARDS_LOG2_MIN: u32 = 6;
/// Rows for which a shard is made where their number is foreseen.
const FEW_ROWS: usize = 8;
/// Rows of a shard with which there are too few shards: putting one in moves half of them.
const MANY_ROWS: usize = 128;
/// How many times more there are then, as a power of two: twice at most, and the second time some hundred
/// thousand rows are moved, within milliseconds.
const GROWTH_LOG2: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Key {
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

    fn bytes(table: &Table<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for at in 0.. {
            if !table.put_shard(at, &mut bytes) {
                break;
            }
        }
        bytes
    }

    #[test]
    fn however_many_shards_there_are_the_rows_are_the_same() {
        let many = u32::try_from(MANY_ROWS << SHARDS_LOG2_MIN).unwrap();
        for rows in [0, 1, 100, many, 3 * many] {
            let tables = [Table::new(), Table::sized(0), Table::sized(20_000)];
            let [most, few, some] = tables.map(|mut table| {
                for number in 0..rows {
                    *table.entry(key(number), || 0).unwrap() += u64::from(number);
                }
                table
            });
            assert_eq!(few.log2 == SHARDS_LOG2_MIN, rows <= 100, "{rows}");
            assert_eq!((most.log2, few.len()), (SHARDS_LOG2, usize::try_from(rows).unwrap()));
            for table in [&few, &some] {
                assert!(most.iter().eq(table.iter()), "{rows}");
                assert!(bytes(&most) == bytes(table), "{rows}");
                assert!((0..rows).all(|number| table.get(&key(number)) == Some(&number.into())));
            }
        }
    }

    #[test]
    fn a_copy_made_before_a_table_grows_keeps_its_rows() {
        let mut table = Table::sized(0);
        let mut number = 0;
        while table.log2 == SHARDS_LOG2_MIN {
            let copy = table.clone();
            table.entry(key(number), || u64::from(number));
            assert_eq!((copy.get(&key(number)), copy.len() + 1), (None, table.len()));
            number += 1;
        }
        assert!(u32::try_from(MANY_ROWS).unwrap() < number, "{number}");
    }

    #[test]
    fn a_sweep_looks_at_the_same_rows_however_many_shards_there_are() {
        let tables = [Table::new(), Table::sized(0)].map(|mut table| {
            for number in 0..1_000 {
                table.entry(key(number), || u64::from(number));
            }
            for part in 0..u64::try_from(SHARDS / 2).unwrap() {
                table.sweep(part, |_| true, |_| false);
            }
            table
        });
        let [most, few] = tables;
        assert!(most.iter().eq(few.iter()));
        assert_eq!((most.len(), few.len()), (most.iter().count(), few.iter().count()));
        assert!((400..600).contains(&most.len()), "{}", most.len());
    }

    #[test]
    fn what_is_forgotten_makes_room_for_as_many() {
        let mut map = Generations::new();
        for number in 0..5_000 {
            map.entry(key(number), || ());
        }
        map.turn_over();
        // 625 shards for eight rows each.
        assert_eq!((map.young.log2, map.old.log2), (10, SHARDS_LOG2));
        map.turn_over();
        assert_eq!((map.young.log2, map.old.log2), (SHARDS_LOG2_MIN, 10));
        let left = map.dropped.iter().flatten().count();
        map.free_some();
        assert_eq!(map.dropped.iter().flatten().count(), left - 1);
    }

    #[test]
    fn keys_that_share_their_ends_are_spread() {
        for place in [0, 8, 12] {
            let mut shards: Vec<_> = (0..1000_u32)
                .map(|number| {
                    let mut key = [7; 16];
                    key[place..place + 4].copy_from_slice(&number.to_be_bytes());
                    shard_of(hash_of(&key), SHARDS_LOG2)
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
        assert_ne!(
            shard_of(hash_of(&here), SHARDS_LOG2),
            shard_of(hash_of(&elsewhere), SHARDS_LOG2)
        );
        assert_eq!(table.warm(&[elsewhere]), 0);
    }

    #[test]
    fn a_row_is_forgotten_after_two_turns_and_kept_by_use() {
        let mut map = Generations::new();
        map.entry(key(1), || 1_u64);
        map.entry(key(2), || 2);
        map.turn_over();
        map.entry(key(1), || 99);
        map.turn_over();
        assert_eq!((map.get(&key(1)), map.get(&key(2))), (Some(&1), None));
        *map.entry_of(&key(1)).unwrap() = 5;
        map.turn_over();
        assert_eq!(map.entry_of(&key(2)), None);
        assert_eq!(map.get(&key(1)), Some(&5));
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
