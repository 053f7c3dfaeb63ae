//! Snapshot: a fold of the log up to a point, so that a start need not read all of it.
//!
//! ```text
//! file := "clearline snapshot 1\n" | fold version u32 BE | time i64 BE | previous frame hash
//!       | frontier | payload | SHA-256 of all that
//! ```
//!
//! It says nothing that the log does not, so a damaged one is passed over and any may be removed.
//! The one exception: a snapshot shows how far the log once reached, and a log that ends before it
//! is not opened.

use std::io;

use sha2::{Digest as _, Sha256};

use crate::calendar::Time;
use crate::log::Base;
use crate::log::disk::Disk;
use crate::log::seal::take;
use crate::tlog::{Frontier, Hash};

/// Writes a snapshot slice by slice, and removes all but the newest two.
///
/// `fold_version` says what the payload means; `base` is the point of the log that it was taken at.
pub fn write(
    disk: &dyn Disk,
    fold_version: u32,
    base: &Base,
    slices: &mut dyn Iterator<Item = Vec<u8>>,
) -> io::Result<()> {
    let mut start = [MAGIC, &fold_version.to_be_bytes()].concat();
    start.extend_from_slice(&base.time.micros().to_be_bytes());
    start.extend_from_slice(&base.previous_frame);
    base.tree.put(&mut start);

    let file = disk.replace_with(&snapshot_file(base.position()), |file| {
        let mut digest = Sha256::new();
        for slice in std::iter::once(start).chain(slices) {
            digest.update(&slice);
            file.append(&slice)?;
        }
        file.append(&digest.finalize())
    });
    drop(file?);

    let mut positions = list(disk)?;
    positions.truncate(positions.len().saturating_sub(KEPT));
    positions.iter().try_for_each(|position| disk.remove(&snapshot_file(*position)))
}

/// Returns the newest whole snapshot of this fold version, and the point it was taken at.
pub fn newest(disk: &dyn Disk, fold_version: u32) -> Option<(Base, Vec<u8>)> {
    let positions = list(disk).ok()?;
    positions.iter().rev().find_map(|position| {
        let bytes = disk.read(&snapshot_file(*position)).ok()?;
        let (base, payload) = parse(&bytes, fold_version)?;
        (base.position() == *position).then_some((base, payload))
    })
}

/// Returns how many bytes the largest snapshot has; 0 where there is none.
pub(crate) fn largest(disk: &dyn Disk) -> io::Result<u64> {
    list(disk)?
        .iter()
        .try_fold(0, |most: u64, position| Ok(most.max(disk.size(&snapshot_file(*position))?)))
}

/// Returns the position of each snapshot, in order.
pub(crate) fn list(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let names = disk.list("snapshots")?;
    let positions = names.iter().filter_map(|name| name.strip_suffix(".snapshot"));
    Ok(positions.filter_map(|position| position.parse().ok()).collect())
}

/// Returns the name of the snapshot taken at a position.
pub(crate) fn snapshot_file(position: u64) -> String {
    format!("snapshots/{position:020}.snapshot")
}

/// Reads a snapshot; `None` where it is not whole, or not of this fold version.
fn parse(bytes: &[u8], fold_version: u32) -> Option<(Base, Vec<u8>)> {
    let (content, digest) = bytes.split_last_chunk()?;
    if Hash::from(Sha256::digest(content)) != *digest {
        return None;
    }
    let mut rest = content.strip_prefix(MAGIC)?.strip_prefix(&fold_version.to_be_bytes())?;
    let time = Time::from_micros(i64::from_be_bytes(*take(&mut rest)?));
    let previous_frame = *take(&mut rest)?;
    let tree = Frontier::take(&mut rest)?;
    Some((Base { tree, previous_frame, time }, rest.to_vec()))
}

const MAGIC: &[u8] = b"clearline snapshot 1\n";
// The newest may be damaged; two damaged ones are a broken disk.
const KEPT: usize = 2;
