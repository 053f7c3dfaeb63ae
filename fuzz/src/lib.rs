//! Targets: what must hold of whatever bytes arrive, one function for each parser.
//!
//! The fuzzer calls these with inputs it grows from `corpus/`; `tests/fuzz_corpus.rs` calls them on
//! every `cargo test` with that corpus, with inputs that are right, and with mutations of both.
//!
//! A hash or signature over an input would turn away nearly every mutation, and leave what lies
//! behind it untried. So where there is one, an input is tried as it is and with all of those made
//! right: what is parsed behind a hash is then whatever somebody with the keys could have written.
//!
//! Each returns whether the input was accepted, and panics where something does not hold.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use clearline::account::Tokens;
use clearline::calendar::Time;
use clearline::cli::import::lines::Lines;
use clearline::decision::{self, Decision, decide};
use clearline::entry::{Entry, Identity, IndexKey, Parameters, Parts, index_keys};
use clearline::grpc::{pb, read};
use clearline::history::Recall;
use clearline::lists::{List, PART_ROWS_MAX, PARTS_MAX};
use clearline::log::folder::Folder;
use clearline::log::reader::{Query, Reader};
use clearline::log::segments::{Files as Segments, Settings};
use clearline::log::{Base, snapshot as snapshots};
use clearline::memory::snapshot::Slices;
use clearline::memory::{FOLD_VERSION, Memory};
use clearline::policy::{self as policies, Files, Policy};
use clearline::signal::{Facts, Mode};
use clearline::tagged::Tagged;
use clearline::text::{Concept, Draft, Lexicon, Listed, MENTIONS_MAX, Mention, Source};
use clearline::tlog::checkpoint::{Checkpoint, Signer};
use clearline::tlog::{Frontier, Hash, leaf_hash};
use clearline::transfer::Request;
use clearline::turn::start::{Plan, start};
use clearline::turn::{Screen, Task};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

#[path = "../../tests/simulation/disk.rs"]
#[expect(dead_code, reason = "the tests of the log use the rest")]
pub mod disk;

use disk::{End, SimulatedDisk};

// --- Request --------------------------------------------------------------------------------------

/// Reads bytes as a question about a transfer and, where it is one, decides it as the turn would.
///
/// Whatever deciding reads, and whatever it comes to, comes back from its canonical bytes.
pub fn request(bytes: &[u8]) -> bool {
    let Ok(message) = pb::ScreenTransferRequest::decode(bytes) else { return false };
    let Ok(request) = read::request(message, now()) else { return false };
    decided(request);
    true
}

/// Decides a request as the turn would, and checks what must hold of it.
fn decided(request: Request) {
    let identity = Identity::of(&request, &Tokens::new(&[7; 32]));
    let facts = facts(request);
    assert_eq!(Facts::take(&facts.to_bytes()).as_ref(), Ok(&facts));

    let decision = decide(&facts, standard());
    assert_eq!(Decision::take(&decision.to_bytes()).as_ref(), Ok(&decision));
    let words = decision.words(&facts, standard());
    assert_eq!(words.is_some(), decision.warning.is_some());
    assert_eq!(Identity::take(&identity.to_bytes()), Ok(identity));
}

fn facts(request: Request) -> Facts {
    Facts {
        mentions: standard().mentions(&request.transfer.texts, &request.answers),
        transfer: request.transfer,
        stage: request.stage,
        can_ask: request.can_ask,
        answers: request.answers,
        recall: Recall::default(),
        inherited: Vec::new(),
        decided: now(),
        mode: Mode::Normal,
        seed: u64::from(request.id[0]),
        rejected: request.rejected,
    }
}

/// A minute after the inputs were confirmed.
fn now() -> Time {
    Time::parse("2026-11-20T15:05:00Z").unwrap()
}

fn standard() -> &'static Arc<Policy> {
    static STANDARD: OnceLock<Arc<Policy>> = OnceLock::new();
    STANDARD.get_or_init(|| Arc::new(policies::load(policies::standard()).unwrap()))
}

