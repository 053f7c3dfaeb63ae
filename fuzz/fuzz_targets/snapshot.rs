//! Snapshot: arbitrary bytes as a snapshot of memory.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::snapshot(bytes);
});
