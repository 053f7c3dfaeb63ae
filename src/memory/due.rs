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

    /// Takes the first one if it was decided before `until`, or if there are too many.
    pub(super) fn pop(&mut self, until: Time) -> Option<Due> {
        let first = *self.chunks.front()?.front()?;
        if until < first.decided && self.length <= DUE_MAX {
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

/// Most payments that wait: as many as are remembered at first (`Parameters::FIRST`). Of more the
/// first counts as sent early.
pub(super) const DUE_MAX: usize = 250_000;

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
        let out: Vec<_> = std::iter::from_fn(|| queue.pop(until)).collect();
        assert_eq!(out, (0..600).map(due).collect::<Vec<_>>());
        assert_eq!((queue.length, copy.length), (400, 1_000));
        let read = Queue::take(&queue.to_bytes()).unwrap();
        assert_eq!(read.to_bytes(), queue.to_bytes());
        assert_eq!((read.length, read.chunks.front().unwrap().front()), (400, Some(&due(600))));
    }

    #[test]
    fn of_too_many_the_first_comes_early() {
        let mut queue = Queue::default();
        let most = i64::try_from(DUE_MAX).unwrap();
        for number in 0..most {
            queue.push(due(number));
        }
        assert_eq!(queue.pop(Time::MIN), None);
        queue.push(due(most));
        assert_eq!(queue.pop(Time::MIN), Some(due(0)));
        assert_eq!(queue.pop(Time::MIN), None);
    }
}
