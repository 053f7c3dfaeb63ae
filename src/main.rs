//! Clearline, the command.

fn main() {}
