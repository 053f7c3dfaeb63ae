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

/// A live task of a caller.
fn of(seat: u16, calls: &mut Vec<Arc<Call>>) -> Job {
    Job { seat: Seat(seat), ..live(calls) }
}

/// Returns what was posted for a call, if anything was.
fn posted(call: &Arc<Call>) -> Option<Refusal> {
    let outcomes = locked(&call.mailbox.outcomes);
    outcomes.first().map(|(_, outcome)| *outcome.as_ref().unwrap_err())
}

/// Takes one batch of at most `count_max`: whose tasks, in its order.
fn seats(queue: &Queue, count_max: usize) -> Vec<u16> {
    let mut jobs = Vec::new();
    assert!(queue.take(count_max, &mut jobs));
    jobs.iter().map(|job| job.seat.0).collect()
}

fn job(task: Task, calls: &mut Vec<Arc<Call>>) -> Job {
    let call = Arc::new(Call {
        state: AtomicU8::new(WAITING),
        mailbox: Arc::default(),
        reply: Reply::One(Mutex::default()),
    });
    calls.push(Arc::clone(&call));
    Job { task, call, seat: Seat::NOBODY }
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

#[test]
fn a_door_stays_awake_while_the_turn_is_at_work_and_has_brought_it_nothing() {
    const MINUTE: u64 = 60_000_000_000;
    let (queue, mut calls) = (Queue::new(8), Vec::new());
    let awake = |mailbox: &Mailbox, nanos| {
        let since = Stopwatch::start();
        mailbox.stay_awake(&queue, nanos);
        since.nanos()
    };
    let idle = awake(&Mailbox::default(), MINUTE);
    assert!(idle < MINUTE, "{idle}");

    queue.put(live(&mut calls)).unwrap();
    let mailbox = Arc::clone(&calls[0].mailbox);
    // In one turn no longer than that in all: what it was awake for counts, and the first time does.
    for nanos in [0, 1_000_000] {
        let waited = awake(&mailbox, nanos);
        let awake_for = mailbox.awake_nanos.load(Ordering::Relaxed);
        assert!(nanos <= awake_for && waited < MINUTE, "{awake_for} {waited}");
    }
    mailbox.awake_nanos.store(MINUTE, Ordering::Relaxed);
    let waited = awake(&mailbox, MINUTE);
    assert!(waited < MINUTE, "{waited}");

    let mut jobs = Vec::new();
    assert!(queue.take(1, &mut jobs));
    thread::scope(|scope| {
        let waits = scope.spawn(|| awake(&mailbox, MINUTE));
        Calls(vec![calls.remove(0)]).post(&mut vec![Err(Refusal::Stopping)]);
        assert!(waits.join().unwrap() < MINUTE);
    });
    // The turn is still away, with something for another door.
    let waited = awake(&Mailbox::default(), 1_000_000);
    assert!((1_000_000..MINUTE).contains(&waited), "{waited}");
}

#[test]
fn whoever_has_most_in_a_full_queue_makes_room_for_whoever_has_less() {
    let queue = Queue::new(8);
    let (mut first, mut second, mut third) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..8 {
        queue.put(of(1, &mut first)).unwrap();
    }
    // Alone, it has all there is, and that is full.
    assert_eq!(queue.put(of(1, &mut first)).err(), Some(Refusal::QueueFull));
    assert!(!queue.has_room(Seat(1)) && queue.has_room(Seat(2)));
    for _ in 0..4 {
        assert!(queue.has_room(Seat(2)));
        queue.put(of(2, &mut second)).unwrap();
    }
    // Its newest went, one for each, and it was told.
    let lost: Vec<_> = first.iter().map(posted).collect();
    let share_full = Some(Refusal::QueueShareFull);
    assert_eq!(lost[..4], [None; 4]);
    assert_eq!(lost[4..], [share_full, share_full, share_full, share_full, None]);
    // Now they have the same, and neither takes from the other.
    for (seat, calls) in [(1, &mut first), (2, &mut second)] {
        assert!(!queue.has_room(Seat(seat)));
        assert_eq!(queue.put(of(seat, calls)).err(), share_full);
    }
    // A third takes from both until the three have as much as each other.
    for _ in 0..2 {
        queue.put(of(3, &mut third)).unwrap();
    }
    assert_eq!(queue.put(of(3, &mut third)).err(), share_full);
    assert_eq!(queue.len(), 8);
    assert_eq!(queue.over_share(), [0, 5 + 1, 1 + 1, 1]);
    let mut taken = seats(&queue, 8);
    taken.sort_unstable();
    assert_eq!(taken, [1, 1, 1, 2, 2, 2, 3, 3]);
    // What was taken makes room again.
    queue.put(of(1, &mut first)).unwrap();
    assert_eq!(seats(&queue, 8), [1]);
}

#[test]
fn a_task_that_lost_its_place_after_it_was_given_up_is_told_nothing() {
    let (queue, mut calls) = (Queue::new(2), Vec::new());
    queue.put(of(1, &mut calls)).unwrap();
    queue.put(of(1, &mut calls)).unwrap();
    assert_eq!(calls[1].give_up(), Refusal::ExpiredBeforeDeciding);
    queue.put(of(2, &mut calls)).unwrap();
    assert_eq!(posted(&calls[1]), None);
    assert_eq!(seats(&queue, 8), [1, 2]);
}

#[test]
fn a_batch_that_cannot_take_all_takes_as_many_of_each() {
    for (waiting, count_max, want) in [
        // All of those who ask for less than their part, and the rest of the others.
        ([80, 4, 0], 10, [6, 4, 0]),
        ([80, 4, 90], 10, [3, 3, 3]),
        ([80, 1, 90], 11, [5, 1, 5]),
        ([2, 80, 2], 10, [2, 6, 2]),
        ([80, 0, 0], 10, [10, 0, 0]),
        ([4, 4, 2], 10, [4, 4, 2]),
        // Fewer than there are callers.
        ([5, 5, 5], 2, [1, 1, 0]),
    ] {
        let (queue, mut calls) = (Queue::new(1_000), Vec::new());
        for (seat, count) in (1..).zip(waiting) {
            (0..count).for_each(|_| assert!(queue.put(of(seat, &mut calls)).is_ok()));
        }
        let mut jobs = Vec::new();
        assert!(queue.take(count_max, &mut jobs));
        let taken = [1, 2, 3].map(|seat| jobs.iter().filter(|job| job.seat == Seat(seat)).count());
        assert_eq!(taken, want, "{waiting:?} {count_max}");
        // Each caller's in the order they came, and nothing is lost.
        let place = |job: &Job| calls.iter().position(|call| Arc::ptr_eq(call, &job.call));
        for seat in [1, 2, 3] {
            let own = jobs.iter().filter(|job| job.seat == Seat(seat)).map(place);
            assert!(own.is_sorted(), "{seat}");
        }
        let all = waiting.iter().sum::<usize>();
        assert_eq!(queue.len(), all - jobs.len());
        let mut left = 0;
        while !queue.is_empty() {
            left += seats(&queue, count_max).len();
        }
        assert_eq!(left + jobs.len(), all);
    }
}

#[test]
fn a_caller_within_its_share_waits_one_batch_beside_one_that_asks_ten_times_its_own() {
    const LENGTH_MAX: usize = 64;
    const BATCH: usize = 16;
    let (queue, mut good, mut bad) = (Queue::new(LENGTH_MAX), Vec::new(), Vec::new());
    let mut refused = 0;
    for round in 0..100 {
        // Half of the queue is its share: ten times that before the other comes, and after.
        for _ in 0..5 * LENGTH_MAX / 2 {
            refused += usize::from(queue.put(of(1, &mut bad)).is_err());
        }
        let before = good.len();
        for _ in 0..BATCH / 2 {
            queue.put(of(2, &mut good)).unwrap();
        }
        for _ in 0..5 * LENGTH_MAX / 2 {
            refused += usize::from(queue.put(of(1, &mut bad)).is_err());
        }
        let mut jobs = Vec::new();
        assert!(queue.take(BATCH, &mut jobs));
        let own: Vec<_> = jobs.iter().filter(|job| job.seat == Seat(2)).collect();
        assert_eq!((jobs.len(), own.len()), (BATCH, BATCH / 2), "{round}");
        for (job, call) in own.iter().zip(&good[before..]) {
            assert!(Arc::ptr_eq(&job.call, call), "{round}");
        }
    }
    assert_eq!(good.iter().filter_map(posted).count(), 0);
    let lost = bad.iter().filter_map(posted).count();
    // All it asked for is there, was decided, or was refused.
    assert_eq!(bad.len(), refused + lost + queue.len() + 100 * BATCH / 2);
    assert_eq!(queue.over_share()[2..], [0_u64; 0]);
}
