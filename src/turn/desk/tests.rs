//! Tests of the queue: what goes before what.

use super::waiting::{PARTS_MAX, PASSED_MAX};
use super::*;
use crate::turn::import::Part;

/// A live task, as it waits for the turn.
fn live(calls: &mut Vec<Arc<Call>>) -> Job {
    job(Task::Imported([0; 16]), calls)
}

/// A part of a file.
fn part(file: u8, calls: &mut Vec<Arc<Call>>) -> Job {
    let (import, payers) = ([file; 16], Vec::new());
    job(
        Task::Import(Box::new(Part {
            import,
            from: 0,
            until: 1,
            also_live: false,
            payers,
            caller: None,
        })),
        calls,
    )
}

fn job(task: Task, calls: &mut Vec<Arc<Call>>) -> Job {
    let call = Arc::new(Call {
        state: AtomicU8::new(WAITING),
        mailbox: Arc::default(),
        reply: Reply::One(Mutex::default()),
    });
    calls.push(Arc::clone(&call));
    Job { task, call }
}

/// Takes one batch: how many live tasks, or which file.
fn take(queue: &Queue) -> (usize, Option<u8>) {
    let mut jobs = Vec::new();
    assert!(queue.take(1_024, &mut jobs));
    match &jobs[..] {
        [Job { task: Task::Import(part), .. }] => (0, Some(part.import[0])),
        jobs => {
            assert!(jobs.iter().all(|job| !matches!(job.task, Task::Import(_))));
            (jobs.len(), None)
        }
    }
}

#[test]
fn parts_of_files_wait_for_all_else_and_come_one_at_a_time() {
    let (queue, mut calls) = (Queue::new(8), Vec::new());
    queue.put(part(1, &mut calls)).unwrap();
    queue.put(part(2, &mut calls)).unwrap();
    queue.put(live(&mut calls)).unwrap();
    queue.put(live(&mut calls)).unwrap();
    assert_eq!(queue.len(), 4);
    assert_eq!(take(&queue), (2, None));
    assert_eq!(take(&queue), (0, Some(1)));
    queue.put(live(&mut calls)).unwrap();
    assert_eq!(take(&queue), (1, None));
    assert_eq!(take(&queue), (0, Some(2)));
    queue.stop();
    assert!(!queue.take(1_024, &mut Vec::new()));
}

#[test]
fn a_part_of_a_file_is_passed_over_so_often_and_no_more() {
    let (queue, mut calls) = (Queue::new(8), Vec::new());
    queue.put(part(1, &mut calls)).unwrap();
    queue.put(part(2, &mut calls)).unwrap();
    queue.put(live(&mut calls)).unwrap();
    for file in [1, 2] {
        for _ in 0..PASSED_MAX {
            assert_eq!(take(&queue), (1, None));
            queue.put(live(&mut calls)).unwrap();
        }
        assert_eq!(take(&queue), (0, Some(file)));
    }
}

#[test]
fn parts_of_files_have_places_of_their_own() {
    let (queue, mut calls) = (Queue::new(1), Vec::new());
    for _ in 0..PARTS_MAX {
        queue.put(part(1, &mut calls)).unwrap();
    }
    assert_eq!(queue.put(part(1, &mut calls)).err(), Some(Refusal::QueueFull));
    queue.put(live(&mut calls)).unwrap();
    assert_eq!(queue.put(live(&mut calls)).err(), Some(Refusal::QueueFull));
    assert_eq!(take(&queue), (1, None));
    // A part that nobody waits for any more is left out.
    calls[0].give_up();
    let mut jobs = Vec::new();
    assert!(queue.take(1_024, &mut jobs) && jobs.is_empty());
}

#[test]
fn whoever_looks_after_the_turn_sees_whether_it_has_something_to_do_and_comes_back() {
    let (queue, mut calls) = (Queue::new(8), Vec::new());
    assert_eq!(queue.progress(), Progress { turns: 0, at_work: false });
    queue.put(live(&mut calls)).unwrap();
    assert_eq!(queue.progress(), Progress { turns: 0, at_work: true });
    let mut jobs = Vec::new();
    assert!(queue.take(8, &mut jobs));
    // Nothing waits, and it is away with what waited.
    assert!(queue.is_empty());
    assert_eq!(queue.progress(), Progress { turns: 1, at_work: true });
    queue.stop();
    assert!(!queue.take(8, &mut jobs));
    assert_eq!(queue.progress(), Progress { turns: 2, at_work: false });
}
