//! Frame: arbitrary bytes as a segment of the log.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::frame(bytes);
});
