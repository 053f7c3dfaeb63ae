//! Replay: reaches every decision of a log again and compares, byte for byte.
//!
//! Each entry holds everything that deciding read, and the policies lie beside the log under their
//! digests: so this needs no server, no clock and no network, and can be done years later on a copy.
//! What is remembered is folded on the way, from the beginning and from the newest snapshot, which
//! must come to the same.
//!
//! Never writes anything.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use crate::cli::decisions::Replay;
use crate::cli::{CliError, print};
use crate::decision::decide;
use crate::entry::{Decided, DecidedPublic, Entry, decision_id};
use crate::log::Stored;
use crate::log::disk::{Disk, RealDisk};
use crate::log::folder::Folder;
use crate::log::reader::Reader;
use crate::log::snapshot;
use crate::memory::{FOLD_VERSION, Memory};
use crate::policy::Policy;
use crate::tagged::Tagged as _;
use crate::telemetry::state::hex;
use crate::turn::start::kept;

/// What came of a replay.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// How many entries the log holds.
    pub entries: u64,
    /// How many decisions came out with the same bytes.
    pub equal: u64,
    /// How many can no longer be reached, because the payer was erased.
    pub erased: u64,
    /// What came out otherwise.
    pub unequal: Vec<Unequal>,
    /// Digest of what is remembered after the last entry.
    pub memory: [u8; 32],
    /// Position of the newest snapshot, and the digest it leads to; absent without a snapshot.
    pub snapshot: Option<(u64, [u8; 32])>,
}

/// An entry that came out otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unequal {
    /// Its position in the log.
    pub position: u64,
    /// The decision's name; empty where the entry is none.
    pub decision: String,
    /// What differs.
    pub what: String,
}

impl Replay {
    /// Replays the folder, and fails where anything came out otherwise.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let replayed = replay(&self.data)?;
        print(&if self.json { replayed.json() } else { replayed.to_string() })?;
        if replayed.holds() {
            return Ok(());
        }
        Err(CliError::NotAsExpected(
            "the log does not replay: keep it as it is, and compare the program that wrote it \
             with this one"
                .to_owned(),
        ))
    }
}

/// Replays the log of a data folder. A server may write it meanwhile: what was durable is replayed.
pub fn replay(data: &Path) -> Result<Replayed, CliError> {
    let failed =
        |why: &dyn fmt::Display| CliError::NotAsExpected(format!("`{}`: {why}", data.display()));
    let disk: Arc<dyn Disk> = Arc::new(
        RealDisk::open_read_only(data)
            .map_err(|source| CliError::Unreadable { path: data.display().to_string(), source })?,
    );
    let folder = Folder::open_read_only(Arc::clone(&disk)).map_err(|error| failed(&error))?;
    let reader = Reader::open(&folder).map_err(|error| failed(&error))?;

    let mut replaying = Replaying::new(disk);
    let scanned = reader.scan(0, &mut |stored| {
        replaying.take(&stored);
        ControlFlow::Continue(())
    });
    scanned.map_err(|error| failed(&error))?;
    Ok(replaying.end())
}

/// A replay under way.
#[derive(Debug)]
struct Replaying {
    disk: Arc<dyn Disk>,
    policies: BTreeMap<[u8; 32], Option<Policy>>,
    memory: Memory,
    /// What the newest snapshot remembers, once the log has come to its position.
    resumed: Option<(u64, Memory)>,
    replayed: Replayed,
}

impl Replaying {
    fn new(disk: Arc<dyn Disk>) -> Self {
        let resumed = snapshot::newest(&*disk, FOLD_VERSION)
            .and_then(|(base, bytes)| Some((base.position(), Memory::from_snapshot(&bytes).ok()?)));
        Self {
            disk,
            policies: BTreeMap::new(),
            memory: Memory::new(),
            resumed,
            replayed: Replayed::default(),
        }
    }

    fn take(&mut self, stored: &Stored) {
        let position = stored.receipt.index();
        match Entry::read(&stored.parts) {
            Ok(entry) => {
                if let Entry::Decided(decided) = &entry {
                    self.decided(position, decided);
                }
                self.memory.apply_written(&entry, &stored.parts);
                if let Some((from, memory)) = &mut self.resumed
                    && *from <= position
                {
                    memory.apply_written(&entry, &stored.parts);
                }
            }
            Err(error) => self.unequal(position, String::new(), error.to_string()),
        }
        self.replayed.entries = position.saturating_add(1);
    }