// --- Iso20022 -------------------------------------------------------------------------------------

/// Reads bytes as a payment message and, where it is one, decides each order in it, all else known.
///
/// What is refused names a place in it, and an order that is not asked about names its fields.
pub fn iso20022(bytes: &[u8]) -> bool {
    let message = bytes.to_vec();
    let known = Some(beside());
    let request = pb::ScreenIso20022Request { message, known, known_transfers: Vec::new() };
    let read = clearline::iso20022::read(bytes);
    let asked = read::orders(request, now());
    assert_eq!(asked.is_ok(), read.is_ok());
    let (asked, message) = match (asked, read) {
        (Ok(asked), Ok(message)) => (asked, message),
        (_, Err(error)) => {
            assert!(error.at <= bytes.len(), "{error}");
            return false;
        }
        (Err(_), Ok(_)) => return false,
    };
    assert_eq!(asked.len(), message.orders.len());
    let mut any = false;
    for (at, asked) in asked.into_iter().enumerate() {
        assert!(at < clearline::iso20022::ORDERS_MAX);
        match asked.request {
            Ok(request) => {
                assert!(request.rejected.len() <= 64);
                decided(request);
                any = true;
            }
            Err(problems) => assert!(!problems.is_empty()),
        }
    }
    any
}

/// Returns what is known beside a message: nothing that it states itself.
fn beside() -> pb::ScreenTransferRequest {
    let mut known = plain();
    if let Some(transfer) = &mut known.transfer {
        transfer.amount = None;
        transfer.payee = None;
        transfer.payer.iter_mut().for_each(|payer| payer.account = None);
    }
    known
}

// --- Frame ----------------------------------------------------------------------------------------

/// Reads bytes as the only segment of a log: as a reader, and as a start that mends its end.
///
/// With a first byte that is even, the rest is the segment. With an odd one it is a sketch, from
/// which frames are made whose hashes and signatures are right:
///
/// ```text
/// sketch := (entries u8 | length u16 BE | the bytes of as many entries)*
/// ```
///
/// Whatever is read comes back as it was read, a reader and a start agree on it, and a start has
/// nothing left to mend for the next one.
pub fn frame(bytes: &[u8]) -> bool {
    let Some((mode, rest)) = bytes.split_first() else { return false };
    let segment = if mode % 2 == 0 { rest.to_vec() } else { forged(rest) };
    let sim = written().fork();
    sim.start(End::Killed);
    sim.change(SEGMENT, |bytes| *bytes = segment);

    let seen = read_only(&sim);
    let Some(begun) = begin(&sim) else { return false };
    let again = begin(&sim);
    assert_eq!(again.as_ref(), Some(&begun), "a start mends all there is to mend");
    assert_eq!(read_only(&sim), Some(begun.position()));
    // A frame of which only its own hash was cut off is mended.
    assert!(seen.is_none_or(|seen| seen <= begun.position()));
    true
}

/// Opens the log as a reader beside another process would, and reads all that there is in every
/// way that there is. Returns how many entries it sees.
fn read_only(sim: &SimulatedDisk) -> Option<u64> {
    let folder = Folder::open_read_only(sim.start(End::Killed)).unwrap();
    let reader = Reader::open(&folder).ok()?;
    let durable = reader.durable();
    let mut scanned = 0;
    let walked = reader.scan(0, &mut |stored| {
        assert_eq!(stored.receipt.index(), scanned);
        assert_eq!(reader.read(scanned).ok().as_ref(), Some(&stored));
        comes_back(&stored.parts);
        scanned += 1;
        ControlFlow::Continue(())
    });
    assert!(walked.is_err() || scanned == durable);
    for position in (0..durable.min(8)).chain([durable, u64::MAX]) {
        let (entry, checkpoint) = (reader.read(position), reader.checkpoint(position));
        assert!(position < durable || (entry.is_err() && checkpoint.is_err()));
    }
    for keys in [vec![], vec![IndexKey { field: 1, value: [1; 16] }]] {
        let query = Query { keys, from: Some(now()), until: None, below: u64::MAX, limit: 8 };
        if let Ok(found) = reader.list(&query) {
            assert!(found.len() <= 8);
        }
    }
    Some(durable)
}

