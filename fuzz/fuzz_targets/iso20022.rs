//! Iso20022: arbitrary bytes as a payment message.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::iso20022(bytes);
});
