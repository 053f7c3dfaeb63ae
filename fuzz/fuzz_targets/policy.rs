//! Policy: arbitrary bytes as files of a policy.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::policy(bytes);
});