/// Opens the log as a start does, and folds it. Returns the point after its last entry.
fn begin(sim: &SimulatedDisk) -> Option<Base> {
    let folder = Folder::open(sim.start(End::Killed), ORIGIN).unwrap();
    let mut memory = Memory::new();
    let opened = Segments::open(folder, Settings::default(), None, &mut |stored| {
        if let Ok(entry) = Entry::read(&stored.parts) {
            memory.apply(&entry, stored.parts.time);
        }
        Ok(())
    });
    let base = opened.ok()?.base();
    assert!(memory.position() <= base.position());
    Some(base)
}

/// Checks that an entry which can be read is written as it was read.
fn comes_back(parts: &Parts) {
    let mut values = Vec::new();
    index_keys(parts.kind, &parts.public, &mut values);
    let Ok(entry) = Entry::read(parts) else { return };
    let written = entry.parts(parts.time);
    assert_eq!((written.kind, written.time), (parts.kind, parts.time));
    assert_eq!(written.public, parts.public);
    if let Some(personal) = written.personal {
        assert_eq!(Some(personal), parts.personal);
    }
}

/// Makes a segment of a sketch.
fn forged(mut sketch: &[u8]) -> Vec<u8> {
    let signer = signer();
    let mut segment = b"clearline segment 1\n".to_vec();
    segment.extend_from_slice(&[0; 8 + 32]);
    segment.extend_from_slice(&u16::try_from(ORIGIN.len()).unwrap().to_be_bytes());
    segment.extend_from_slice(ORIGIN.as_bytes());
    segment.extend_from_slice(&Sha256::digest(&segment));
    let (mut previous, mut first): (Hash, u64) = ([0; 32], 0);
    let mut tree = Frontier::default();
    while let [count, high, low, rest @ ..] = sketch {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (entries, rest) = rest.split_at(length);
        sketch = rest;
        leaves(entries).take(usize::from(*count)).for_each(|leaf| tree.push(leaf_hash(leaf)));
        let mut note = Vec::new();
        signer.sign(&Checkpoint { size: tree.size(), root: tree.root() }, &mut note);

        let mut body = first.to_be_bytes().to_vec();
        body.extend_from_slice(&u32::from(*count).to_be_bytes());
        body.extend_from_slice(&previous);
        body.extend_from_slice(entries);
        body.extend_from_slice(&u16::try_from(note.len()).unwrap().to_be_bytes());
        body.extend_from_slice(&note);
        let from = segment.len();
        segment.extend_from_slice(b"CLFR");
        segment.extend_from_slice(&u32::try_from(body.len() + 32).unwrap().to_be_bytes());
        segment.extend_from_slice(&body);
        previous = Sha256::digest(&segment[from..]).into();
        segment.extend_from_slice(&previous);
        first += u64::from(*count);
    }
    segment.extend_from_slice(sketch);
    segment
}

/// Returns the leaf of each entry, up to the first that is none.
fn leaves(mut entries: &[u8]) -> impl Iterator<Item = &[u8]> {
    fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (taken, rest) = rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
        *bytes = rest;
        Some(taken)
    }
    std::iter::from_fn(move || {
        let leaf = take(&mut entries)?;
        take(&mut entries)?;
        Some(leaf)
    })
}

fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let folder = Folder::open_read_only(written().fork().start(End::Killed)).unwrap();
        folder.keys().signer(ORIGIN)
    })
}

