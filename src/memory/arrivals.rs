//! Arrivals: a map whose rows lie in the order in which they came, and grow old together.
//!
//! What comes once and is then mostly left alone is put at the end, where its neighbours are those of
//! a moment ago, and a list beside the rows tells where each lies. So one more row moves no other, a
//! copy shares all but the chunk that is being filled, and a snapshot reads memory from its beginning
//! to its end. The order is the log's, so the same entries have the same bytes.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::memory::table::{Key, hash_of};
use crate::tagged::{self, Tagged, TaggedError};

/// Two maps, of which the older is dropped when the younger has served its time or is full.
#[derive(Debug)]
pub struct Generations<V> {
    young: Arrivals<V>,
    old: Arrivals<V>,
    /// Was old, and is freed a little at a time: freeing a million rows at once would be felt.
    dropped: Arrivals<V>,
}

/// A map in the order of arrival.
#[derive(Debug)]
pub struct Arrivals<V> {
    rows: Rows<V>,
    /// By the first bits of the hash: a list that grows is written anew, and one of many is short.
    places: Vec<HashTable<Place>>,
}

/// Rows in the order in which they came, in chunks.
#[derive(Clone, Debug)]
pub struct Rows<V> {
    /// Behind shared pointers, so that a copy costs a counter for each.
    full: Vec<Arc<Vec<(Key, V)>>>,
    /// The one that is being filled, which a copy copies: a shared one would be asked with every row
    /// whether it is, and that waits for all that was written before.
    last: Vec<(Key, V)>,
}

/// Where the row of a key lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Bits of the key's hash below those that chose the list: enough that hardly any other key has them.
    hash: u32,
    row: u32,
}

impl<V> Rows<V> {
    const fn new() -> Self {
        Self { full: Vec::new(), last: Vec::new() }
    }

    /// Returns how many rows there are.
    fn len(&self) -> usize {
        self.full.len().saturating_mul(CHUNK).saturating_add(self.last.len())
    }

    fn chunk(&self, chunk: usize) -> Option<&[(Key, V)]> {
        if chunk == self.full.len() {
            return Some(&self.last);
        }
        self.full.get(chunk).map(|full| full.as_slice())
    }

    fn get(&self, row: u32) -> Option<&(Key, V)> {
        let (chunk, at) = place_of(row);
        self.chunk(chunk)?.get(at)
    }

    fn push(&mut self, key: Key, row: V) {
        if self.last.len() == self.last.capacity() {
            // After a copy was read, or at the beginning.
            self.last.reserve_exact(CHUNK.saturating_sub(self.last.len()));
        }
        self.last.push((key, row));
        if CHUNK <= self.last.len() {
            self.full.push(Arc::new(std::mem::replace(&mut self.last, Vec::with_capacity(CHUNK))));
        }
    }
}

impl<V: Clone> Rows<V> {
    /// Returns a row to be changed. What a copy shares of it is copied first.
    fn get_mut(&mut self, row: u32) -> Option<&mut V> {
        let (chunk, at) = place_of(row);
        let chunk = if chunk == self.full.len() {
            &mut self.last
        } else {
            Arc::make_mut(self.full.get_mut(chunk)?)
        };
        chunk.get_mut(at).map(|(_, row)| row)
    }
}

impl<V: Tagged> Rows<V> {
    /// Appends chunk `at` as bytes: how many rows there are in all before the first, then each key and row.
    /// `false` beyond the last.
    pub fn put_chunk(&self, at: usize, bytes: &mut Vec<u8>) -> bool {
        if at == 0 {
            tagged::put_varint(u64::try_from(self.len()).unwrap_or(u64::MAX), bytes);
        }
        let Some(chunk) = self.chunk(at) else { return false };
        for (key, row) in chunk {
            bytes.extend_from_slice(key);
            tagged::put_sized(bytes, |bytes| row.put(bytes));
        }
        true
    }
}

impl<V: Clone> Arrivals<V> {
    const fn new() -> Self {
        Self { rows: Rows::new(), places: Vec::new() }
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a copy of the rows, to be written.
    pub fn rows(&self) -> Rows<V> {
        self.rows.clone()
    }

    /// Reads what looking up each of `keys` will read, so that their waits for memory fall together.
    /// Returns a number that means nothing: what is not used is not read.
    pub fn warm(&self, keys: &[Key]) -> u64 {
        let found = keys.iter().filter_map(|key| self.place(key));
        found.fold(0, |read, row| {
            read ^ self.rows.get(row).map_or(0, |([first, ..], _)| u64::from(*first))
        })
    }

    /// Returns the row of `key`.
    pub fn get(&self, key: &Key) -> Option<&V> {
        self.rows.get(self.place(key)?).map(|(_, row)| row)
    }

    /// Returns the row of `key` to be changed, where there is one.
    fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        self.rows.get_mut(self.place(key)?)
    }

    /// Returns the row of `key` to be changed, made by `new` where there is none. `None` where there are
    /// more than four thousand million.
    fn entry(&mut self, key: Key, new: impl FnOnce() -> V) -> Option<&mut V> {
        let row = match self.place(&key) {
            Some(row) => row,
            None => self.push(key, new())?,
        };
        self.rows.get_mut(row)
    }

