//! Lists: what is found through indexes is what is there.

use std::sync::Arc;

use clearline::log::Stored;
use clearline::log::folder::Folder;
use clearline::log::index::Scratch;
use clearline::log::reader::{Query, Reader};

use crate::disk::{End, Random, SimulatedDisk};
use crate::*;

/// Lists the plain way.
fn naive(stored: &[Stored], query: &Query) -> Vec<Stored> {
    let wanted = stored.iter().rev().filter(|stored| {
        let mut values = Vec::new();
        values_of(stored.parts.kind, &stored.parts.public, &mut values);
        stored.receipt.index() < query.below
            && query.keys.iter().all(|key| values.contains(key))
            && query.from.is_none_or(|from| from <= stored.parts.time)
            && query.until.is_none_or(|until| stored.parts.time < until)
    });
    wanted.take(query.limit).cloned().collect()
}

#[track_caller]
fn check_lists(reader: &Reader, stored: &[Stored], random: &mut Random) {
    let number = |end: u64, random: &mut Random| usize::try_from(random.below(end)).unwrap();
    let length = u64::try_from(stored.len()).unwrap();
    for _ in 0..100 {
        let kind = IndexKey { field: 1, value: [u8::try_from(random.below(4)).unwrap(); 16] };
        let byte = IndexKey { field: 2, value: [u8::try_from(random.below(6)).unwrap(); 16] };
        let keys = [vec![], vec![kind], vec![byte], vec![kind, byte]][number(4, random)].clone();
        let mut time = || {
            let at = number(length * 3 / 2, random);
            stored.get(at).map(|stored| stored.parts.time)
        };
        let (from, until) = (time(), time());
        let below = [random.below(length + 2), u64::MAX][number(2, random)];
        let limit = [1, 5, 1000][number(3, random)];
        let query = Query { keys, from, until, below, limit };
        assert_eq!(reader.list(&query).unwrap(), naive(stored, &query), "{query:?}");
    }
}

#[test]
fn lists_are_the_same_with_and_without_indexes() {
    let (sim, stored) = written(9, &[1; 120]);
    let random = &mut Random::new(9);
    let (files, _) = open(&sim.start(End::Killed), false).unwrap();
    let reader = files.reader();
    assert!(3 < reader.unindexed());
    check_lists(&reader, &stored, random);
    assert!(reader.build_index(&mut Scratch::default()).unwrap());
    check_lists(&reader, &stored, random);
    while reader.build_index(&mut Scratch::default()).unwrap() {}
    assert_eq!(reader.unindexed(), 0);
    check_lists(&reader, &stored, random);

    let (files, _) = open(&sim.start(End::PowerLoss), false).unwrap();
    assert_eq!(files.reader().unindexed(), 0);
    check_lists(&files.reader(), &stored, random);
}

#[test]
fn a_damaged_index_is_never_believed_and_is_built_again() {
    let (sim, stored) = written(10, &[1; 60]);
    let random = &mut Random::new(10);
    let (files, _) = open(&sim.start(End::Killed), false).unwrap();
    while files.reader().build_index(&mut Scratch::default()).unwrap() {}
    drop(files);
    let disk = sim.fork().start(End::Killed);
    let name = format!("index/{}", disk.list("index").unwrap()[0]);
    let length = usize::try_from(disk.size(&name).unwrap()).unwrap();
    for at in (0..length).step_by(31).chain([length - 1]) {
        let fork = sim.fork();
        fork.change(&name, |bytes| bytes[at] ^= 4);
        let (files, _) = open(&fork.start(End::Killed), false).unwrap();
        let reader = files.reader();
        check_lists(&reader, &stored, random);
        assert_eq!(reader.unindexed(), 1, "byte {at}");
        assert!(reader.build_index(&mut Scratch::default()).unwrap());
        check_lists(&reader, &stored, random);
        assert_eq!(reader.unindexed(), 0);
    }
}

#[test]
fn an_index_is_the_same_whether_its_entries_were_written_or_read() {
    let sim = SimulatedDisk::new(12);
    let disk = sim.start(End::Killed);
    let (mut files, _) = open(&disk, false).unwrap();
    let random = &mut Random::new(12);
    for position in 0..40 {
        commit(&mut files, &[parts(position, random)]).unwrap();
    }
    let indexes = |reader: &Reader| -> Vec<(String, Vec<u8>)> {
        let scratch = &mut Scratch::default();
        while reader.build_index(scratch).unwrap() {}
        let names = disk.list("index").unwrap();
        names
            .iter()
            .map(|name| (name.clone(), disk.read(&format!("index/{name}")).unwrap()))
            .collect()
    };
    let written = indexes(&files.reader());
    assert!(3 < written.len(), "{}", written.len());
    for (name, _) in &written {
        disk.remove(&format!("index/{name}")).unwrap();
    }
    let folder = Folder::open_read_only(Arc::clone(&disk)).unwrap().listed_by(values_of);
    assert_eq!(indexes(&Reader::open(&folder).unwrap()), written);
}
