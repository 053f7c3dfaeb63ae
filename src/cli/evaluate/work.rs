//! Work: banks side by side, each of which decides about one file under one policy.
//!
//! A bank takes its payments in the order of its file and shares nothing with another, so as many work at
//! once as there are threads. A thread that has no bank of its own reads ahead for those of others. What is
//! counted is the same on however many threads.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::calendar::Time;
use crate::cli::evaluate::bank::{Bank, Payment};
use crate::cli::evaluate::labels::{LabelError, Labels};
use crate::evaluation::Tally;
use crate::policy::Policy;
use crate::records::Reader;
use crate::records::pb::Labelled;

/// One file under one policy.
#[derive(Debug)]
pub(super) struct Job {
    policy: Arc<Policy>,
    source: Mutex<Source>,
    /// What was read ahead, in the order of the file: only who holds `source` adds to it.
    ahead: Mutex<VecDeque<Batch>>,
    /// Payments that were decided, for whoever reads on: memory is given back, and taken again, more cheaply
    /// where it was taken.
    spent: Mutex<Vec<Vec<Payment>>>,
    /// Whether nobody needs to read ahead for it.
    over: AtomicBool,
}

/// A file on its way from bytes to payments.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// Open from the first payment to the last, since there may be more files than may be open.
    reader: Option<Reader<BufReader<File>>>,
    file: u32,
    labels: Labels,
    measured_from: Option<Time>,
    /// The last record.
    labelled: Labelled,
    /// Records read so far.
    records: u64,
    /// When the last one was asked about.
    last: Time,
    ended: bool,
}

/// Some payments in their order.
#[derive(Debug)]
struct Batch {
    payments: Vec<Payment>,
    /// What is wrong with the record behind them.
    wrong: Option<String>,
}

/// What a job came to: how many records there are and what was counted, or what is wrong with one.
pub(super) type Counted = Result<(u64, Tally), String>;

/// Where threads without a bank wait.
#[derive(Debug, Default)]
struct Board {
    /// How often there was something new to do.
    news: Mutex<u64>,
    changed: Condvar,
}