    /// Puts a row that is not there at the end, and returns where it is.
    fn push(&mut self, key: Key, row: V) -> Option<u32> {
        let at = u32::try_from(self.rows.len()).ok()?;
        if self.places.is_empty() {
            self.places.resize_with(LISTS, HashTable::new);
        }
        let (list, hash) = split(&key);
        let places = self.places.get_mut(list)?;
        places.insert_unique(spread(hash), Place { hash, row: at }, |place| spread(place.hash));
        self.rows.push(key, row);
        Some(at)
    }

    fn place(&self, key: &Key) -> Option<u32> {
        let (list, hash) = split(key);
        let is_it = |place: &Place| {
            place.hash == hash && self.rows.get(place.row).is_some_and(|(found, _)| found == key)
        };
        self.places.get(list)?.find(spread(hash), is_it).map(|place| place.row)
    }
}

impl<V: Clone + Tagged> Arrivals<V> {
    /// Takes a whole map, as written chunk by chunk, off the front of `bytes`.
    pub fn take_all(bytes: &mut &[u8]) -> Result<Self, TaggedError> {
        let mut map = Self::new();
        for _ in 0..tagged::take_varint(bytes)? {
            let (key, rest) = bytes.split_first_chunk().ok_or(TaggedError::Short)?;
            *bytes = rest;
            let row = V::take(tagged::take_sized(bytes)?)?;
            if map.place(key).is_some() {
                return Err(TaggedError::NotCanonical);
            }
            map.push(*key, row).ok_or(TaggedError::OutOfBounds)?;
        }
        Ok(map)
    }
}

impl<V: Clone> Generations<V> {
    /// Returns an empty map.
    pub const fn new() -> Self {
        Self::from_both(Arrivals::new(), Arrivals::new())
    }

    /// Returns both maps, the younger first.
    pub fn both(&self) -> [&Arrivals<V>; 2] {
        [&self.young, &self.old]
    }

    /// Takes two maps, the younger first.
    pub const fn from_both(young: Arrivals<V>, old: Arrivals<V>) -> Self {
        Self { young, old, dropped: Arrivals::new() }
    }

    /// Returns how many rows there are in both; a key in both counts twice.
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Tells whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// Returns how many rows the younger map has.
    pub fn young_len(&self) -> usize {
        self.young.len()
    }

    /// Returns the row of `key`, the younger one where there are two.
    pub fn get(&self, key: &Key) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Returns the row of `key` in the younger map, taken from the older one or made by `new`.
    pub fn entry(&mut self, key: Key, new: impl FnOnce() -> V) -> Option<&mut V> {
        let old = &self.old;
        self.young.entry(key, || old.get(&key).cloned().unwrap_or_else(new))
    }

    /// Returns the row of `key` to be changed, where there is one, in the younger map.
    pub fn entry_of(&mut self, key: &Key) -> Option<&mut V> {
        if self.young.place(key).is_none() {
            let row = self.old.get(key)?.clone();
            return self.young.entry(*key, || row);
        }
        self.young.get_mut(key)
    }

    /// Makes the younger map the older one and forgets that one.
    pub fn turn_over(&mut self) {
        let young = std::mem::replace(&mut self.young, Arrivals::new());
        self.dropped = std::mem::replace(&mut self.old, young);
    }

    /// Frees a little of what was forgotten.
    pub fn free_some(&mut self) {
        self.dropped.rows.last = Vec::new();
        self.dropped.rows.full.pop();
        self.dropped.places.pop();
    }
}

impl<V: Clone> Default for Generations<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns which list a key is in, by the first bits of its hash, and the 32 that follow.
fn split(key: &Key) -> (usize, u32) {
    let hash = hash_of(key);
    let list = usize::try_from(hash >> (64 - LISTS_LOG2)).unwrap_or(0);
    let below = (hash << LISTS_LOG2) >> 32;
    (list, u32::try_from(below).unwrap_or(0))
}

/// Spreads 32 bits of a hash over the 64 that a list takes its own from, the first and the last.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Returns the chunk of a row, and where it is in that.
fn place_of(row: u32) -> (usize, usize) {
    let row = usize::try_from(row).unwrap_or(usize::MAX);
    (row / CHUNK, row % CHUNK)
}

// Reckoned, not measured: four million ids are 16,000 chunks, whose counters a copy raises in a millisecond
// or two, and a chunk of payments is 50 KB, copied in some 10 µs where a snapshot shares it.
const CHUNK: usize = 256;