/// Returns a disk with a log on it, the same every time.
fn written() -> &'static SimulatedDisk {
    static WRITTEN: OnceLock<SimulatedDisk> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let sim = SimulatedDisk::new(1);
        let disk = sim.start(End::Killed);
        let plan = Plan {
            origin: ORIGIN.to_owned(),
            // No room behind the last frame: the segment is its frames and no more.
            log: Settings { room_bytes: 0, ..Settings::default() },
            parameters: Parameters::FIRST,
            policy: Arc::clone(standard()),
        };
        let mut started = start(&disk, plan, now()).unwrap();
        for message in [plain(), full()] {
            let request = read::request(message, now()).unwrap();
            let identity = Identity::of(&request, &started.tokens);
            let screen =
                Screen { request, identity, mentions: Vec::new(), policy: [0; 32], trace: None };
            let outcomes = started.engine.turn(vec![Task::Screen(Box::new(screen))], now());
            assert!(outcomes.unwrap()[0].is_ok());
        }
        sim
    })
}

const ORIGIN: &str = "bank.example/decisions";
const SEGMENT: &str = "log/00000000000000000000.segment";

// --- Snapshot -------------------------------------------------------------------------------------

/// Reads bytes as what is remembered, and as the file of a snapshot, with and without a right hash.
///
/// Whatever is read is written as it was read. Nearly all of a small snapshot is zeros, so inputs
/// are packed: a zero stands before the length of a run of them, in two bytes.
pub fn snapshot(bytes: &[u8]) -> bool {
    let bytes = unpacked(bytes);
    let remembered = remembers(&bytes);
    let digest = Sha256::digest(&bytes);
    let file = snapshot_file(&bytes) || snapshot_file(&[&bytes[..], &digest[..]].concat());
    remembered || file
}

/// Reads the bytes of a memory.
fn remembers(bytes: &[u8]) -> bool {
    let Ok(memory) = Memory::from_snapshot(bytes) else { return false };
    let written: Vec<u8> = Slices::new(&memory).flatten().collect();
    assert!(written == bytes, "what is read is written");
    assert_eq!(memory.digest(), Hash::from(Sha256::digest(bytes)));

    // And it goes on from there.
    let mut memory = memory;
    let mut request = read::request(full(), now()).unwrap();
    let identity = Identity::of(&request, &Tokens::new(&[7; 32]));
    memory.known(&identity, request.requested, now());
    memory.recall(&identity, request.stated(), now());
    let position = memory.position();
    memory.apply(&Entry::Parameters(Parameters::FIRST), now());
    assert_eq!(memory.position(), position.saturating_add(1));
    true
}

/// Reads the bytes of a snapshot's file.
fn snapshot_file(bytes: &[u8]) -> bool {
    // It must be at the position that it says itself.
    let at = b"clearline snapshot 1\n".len() + 4 + 8 + 32;
    let position = bytes.get(at..).and_then(|rest| rest.first_chunk());
    let position = position.map_or(0, |position| u64::from_be_bytes(*position));
    let disk = SimulatedDisk::new(1).start(End::Killed);
    disk.create_folder("snapshots").unwrap();
    let path = format!("snapshots/{position:020}.snapshot");
    disk.create(&path).unwrap().append(bytes).unwrap();
    let Some((base, payload)) = snapshots::newest(&*disk, FOLD_VERSION) else { return false };
    assert_eq!(base.position(), position);

    remembers(&payload);
    disk.remove(&path).unwrap();
    snapshots::write(&*disk, FOLD_VERSION, &base, &mut [payload].into_iter()).unwrap();
    assert!(disk.read(&path).unwrap() == bytes, "what is read is written");
    true
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for run in bytes.chunk_by(|one, next| (*one == 0) == (*next == 0)) {
        if run[0] != 0 {
            packed.extend_from_slice(run);
            continue;
        }
        for run in run.chunks(usize::from(u16::MAX)) {
            packed.push(0);
            packed.extend_from_slice(&u16::try_from(run.len()).unwrap().to_be_bytes());
        }
    }
    packed
}

