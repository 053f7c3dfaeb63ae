//! Unreadable: an entry that is whole, and that nobody can read.

use std::sync::Arc;

use clearline::entry::{Parameters, Parts};
use clearline::log::folder::{Folder, OpenError};
use clearline::log::segments::{Files, Settings};
use clearline::policy;
use clearline::turn::start::{Plan, StartError, start};

use super::disk::{End, SimulatedDisk};
use super::{ORIGIN, commit};

#[test]
fn an_entry_that_cannot_be_read_refuses_the_start_by_its_position_however_much_follows() {
    let policy = Arc::new(policy::load(policy::standard()).unwrap());
    let disk = SimulatedDisk::new(5).start(End::Killed);
    let plan = || Plan {
        origin: ORIGIN.to_owned(),
        log: Settings::default(),
        parameters: Parameters::FIRST,
        policy: Arc::clone(&policy),
    };
    let began = start(&disk, plan(), super::parts(0, &mut super::Random::new(5)).time).unwrap();
    let (time, position) = (began.engine.memory().time(), began.engine.memory().position());
    drop(began);

    // More than wait for whoever reads them, so that the other end is found gone.
    for count in [1, 5_000] {
        let folder = Folder::open(Arc::clone(&disk), ORIGIN).unwrap();
        let mut files = Files::open(folder, Settings::default(), None, &mut |_| Ok(())).unwrap();
        let bad = Parts { kind: 3, time, slot: 0, public: vec![0xff], personal: None };
        for batch in vec![bad; count].chunks(500) {
            commit(&mut files, batch).unwrap();
        }
        drop(files);
        let refused = start(&disk, plan(), time).map(drop);
        let Err(StartError::Open(OpenError::Refused { position: at, problem })) = refused else {
            panic!("{count} entries: {refused:?}")
        };
        assert_eq!(at, position, "{count} entries");
        assert!(!problem.is_empty(), "{count} entries");
    }
}
