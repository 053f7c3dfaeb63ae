//! Due: payments that count as sent by and by, because nobody reports what becomes of them.
//!
//! A queue in the order in which they were decided, so that whatever is due stands at its front. It
//! lies in chunks behind shared pointers, so that a copy for a snapshot costs next to nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::account::Token;
use crate::calendar::Time;
use crate::tagged::{self, Tagged, TaggedError, record};

/// Payments in the order in which they were decided.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Queue {
    chunks: VecDeque<Arc<VecDeque<Due>>>,
    length: usize,
}

/// A payment that counts as sent once it is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Due {
    pub(super) decided: Time,
    pub(super) payment: Token,
    /// Position of the decision.
    pub(super) decision: u64,
}

record!(Due { 1 decided, 2 payment, 3 decision });

impl Queue {
    /// Puts one at the end.
    pub(super) fn push(&mut self, due: Due) {
        if self.chunks.back().is_none_or(|chunk| CHUNK <= chunk.len()) {
            self.chunks.push_back(Arc::default());
        }
        if let Some(chunk) = self.chunks.back_mut() {
            Arc::make_mut(chunk).push_back(due);
            self.length = self.length.saturating_add(1);
        }
    }

    /// Takes the first one if it was decided by `until`, or if there are more than `most`.
    pub(super) fn pop(&mut self, until: Time, most: usize) -> Option<Due> {
        let first = *self.chunks.front()?.front()?;
        if until < first.decided && self.length <= most {
            return None;
        }
        let chunk = Arc::make_mut(self.chunks.front_mut()?);
        chunk.pop_front();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.length = self.length.saturating_sub(1);
        Some(first)
    }

    /// Forgets those that were decided before `since`: their payments are forgotten too.
    pub(super) fn forget(&mut self, since: Time) {
        let stale = |due: &Due| due.decided < since;
        while self.chunks.front().is_some_and(|chunk| chunk.back().is_none_or(stale)) {
            let chunk = self.chunks.pop_front();
            let length = chunk.map_or(0, |chunk| chunk.len());
            self.length = self.length.saturating_sub(length);
        }
        while self.chunks.front().and_then(|chunk| chunk.front()).is_some_and(stale) {
            self.pop(Time::MIN, 0);
        }
    }
}

/// The payments one after the other; how they lie in chunks is of no account.
impl Tagged for Queue {
    fn put(&self, bytes: &mut Vec<u8>) {
        for due in self.chunks.iter().flat_map(|chunk| chunk.iter()) {
            tagged::put_sized(bytes, |bytes| due.put(bytes));
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Self, TaggedError> {
        let mut queue = Self::default();
        let mut last = Time::MIN;
        while !bytes.is_empty() {
            let due = Due::take(tagged::take_sized(&mut bytes)?)?;
            if due.decided < last {
                return Err(TaggedError::NotCanonical);
            }
            last = due.decided;
            queue.push(due);
        }
        Ok(queue)
    }
}

// A chunk is copied where a snapshot shares it: some 6 KB.
const CHUNK: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn due(number: i64) -> Due {
        Due { decided: Time::from_micros(number), payment: Token([7; 16]), decision: 1 }
    }

    #[test]
    fn what_is_due_comes_out_in_its_order() {
        let mut queue = Queue::default();
        for number in 0..1_000 {
            queue.push(due(number));
        }
        let copy = queue.clone();
        let until = Time::from_micros(599);
        let out: Vec<_> = std::iter::from_fn(|| queue.pop(until, 1_000)).collect();
        assert_eq!(out, (0..600).map(due).collect::<Vec<_>>());
        assert_eq!((queue.length, copy.length), (400, 1_000));
        let read = Queue::take(&queue.to_bytes()).unwrap();
        assert_eq!(read.to_bytes(), queue.to_bytes());
        assert_eq!((read.length, read.chunks.front().unwrap().front()), (400, Some(&due(600))));
    }

    #[test]
    fn of_too_many_the_first_comes_early() {
        let mut queue = Queue::default();
        for number in 0..10 {
            queue.push(due(number));
        }
        assert_eq!(queue.pop(Time::MIN, 10), None);
        assert_eq!(queue.pop(Time::MIN, 9), Some(due(0)));
        assert_eq!(queue.pop(Time::MIN, 9), None);
    }

    #[test]
    fn what_nothing_is_known_of_any_more_is_forgotten() {
        for since in [0, 1, 255, 256, 257, 600, 1_000] {
            let mut queue = Queue::default();
            for number in 0..600 {
                queue.push(due(number));
            }
            queue.forget(Time::from_micros(since));
            let left: Vec<_> = std::iter::from_fn(|| queue.pop(Time::MIN, 0)).collect();
            assert_eq!(left, (since.min(600)..600).map(due).collect::<Vec<_>>(), "{since}");
            assert_eq!(queue.length, 0, "{since}");
        }
    }
}