fn unpacked(mut packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let [byte, rest @ ..] = packed {
        packed = rest;
        if let (0, [high, low, rest @ ..]) = (*byte, rest) {
            packed = rest;
            let length = bytes.len() + usize::from(u16::from_be_bytes([*high, *low]));
            // Larger than any snapshot of so few rows.
            bytes.resize(length.min(1 << 18), 0);
        } else {
            bytes.push(*byte);
        }
    }
    bytes
}

// --- Policy ---------------------------------------------------------------------------------------

/// Reads bytes as a whole policy, or puts them in the place of one file of the shipped one: the
/// first byte says which.
///
/// Every problem names a file and a line of it, and a policy without any decides its own cases.
/// Accepted is what can be read: few changes leave all cases as they were.
pub fn policy(bytes: &[u8]) -> bool {
    if let Ok(files) = Files::from_bytes(bytes) {
        assert_eq!(files.to_bytes(), bytes);
        return loads(&files);
    }
    let Some((place, text)) = bytes.split_first() else { return false };
    let mut files = policies::standard();
    let path = FILES[usize::from(*place) % FILES.len()];
    files.insert(path, text);
    assert_eq!(Files::from_bytes(&files.to_bytes()).as_ref(), Ok(&files));
    loads(&files)
}

fn loads(files: &Files) -> bool {
    let read = policies::load(files.clone());
    let loads = read.is_ok();
    // Whether it is fit to decide is asked of every one that can be read and of some of the others:
    // it takes ten times as long.
    let problems = match read {
        Err(problems) if !files.digest()[0].is_multiple_of(8) => problems,
        Ok(_) | Err(_) => match decision::check(files.clone()) {
            Ok(checked) => {
                assert!(loads && checked.policy.digest() == files.digest());
                return true;
            }
            Err(problems) => problems,
        },
    };
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.advice.is_empty(), "{problem}");
        let contents = files.contents(&problem.file);
        assert!(contents.is_some() || FILES.contains(&&*problem.file), "{problem}");
        let lines = contents.unwrap_or_default().split(|byte| *byte == b'\n').count();
        assert!(usize::try_from(problem.line).unwrap() <= lines, "{problem}");
    }
    loads
}

const FILES: [&str; 4] = ["policy.toml", "lexicon.toml", "cases.toml", "warnings/en.toml"];

// --- Lexicon --------------------------------------------------------------------------------------

/// Reads bytes as a text that somebody typed, on the first line, and as a lexicon on the others:
/// `+` or `-`, the number of a concept and a phrase or an exception; `!` and a word that denies.
///
/// Whatever is mentioned stands in the text, in order, by a phrase of that concept, in any case.
pub fn lexicon(bytes: &[u8]) -> bool {
    let Ok(input) = str::from_utf8(bytes) else { return false };
    let mut lines = input.split('\n');
    let text = lines.next().unwrap_or("");
    let mut draft = Draft::default();
    for (line, row) in (2..).zip(lines) {
        let mut parts = row.splitn(3, ' ');
        let (sign, number) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        if sign == "!" {
            let _ = draft.negation(number);
            continue;
        }
        let Some(text) = parts.next() else { continue };
        let number = number.parse::<usize>().unwrap_or(0);
        let concept = Concept::ALL[number % Concept::ALL.len()];
        let _ = draft.add(Listed { concept, text, excepted: sign == "-", line });
    }
    let lexicon = draft.compile();
    for listed in lexicon.listed() {
        lexicon.speaks(&listed);
        lexicon.excepts_something(&listed);
    }
    let told = mentioned(&lexicon, text);
    mentioned(standard().lexicon(), text) || told
}

