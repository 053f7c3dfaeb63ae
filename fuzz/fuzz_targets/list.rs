//! List: arbitrary bytes as a list of accounts.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::list(bytes);
});