// Reckoned as well: with four million ids a list has 16,000, and grows within 50 µs.
const LISTS_LOG2: u32 = 8;
const LISTS: usize = 1 << LISTS_LOG2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::table::tests::key;

    fn bytes(rows: &Rows<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for at in 0.. {
            if !rows.put_chunk(at, &mut bytes) {
                break;
            }
        }
        bytes
    }

    #[test]
    fn rows_are_found_and_written_in_the_order_in_which_they_came() {
        for count in [0, 1, 255, 256, 257, 1_000, 20_000] {
            let mut map = Arrivals::new();
            let numbers = (0..count).map(|number| count - number);
            for number in numbers.clone() {
                *map.entry(key(number), || 0).unwrap() += u64::from(number);
                assert_eq!(map.get(&key(number)), Some(&number.into()));
            }
            assert_eq!((map.len(), map.is_empty()), (numbers.len(), count == 0), "{count}");
            for number in numbers.clone() {
                *map.entry(key(number), || panic!("{number} is there")).unwrap() += 1;
            }
            assert_eq!((map.get(&key(0)), map.get(&key(count + 1))), (None, None));

            let written = bytes(&map.rows());
            let read = Arrivals::<u64>::take_all(&mut written.as_slice()).unwrap();
            let rows = read.rows();
            let chunks = rows.full.iter().flat_map(|chunk| chunk.iter());
            let came: Vec<_> = chunks.chain(&rows.last).copied().collect();
            let want = numbers.map(|number| (key(number), u64::from(number) + 1));
            assert_eq!(came, want.collect::<Vec<_>>());
            assert_eq!(bytes(&read.rows()), written);
        }
    }

    #[test]
    fn bytes_that_were_never_written_are_not_read() {
        let mut map = Arrivals::new();
        for number in 0..300 {
            map.entry(key(number), || u64::from(number));
        }
        let written = bytes(&map.rows());
        for cut in [0, 1, written.len() / 2, written.len() - 1] {
            assert!(Arrivals::<u64>::take_all(&mut &written[..cut]).is_err(), "cut at {cut}");
        }
        // The same key twice.
        let mut twice = vec![2];
        for _ in 0..2 {
            twice.extend(key(7));
            tagged::put_sized(&mut twice, |bytes| 1_u64.put(bytes));
        }
        let read = Arrivals::<u64>::take_all(&mut twice.as_slice());
        assert_eq!(read.err(), Some(TaggedError::NotCanonical));
    }

    #[test]
    fn a_copy_does_not_see_what_changes_later() {
        for count in [1, 255, 256, 257, 600] {
            let mut map = Arrivals::new();
            for number in 0..count {
                map.entry(key(number), || u64::from(number));
            }
            let copy = map.rows();
            let before = bytes(&copy);
            *map.get_mut(&key(0)).unwrap() = 9_999;
            for number in count..count + 300 {
                map.entry(key(number), || u64::from(number));
            }
            assert_eq!(bytes(&copy), before, "{count}");
            assert_eq!((map.get(&key(0)), map.len()), (Some(&9_999), copy.len() + 300));
            let mut read = (0..count + 300).map(|number| map.get(&key(number)));
            assert!(read.all(|row| row.is_some()), "{count}");
        }
    }

    #[test]
    fn keys_with_the_same_bits_of_their_hash_are_told_apart() {
        let mut map = Arrivals::new();
        map.entry(key(1), || 1_u64);
        let (list, hash) = split(&key(2));
        // As if the first row had the second key's hash.
        map.places[list].insert_unique(spread(hash), Place { hash, row: 0 }, |p| spread(p.hash));
        assert_eq!((map.get(&key(1)), map.get(&key(2))), (Some(&1), None));
        map.entry(key(2), || 2);
        assert_eq!((map.get(&key(1)), map.get(&key(2))), (Some(&1), Some(&2)));
    }

    #[test]
    fn keys_that_share_their_ends_are_spread() {
        for place in [0, 8, 12] {
            let mut map = Arrivals::new();
            for number in 0..100_000_u32 {
                let mut key = [7; 16];
                key[place..place + 4].copy_from_slice(&number.to_be_bytes());
                map.entry(key, || ());
            }
            let lengths = map.places.iter().map(HashTable::len);
            // 390 in each, give or take five times the root of that.
            let (least, most) = (lengths.clone().min().unwrap(), lengths.max().unwrap());
            assert!(290 < least && most < 490, "{least} to {most} at {place}");
        }
    }

    #[test]
    fn warming_reads_the_rows_that_are_there() {
        let mut map = Arrivals::new();
        let (here, elsewhere) = (key(0x0700_0000), key(1));
        assert_eq!(map.warm(&[here]), 0);
        map.entry(here, || ());
        assert_eq!((map.warm(&[elsewhere]), map.warm(&[here, elsewhere])), (0, 7));
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
        assert_eq!((map.get(&key(1)), map.len(), map.young_len()), (Some(&5), 1, 0));
    }

    #[test]
    fn what_is_forgotten_is_freed_by_and_by() {
        let mut map = Generations::new();
        let row = Arc::new(());
        for number in 0..600 {
            map.entry(key(number), || Arc::clone(&row));
        }
        map.turn_over();
        map.turn_over();
        assert!(map.is_empty());
        // With the chunk that is not full another.
        for left in [256, 0, 0] {
            map.free_some();
            assert_eq!(Arc::strong_count(&row) - 1, left);
        }
    }
}