fn mentioned(lexicon: &Lexicon, text: &str) -> bool {
    let mut any = false;
    for source in [Source::Reference, Source::Remittance] {
        let mut mentions = Vec::new();
        lexicon.mentions(source, text, &mut mentions);
        let spoken = lexicon.spoken(source, text);
        assert_eq!(mentions, spoken.iter().map(|it| it.mention).collect::<Vec<_>>());
        assert!(mentions.len() <= MENTIONS_MAX && mentions.is_sorted_by_key(|it| it.from));
        for spoken in &spoken {
            let Mention { concept, from, until, .. } = spoken.mention;
            assert_eq!((concept, false), (spoken.phrase.concept, spoken.phrase.excepted));
            let span = usize::try_from(from).unwrap()..usize::try_from(until).unwrap();
            assert!(text.get(span).is_some_and(|text| !text.is_empty()));
        }
        let mut shouted = Vec::new();
        lexicon.mentions(source, &text.to_ascii_uppercase(), &mut shouted);
        assert_eq!(shouted, mentions);
        any |= !mentions.is_empty();
    }
    any
}

// --- List -----------------------------------------------------------------------------------------

/// Reads bytes as the file of a list of accounts, and as the message that loads a part of one.
///
/// Every problem names a line of the file, and what is accepted is in order, inside its bounds and
/// whole when put together from its parts.
pub fn list(bytes: &[u8]) -> bool {
    let part = pb::LoadListPartRequest::decode(bytes).ok().map(read::list_part);
    if let Some(Ok(part)) = part {
        assert!((1..=part.parts).contains(&part.part) && part.parts <= PARTS_MAX);
        assert!(part.client_accounts.len() + part.billers.len() <= PART_ROWS_MAX);
        return true;
    }
    let Ok(text) = str::from_utf8(bytes) else { return false };
    match List::read("list.toml", text) {
        Ok(list) => {
            assert!(list.rows.windows(2).all(|rows| rows[0].account < rows[1].account));
            assert_eq!(list.parts().concat(), list.rows);
            true
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.split('\n').count();
            for problem in problems {
                assert!(usize::try_from(problem.line).unwrap() <= lines, "{problem}");
            }
            false
        }
    }
}

// --- Past -----------------------------------------------------------------------------------------

/// Reads bytes as a file of past payments, and as the message of a part of one.
///
/// Every line is read or has a fault, whatever stands before it; none that is kept is longer than a
/// line may be, and one that is left out is found again from its reject.
pub fn past(bytes: &[u8]) -> bool {
    if let Ok(message) = pb::ImportPaymentsRequest::decode(bytes)
        && let Ok(part) = read::past_part(message)
    {
        assert!(part.rows.len() <= 256 && part.rows.iter().all(|row| row.row < part.count));
        assert!(part.rows.iter().all(|row| row.payer < part.customers.len()));
        return true;
    }
    let Ok(mut lines) = Lines::open(bytes) else { return false };
    let (mut any, mut rows, mut last) = (false, 0, 1);
    while let Some(record) = lines.take().unwrap() {
        assert!(last < record.line && record.raw.len() <= 4_096 + 64);
        (rows, last) = (rows + 1, record.line);
        match record.row {
            Ok(row) => {
                any = true;
                assert!(record.whole && !row.money.amount.is_zero());
            }
            Err(faults) => assert!(!faults.is_empty()),
        }
    }
    assert_eq!(lines.bytes(), u64::try_from(bytes.len()).unwrap());
    let mut passed = 0;
    let mut lines = Lines::open(bytes).unwrap();
    while lines.pass().unwrap() {
        passed += 1;
    }
    assert_eq!(passed, rows);
    any
}

// --- Inputs that are right ------------------------------------------------------------------------