    fn decided(&mut self, position: u64, decided: &Decided) {
        let public = &decided.public;
        let Some(personal) = &decided.personal else {
            self.replayed.erased = self.replayed.erased.saturating_add(1);
            return;
        };
        let id = Uuid::from_bytes(decision_id(position, public.identity.request));
        let name = format!("decisions/{id}");
        let Some(policy) = self.policy(public.policy) else {
            let digest = hex(&public.policy);
            return self.unequal(position, name, format!("`policies/{digest}` is not there whole"));
        };

        let again = decide(&personal.facts, policy);
        let same = again.to_bytes() == personal.decision.to_bytes();
        let words = again.words(&personal.facts, policy);
        let stated = DecidedPublic {
            build: public.build.clone(),
            continues: public.continues,
            ..DecidedPublic::of(public.identity, &personal.facts, &again, public.policy)
        };
        if !same {
            self.unequal(position, name, "the decision".to_owned());
        } else if words != personal.words {
            self.unequal(position, name, "the words of the warning".to_owned());
        } else if stated != *public {
            self.unequal(position, name, "the public part".to_owned());
        } else {
            self.replayed.equal = self.replayed.equal.saturating_add(1);
        }
    }

    /// Returns the policy with that digest, read once.
    fn policy(&mut self, digest: [u8; 32]) -> Option<&Policy> {
        let disk = &self.disk;
        self.policies.entry(digest).or_insert_with(|| kept(&**disk, &digest)).as_ref()
    }

    fn unequal(&mut self, position: u64, decision: String, what: String) {
        self.replayed.unequal.push(Unequal { position, decision, what });
    }

    fn end(mut self) -> Replayed {
        self.replayed.memory = self.memory.digest();
        self.replayed.snapshot = self.resumed.map(|(position, memory)| (position, memory.digest()));
        self.replayed
    }
}

impl Replayed {
    /// Tells whether everything came out as it was recorded.
    pub fn holds(&self) -> bool {
        let folded = self.snapshot.is_none_or(|(_, digest)| digest == self.memory);
        self.unequal.is_empty() && folded
    }

    fn json(&self) -> String {
        let unequal = self.unequal.iter().map(|one| {
            let Unequal { position, decision, what } = one;
            json!({ "position": position, "decision": decision, "what": what })
        });
        let summary = json!({
            "entries": self.entries,
            "equal": self.equal,
            "erased": self.erased,
            "unequal": self.unequal.len(),
            "memory": hex(&self.memory),
            "snapshot": self.snapshot.map(|(position, digest)| {
                json!({ "position": position, "memory": hex(&digest) })
            }),
        });
        let lines: Vec<String> =
            unequal.chain([summary]).map(|object| object.to_string()).collect();
        lines.join("\n") + "\n"
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} entries", self.entries)?;
        writeln!(f, "{} decisions reached again, byte for byte", self.equal)?;
        if 0 < self.erased {
            writeln!(f, "{} decisions of payers who were erased", self.erased)?;
        }
        for Unequal { position, decision, what } in self.unequal.iter().take(SHOWN_MAX) {
            writeln!(f, "entry {position} {decision} came out otherwise: {what}")?;
        }
        writeln!(f, "{} came out otherwise", self.unequal.len())?;
        writeln!(f, "what is remembered: sha256:{}", hex(&self.memory))?;
        match self.snapshot {
            Some((position, digest)) if digest == self.memory => {
                writeln!(f, "the same from the snapshot at entry {position}")
            }
            Some((position, digest)) => {
                let digest = hex(&digest);
                writeln!(f, "OTHERWISE from the snapshot at entry {position}: sha256:{digest}")
            }
            None => Ok(()),
        }
    }
}

