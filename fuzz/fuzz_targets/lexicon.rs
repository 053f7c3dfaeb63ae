//! Lexicon: arbitrary bytes as a text that somebody typed and the lexicon it is read with.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    clearline_fuzz::lexicon(bytes);
});