/// Returns inputs that a target must accept, by name: what mutations begin from.
pub fn right(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    match target {
        "request" => vec![("plain", plain().encode_to_vec()), ("full", full().encode_to_vec())],
        "iso20022" => {
            let text = |text: &str| text.as_bytes().to_vec();
            vec![
                ("pain", text(include_str!("../../deploy/examples/tonbridge-road.pain.001.xml"))),
                ("pacs", text(include_str!("../../deploy/examples/tonbridge-road.pacs.008.xml"))),
                (
                    "envelope",
                    text(include_str!("../../tests/iso20022/uk-chaps.pacs.008.001.08.xml")),
                ),
                ("date", text(include_str!("../../tests/iso20022/uk-chaps.pain.001.001.03.xml"))),
                (
                    "several",
                    text(include_str!(
                        "../../tests/iso20022/uk-faster-payment.pain.001.001.09.xml"
                    )),
                ),
            ]
        }
        "frame" => {
            let segment = written().fork().start(End::Killed).read(SEGMENT).unwrap();
            let sketch = sketch(&segment);
            assert_eq!(forged(&sketch), segment);
            vec![
                ("segment", [&[0], &segment[..]].concat()),
                ("torn", [&[0], &segment[..segment.len() - 40]].concat()),
                ("sketch", [&[1], &sketch[..]].concat()),
            ]
        }
        "snapshot" => remembered(),
        "list" => lists(),
        "past" => payments(),
        "policy" => {
            let files = policies::standard();
            let text = |at: u8| {
                let text = str::from_utf8(files.contents(FILES[usize::from(at)]).unwrap()).unwrap();
                let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
                [vec![at], lines.collect::<Vec<_>>().join("\n").into_bytes()].concat()
            };
            vec![
                ("policy", text(0)),
                ("lexicon", text(1)),
                ("cases", text(2)),
                ("warnings", text(3)),
                ("files", files.to_bytes()),
            ]
        }
        "lexicon" => TYPED.map(|(name, text)| (name, text.as_bytes().to_vec())).to_vec(),
        _ => Vec::new(),
    }
}

/// Texts of each kind that is seen through, and phrases to read them with.
const TYPED: [(&str, &str); 8] = [
    ("plain", "fee for bail\n+ 3 bail\n+ 0 legal advice\n- 3 bail out\n! not"),
    ("apart", "L E G A L advice, W A R R A N T\n+ 2 w a r"),
    ("together", "PAYFORLEGALADVICE\n- 0 advice fee"),
    ("digits", "W4RR4N7 FOR B4IL, SOL1C1T0R22\n+ 1 b4il"),
    ("slips", "warrent soliciter leagl advcie\n+ 3 warrens"),
    ("alike", "le\u{301}g\u{430}l \u{ff41}dvice, \u{1d41b}ail\n+ 3 b\u{430}il"),
    ("cut", "PAY FOR LEGAL ADVI\n+ 0 advise\n- 0 advi"),
    ("denied", "bail, and not for the bail\n! for"),
];

