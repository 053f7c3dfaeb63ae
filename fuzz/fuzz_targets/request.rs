//! Request: arbitrary bytes as a question about a transfer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::request(bytes);
});
