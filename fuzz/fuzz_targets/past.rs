//! Past: arbitrary bytes as a file of past payments.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::past(bytes);
});