/// Does all jobs on so many threads. Returns what each came to, in their order; jobs behind one that failed
/// may be missing.
pub(super) fn run(jobs: &[Job], threads: usize) -> Vec<Option<Counted>> {
    let (board, next) = (Board::default(), AtomicUsize::new(0));
    // The first job that failed: what is behind it need not be done.
    let failed = AtomicUsize::new(usize::MAX);
    let results: Vec<Mutex<Option<Counted>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((job, result)) = jobs.get(number).zip(results.get(number)) else { break };
            let ending = Ending { over: &job.over, board: &board };
            let counted = job.count(&board, || failed.load(Ordering::Relaxed) < number);
            drop(ending);
            if matches!(counted, Some(Err(_))) {
                failed.fetch_min(number, Ordering::Relaxed);
            }
            *lock(result) = counted;
        }
        help(jobs, &board);
    };
    // A bank and somebody who reads for it: more are of no use.
    let threads = threads.clamp(1, jobs.len().saturating_mul(2).max(1));
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work();
        for other in others {
            // A panic of a bank is one of ours: it goes on here.
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    results
        .into_iter()
        .map(|one| one.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// Reads ahead for the banks of others until all have ended.
fn help(jobs: &[Job], board: &Board) {
    loop {
        let news = *lock(&board.news);
        let open = || jobs.iter().filter(|job| !job.over.load(Ordering::Acquire));
        let Some((job, waiting)) =
            open().map(|job| (job, lock(&job.ahead).len())).min_by_key(|(_, waiting)| *waiting)
        else {
            return;
        };
        if waiting < AHEAD_MAX {
            job.read_ahead(board);
            continue;
        }
        let mut now = lock(&board.news);
        while *now == news {
            now = board.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Job {
    /// Makes a job of file number `file`, whose payments count from `measured_from` on.
    pub(super) fn new(
        path: &Path,
        (file, measured_from): (u32, Option<Time>),
        policy: &Arc<Policy>,
    ) -> Self {
        let source = Source {
            path: path.to_owned(),
            reader: None,
            file,
            labels: Labels::new(policy),
            measured_from,
            labelled: Labelled::default(),
            records: 0,
            last: Time::MIN,
            ended: false,
        };
        Self {
            policy: Arc::clone(policy),
            source: Mutex::new(source),
            ahead: Mutex::default(),
            spent: Mutex::default(),
            over: AtomicBool::new(false),
        }
    }

    /// Decides about all payments in their order; `None` where `stop` says that nobody needs it any more.
    fn count(&self, board: &Board, stop: impl Fn() -> bool) -> Option<Counted> {
        let mut bank = Bank::new(Arc::clone(&self.policy));
        let mut records = 0_u64;
        while let Some(Batch { mut payments, wrong }) = self.next(board) {
            if stop() {
                return None;
            }
            bank.warm(&payments);
            for payment in &mut payments {
                records = payment.place.record;
                if let Err(why) = bank.pay(payment) {
                    return Some(Err(cannot(records, &why)));
                }
            }
            if let Some(wrong) = wrong {
                return Some(Err(wrong));
            }
            lock(&self.spent).push(payments);
        }
        Some(Ok((records, bank.into_tally())))
    }

    /// Returns the next payments: what was read ahead, or what it reads now.
    fn next(&self, board: &Board) -> Option<Batch> {
        self.take(board).or_else(|| {
            let mut source = lock(&self.source);
            // Whoever held it may have read some.
            self.take(board).or_else(|| self.read(&mut source))
        })
    }

    /// Takes what was read ahead.
    fn take(&self, board: &Board) -> Option<Batch> {
        let mut ahead = lock(&self.ahead);
        let batch = ahead.pop_front();
        let left = ahead.len();
        drop(ahead);
        // Not for each one: waking a thread costs as much as deciding about ten payments.
        if batch.is_some() && left == AHEAD_MAX / 2 {
            board.tell();
        }
        batch
    }

    /// Reads some payments ahead, if there are any.
    fn read_ahead(&self, board: &Board) {
        let mut source = lock(&self.source);
        if let Some(batch) = self.read(&mut source) {
            lock(&self.ahead).push_back(batch);
        } else {
            self.over.store(true, Ordering::Release);
            board.tell();
        }
    }

    fn read(&self, source: &mut Source) -> Option<Batch> {
        let spent = lock(&self.spent).pop();
        source.read(spent.unwrap_or_default())
    }
}

impl Source {
    /// Reads some payments in the place of those that are spent; `None` behind the last.
    fn read(&mut self, mut payments: Vec<Payment>) -> Option<Batch> {
        payments.clear();
        let mut batch = Batch { payments, wrong: None };
        while batch.payments.len() < BATCH && !self.ended {
            match self.payment(&mut batch.payments) {
                Ok(read) => self.ended = !read,
                Err(wrong) => {
                    batch.wrong = Some(wrong);
                    self.ended = true;
                }
            }
        }
        if self.ended {
            self.reader = None;
        }
        (!batch.payments.is_empty() || batch.wrong.is_some()).then_some(batch)
    }

    /// Reads one more payment, or tells what is wrong with it; false where the file ends.
    fn payment(&mut self, payments: &mut Vec<Payment>) -> Result<bool, String> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(open(&self.path)?),
        };
        if !reader.read(&mut self.labelled).map_err(|error| error.to_string())? {
            return Ok(false);
        }
        self.records = self.records.saturating_add(1);
        let place = (self.file, self.records);
        // In one piece from there to its place: it is large.
        let mut payment = match self.labels.payment(&mut self.labelled, place) {
            Ok(payment) => payment,
            Err(why) => return Err(cannot(self.records, &why)),
        };
        let requested = payment.requested;
        if requested < self.last {
            return Err(cannot(self.records, &LabelError::Early));
        }
        self.last = requested;
        payment.place.measured = self.measured_from.is_none_or(|from| from <= requested);
        payments.push(payment);
        Ok(true)
    }
}

/// Says that a job is over, also where it ends with a panic.
struct Ending<'a> {
    over: &'a AtomicBool,
    board: &'a Board,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.board.tell();
    }
}

impl Board {
    /// Wakes whoever waits.
    fn tell(&self) {
        let mut news = lock(&self.news);
        *news = news.wrapping_add(1);
        drop(news);
        self.changed.notify_all();
    }
}

/// Opens a file of labelled payments, or tells what is wrong with it.
pub(super) fn open(path: &Path) -> Result<Reader<BufReader<File>>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let file = BufReader::with_capacity(BUFFER_BYTES, file);
    Reader::new(file).map_err(|error| error.to_string())
}

fn cannot(record: u64, why: &impl std::fmt::Display) -> String {
    format!("record {record} cannot be decided: {why}")
}

/// What a panicking thread held is whole: it is one value that was put or taken.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some hundred records: so few that they stay in the processor's cache until they are read.
const BUFFER_BYTES: usize = 1 << 15;
/// Payments read at once: what is read ahead for so many stays in the processor's cache.
const BATCH: usize = 64;
/// Batches that wait for a bank: enough that neither thread waits for the other, a megabyte.
const AHEAD_MAX: usize = 16;