// Where one is wrong, thousands may be; `--json` has them all.
const SHOWN_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{DecidedPersonal, Identity, Listed, Parameters};
    use crate::log::segments::Settings;
    use crate::memory::snapshot::Slices;
    use crate::policy::{load, standard};
    use crate::testing::{allowed, listed, request, time};
    use crate::transfer::Stage;
    use crate::turn::start::{Plan, Started, start};
    use crate::turn::{Answer, Screen, Task};
    use crate::warning::Words;

    /// Returns a decision as the shipped policy makes it.
    fn decided() -> Decided {
        let policy = load(standard()).unwrap();
        let mut decided = allowed(request(1), 1, time("2026-11-20T15:04:05Z"));
        let personal = decided.personal.as_mut().unwrap();
        personal.decision = decide(&personal.facts, &policy);
        let (facts, decision) = (&personal.facts, &personal.decision);
        let identity = decided.public.identity;
        decided.public = DecidedPublic::of(identity, facts, decision, policy.digest());
        decided
    }

    /// Replays one decision beside the shipped policy.
    fn replayed(decided: &Decided) -> Replayed {
        let data = tempfile::tempdir().unwrap();
        let files = standard();
        let policies = data.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        std::fs::write(policies.join(hex(&files.digest())), files.to_bytes()).unwrap();
        let disk = Arc::new(RealDisk::open_read_only(data.path()).unwrap());
        let mut replaying = Replaying::new(disk);
        replaying.decided(7, decided);
        replaying.end()
    }

    /// Changes a decision and holds the replay to naming what differs.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Decided), want: &str) {
        let mut decided = decided();
        change(&mut decided);
        let replayed = replayed(&decided);
        let what: Vec<_> = replayed.unequal.iter().map(|one| (one.position, &*one.what)).collect();
        assert_eq!(what, [(7, want)]);
        assert!(!replayed.holds());
        assert!(replayed.to_string().contains("entry 7 decisions/00000000-0007-8"), "{replayed}");
    }

    fn words() -> Words {
        Words {
            id: "other".into(),
            version: 1,
            locale: "en".into(),
            title: "".into(),
            paragraphs: Vec::new(),
            safe_action: "".into(),
            questions: Vec::new(),
            digest: [0; 32],
        }
    }

    fn personal(decided: &mut Decided) -> &mut DecidedPersonal {
        decided.personal.as_mut().unwrap()
    }

    #[test]
    fn a_decision_that_comes_out_the_same_is_counted() {
        let replayed = replayed(&decided());
        assert!(replayed.holds(), "{replayed}");
        assert_eq!((replayed.equal, replayed.erased), (1, 0));
    }

    #[test]
    fn a_decision_that_comes_out_otherwise_is_named() {
        check(|decided| personal(decided).decision.quiet[0].version += 1, "the decision");
        check(|decided| personal(decided).facts.stage = Stage::Rescreen, "the public part");
        check(
            |decided| personal(decided).words = Some(Box::new(words())),
            "the words of the warning",
        );
        check(|decided| decided.public.points = Some(1), "the public part");
        check(|decided| decided.public.fired.push(1), "the public part");
        let digest = "09".repeat(32);
        check(
            |decided| decided.public.policy = [9; 32],
            &format!("`policies/{digest}` is not there whole"),
        );
    }

    #[test]
    fn a_decision_of_an_erased_payer_is_no_difference() {
        let replayed = replayed(&Decided { personal: None, ..decided() });
        assert!(replayed.holds(), "{replayed}");
        assert_eq!((replayed.equal, replayed.erased), (0, 1));
    }

    #[test]
    fn lists_are_remembered_on_the_way_from_a_snapshot_and_from_the_beginning() {
        let data = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(data.path()).unwrap());
        let policy = Arc::new(load(standard()).unwrap());
        let now = time("2026-11-20T15:04:05Z");
        let open = || {
            let plan = Plan {
                origin: "test".to_owned(),
                log: Settings::default(),
                parameters: Parameters::FIRST,
                policy: Arc::clone(&policy),
            };
            start(&disk, plan, now).unwrap()
        };
        let Started { mut engine, tokens, .. } = open();
        let screen = |number| {
            let request = request(number);
            let identity = Identity::of(&request, &tokens);
            let policy = policy.digest();
            Task::Screen(Box::new(Screen {
                request,
                identity,
                mentions: Vec::new(),
                policy,
                trace: None,
            }))
        };
        let payee = Identity::of(&request(1), &tokens).payee;
        let list = |part, parts| {
            let client_accounts = vec![payee];
            Task::List(Box::new(Listed { client_accounts, ..listed(3, (part, parts), &[]) }))
        };
        let verified = |answer: &Answer| {
            let Answer::Decided(decided, _) = answer else { panic!("{answer:?}") };
            decided.public.fired.contains(&30)
        };

        let tasks = vec![list(1, 2), screen(1), list(2, 2), screen(2)];
        let outcomes = engine.turn(tasks, now).unwrap();
        let answers: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        assert!(matches!(answers[0], Answer::Listed(1, 2)), "{answers:?}");
        assert!(matches!(answers[2], Answer::Listed(2, 2)), "{answers:?}");
        assert_eq!((verified(&answers[1]), verified(&answers[3])), (false, true));

        // A snapshot of an older fold, which knew of no lists, is passed over.
        let base = engine.log().base();
        let slices = || Slices::new(engine.memory());
        snapshot::write(&*disk, FOLD_VERSION - 1, &base, &mut slices()).unwrap();
        assert!(snapshot::newest(&*disk, FOLD_VERSION).is_none());
        snapshot::write(&*disk, FOLD_VERSION, &base, &mut slices()).unwrap();
        let outcomes = engine.turn(vec![screen(3)], now).unwrap();
        assert!(verified(outcomes[0].as_ref().unwrap()));
        let digest = engine.memory().digest();
        engine.into_log().close().unwrap();

        let replayed = replay(data.path()).unwrap();
        assert!(replayed.holds(), "{replayed}");
        assert_eq!((replayed.equal, replayed.memory), (3, digest));
        assert_eq!(replayed.snapshot, Some((base.position(), digest)));

        // The same from the snapshot and, without it, from the first entry on.
        for removed in [false, true] {
            if removed {
                std::fs::remove_dir_all(data.path().join("snapshots")).unwrap();
                std::fs::create_dir(data.path().join("snapshots")).unwrap();
            }
            let Started { engine, spared, .. } = open();
            assert_eq!(spared == 0, removed);
            assert_eq!(engine.memory().list(), Some((3, 1, 0)));
            assert_eq!(engine.memory().digest(), digest);
            engine.into_log().close().unwrap();
        }
    }
}