/// Returns what is remembered of a log, and the file of its snapshot.
fn remembered() -> Vec<(&'static str, Vec<u8>)> {
    let mut memory = Memory::new();
    let folder = Folder::open_read_only(written().fork().start(End::Killed)).unwrap();
    let reader = Reader::open(&folder).unwrap();
    let scanned = reader.scan(0, &mut |stored| {
        memory.apply(&Entry::read(&stored.parts).unwrap(), stored.parts.time);
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    let payload: Vec<u8> = Slices::new(&memory).flatten().collect();
    let base = begin(&written().fork()).unwrap();
    let mut file = b"clearline snapshot 1\n".to_vec();
    file.extend_from_slice(&FOLD_VERSION.to_be_bytes());
    file.extend_from_slice(&base.time.micros().to_be_bytes());
    file.extend_from_slice(&base.previous_frame);
    base.tree.put(&mut file);
    file.extend_from_slice(&payload);
    vec![("memory", packed(&payload)), ("file", packed(&file))]
}

/// Returns a file of past payments, and the message of a part of one.
fn payments() -> Vec<(&'static str, Vec<u8>)> {
    let file = "customer_key,payee_sort_code,payee_account_number,payee_iban,amount,currency,\
                sent_time,rail,payee_added_time\n\
                C-1,60-16-13,31926819,,12.50,GBP,2026-05-01T09:00:00Z,chaps,\n\
                C-2,,,IE29AIBK93115212345678,\"7\",EUR,2026-05-01T09:00:00+01:00,,2026-05-01T08:00:00Z\r\n\
                C-3,601613\n";
    let payment = pb::PastPayment {
        row: 1,
        payer: 0,
        payee_account: Some(pb::Account {
            sort_code: "601613".to_owned(),
            account_number: "31926819".to_owned(),
            ..pb::Account::default()
        }),
        amount: Some(pb::Money { currency_code: "GBP".into(), value: "12.50".into() }),
        send_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        rail: 2,
        payee_add_time: None,
    };
    let part = pb::ImportPaymentsRequest {
        content: vec![1; 32],
        first_row: 256,
        rows: 2,
        also_live: false,
        customer_keys: vec!["C-1".to_owned()],
        payments: vec![payment],
    };
    vec![("file", file.as_bytes().to_vec()), ("part", part.encode_to_vec())]
}

/// Returns a list of accounts, and the message of a part of one.
fn lists() -> Vec<(&'static str, Vec<u8>)> {
    let example = include_bytes!("../../deploy/lists/example.toml").to_vec();
    let account = |number: &str| pb::Account {
        sort_code: "601613".to_owned(),
        account_number: number.to_owned(),
        ..pb::Account::default()
    };
    let part = pb::LoadListPartRequest {
        version: 7,
        owner: "payments risk".to_owned(),
        content: vec![1; 32],
        part: 1,
        parts: 2,
        client_accounts: vec![account("55779911")],
        billers: vec![account("31926819"), account("00000001")],
    };
    vec![("example", example), ("part", part.encode_to_vec())]
}

/// Returns a question with every optional fact.
fn full() -> pb::ScreenTransferRequest {
    pb::ScreenTransferRequest::decode(&include_bytes!("../corpus/request/full")[..]).unwrap()
}

/// Returns another with none.
fn plain() -> pb::ScreenTransferRequest {
    let mut message = full();
    message.request_id.replace_range(..1, "1");
    message.payment_id.push('2');
    (message.continues, message.request_time) = (None, None);
    message.answers.clear();
    let full = message.transfer.take().unwrap();
    let payer = full.payer.unwrap();
    message.transfer = Some(pb::Transfer {
        amount: full.amount,
        confirm_time: full.confirm_time,
        payer: Some(pb::Payer {
            customer_key: payer.customer_key,
            account: payer.account,
            ..pb::Payer::default()
        }),
        payee: full.payee.map(|it| pb::Payee { account: it.account, ..pb::Payee::default() }),
        ..pb::Transfer::default()
    });
    message
}

/// Returns the sketch that a whole segment is made of.
fn sketch(segment: &[u8]) -> Vec<u8> {
    let mut sketch = Vec::new();
    let mut rest = &segment[20 + 8 + 32 + 2 + ORIGIN.len() + 32..];
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[4..8].try_into().unwrap());
        let (frame, after) = rest.split_at(8 + usize::try_from(length).unwrap());
        rest = after;
        let count = u32::from_be_bytes(frame[16..20].try_into().unwrap());
        let from = 20 + 32;
        let mut entries = &frame[from..];
        let mut end = from;
        for leaf in leaves(entries).take(usize::try_from(count).unwrap()) {
            let sealed = 4 + leaf.len();
            let length = u32::from_be_bytes(entries[sealed..sealed + 4].try_into().unwrap());
            let taken = sealed + 4 + usize::try_from(length).unwrap();
            (entries, end) = (&entries[taken..], end + taken);
        }
        sketch.push(u8::try_from(count).unwrap());
        sketch.extend_from_slice(&u16::try_from(end - from).unwrap().to_be_bytes());
        sketch.extend_from_slice(&frame[from..end]);
    }
    sketch
}
